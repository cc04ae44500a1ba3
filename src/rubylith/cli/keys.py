"""`rubylith keys`: who may use the server."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from rubylith.cli._lines import say, tell
from rubylith.domain.caller import Quota, Scope
from rubylith.domain.errors import InvalidPrompt, NotFound

if TYPE_CHECKING:
    from rubylith.service.access import Access


class Action(enum.StrEnum):
    """What to do."""

    CREATE = "create"
    LIST = "list"
    REVOKE = "revoke"
    USAGE = "usage"


def command(
    action: Annotated[Action, typer.Argument(help="create, list, revoke or usage")],
    name: Annotated[str | None, typer.Argument(help="Whose key: a name of your choice.")] = None,
    *,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it opens; may be given twice.")] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None,
    concurrent: Annotated[int | None, typer.Option(min=1, help="Requests at once.")] = None,
) -> int:
    """Make, list and revoke API keys, and see what was used. A key is shown once, when it is made."""
    access = _access()
    if action is Action.LIST:
        for key in access.list():
            state = "revoked" if key.revoked_at else "valid"
            scopes = ",".join(sorted(key.scopes))
            tell(f"{key.id}  {key.shown}…  {key.name}  {scopes}  {key.created_at:%Y-%m-%d}  {state}")
        return 0
    if action is Action.USAGE:
        return _show_usage(access, name)
    if not name:
        raise InvalidPrompt(f"rubylith keys {action} needs a name", f"Write rubylith keys {action} NAME")
    if action is Action.CREATE:
        issued = access.create(name, frozenset(scope or [Scope.SEGMENT]), Quota(rate, 60, concurrent))
        say(f"Made the key {issued.key.id} for {name}. It is shown this once:")
        tell(issued.secret)
        return 0
    return _revoke(access, name)


def _show_usage(access: "Access", name: str | None) -> int:
    """A line for each key and day; of all callers, or of those of this name or id."""
    names = {key.id: key.name for key in access.list()}
    wanted = {name, *(id_ for id_, called in names.items() if called == name)}
    days = access.usage_by_day()
    if name is not None and not wanted & {*names, *(caller for caller, _, _ in days)}:
        raise NotFound(
            f"No key is or was called {name!r}, and nobody of that id used anything", "See rubylith keys list"
        )
    for caller, day, used in days:
        if name is None or caller in wanted:
            amounts = f"{used.requests} requests  {used.megapixels:.1f} megapixels  {used.seconds:.1f} s"
            tell(f"{day}  {caller}  {names.get(caller, '')}  {amounts}")
    return 0


def _revoke(access: "Access", name: str) -> int:
    found = [key for key in access.list() if name in {key.name, key.id} and key.revoked_at is None]
    if not found:
        raise NotFound(f"No valid key is called {name!r}", "See rubylith keys list")
    if len(found) > 1:
        raise InvalidPrompt(f"{len(found)} valid keys are called {name!r}", "Give the id that rubylith keys list shows")
    access.revoke(found[0].id)
    say(f"Revoked {found[0].id}.")
    return 0


def _access() -> "Access":
    from rubylith.service.access import Access
    from rubylith.service.operator import open_database
    from rubylith.settings import read_settings

    settings = read_settings()
    return Access(open_database(settings.database_url, settings.home))
