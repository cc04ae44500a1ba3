"""`rubylith jobs`: what was ordered, and what became of it."""

import enum
import json
from typing import Annotated

import typer

from rubylith.cli._lines import say, tell
from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.job import DeliveryState, Job, JobState


class Action(enum.StrEnum):
    """What to do."""

    LIST = "list"
    SHOW = "show"
    CANCEL = "cancel"
    RETRY = "retry"
    REPLAY = "replay"


def command(
    action: Annotated[Action, typer.Argument(help="list, show, cancel, retry, or replay (send the webhook again)")],
    job_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Which job.")] = None,
    *,
    state: Annotated[list[JobState] | None, typer.Option(help="List those in this state; may be given twice.")] = None,
    dead_letters: Annotated[bool, typer.Option("--dead-letters", help="List those whose webhook failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="List at most this many, newest first.")] = 100,
) -> int:
    """List jobs, look at one, take it back, do it again, or send its webhook again."""
    from rubylith.service.operator import open_board
    from rubylith.settings import read_settings

    settings = read_settings()
    board = open_board(settings.database_url, settings.home)
    if action is Action.LIST:
        delivery = DeliveryState.DEAD if dead_letters else None
        for job in board.list(states=tuple(state or ()), delivery=delivery, limit=limit):
            tell(_line(job))
        return 0
    if not job_id:
        raise InvalidPrompt(f"rubylith jobs {action} needs the id of a job", "See rubylith jobs list")
    if action is Action.SHOW:
        tell(json.dumps(_document(board.get(job_id), [line.text for line in board.logs(job_id)]), indent=2))
        return 0
    verb = {Action.CANCEL: board.cancel, Action.RETRY: board.retry, Action.REPLAY: board.replay}[action]
    say(_line(verb(job_id)))
    return 0


def _line(job: Job) -> str:
    told = f"  webhook {job.delivery.state}" if job.delivery else ""
    problem = f"  {job.problem.message}" if job.problem else ""
    return f"{job.id}  {job.state:<9}  {job.created_at:%Y-%m-%d %H:%M:%S}  {job.dialect}  {job.owner}{told}{problem}"


def _document(job: Job, logs: list[str]) -> dict[str, object]:
    times = {name: getattr(job, name) for name in ("created_at", "started_at", "finished_at")}
    return {
        "id": job.id,
        "state": job.state,
        "owner": job.owner,
        "dialect": job.dialect,
        "request": job.request,
        "priority": job.priority,
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
        "attempts": job.attempts,
        "progress": job.progress,
        "result": job.result,
        "files": [artifact.key for artifact in job.artifacts],
        "problem": None if job.problem is None else [job.problem.kind, job.problem.message, job.problem.hint],
        "webhook": None if job.delivery is None else [job.delivery.url, job.delivery.state, job.delivery.note],
        "logs": logs,
    }
