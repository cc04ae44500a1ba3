"""Where the planner stands in a schema, and what it has decided there."""

from dataclasses import dataclass, replace

from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Field, Level
from rubylith.schemas.names import Words, words_of
from rubylith.schemas.results import Value


@dataclass(frozen=True, slots=True)
class Planned:
    """What goes in. roles: how many fields in it tell of the picture; constant: it is the same for every picture."""

    value: Value
    roles: int
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Unplanned:
    """Nothing of ours goes in. fields: the paths of the required ones that are to blame."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """around: descriptions of the objects it lies in. within: the references that lead here.

    parallel: arrays beside it have an element per result. wraps: words of the name of the object it stands in.
    """

    name: str = ""
    path: str = ""
    level: Level = Level.IMAGE
    around: str = ""
    within: tuple[str, ...] = ()
    siblings: frozenset[str] = frozenset()
    inside: Words = ()
    parallel: bool = False

    @property
    def words(self) -> Words:
        """Its name as words."""
        return words_of(self.name)

    @property
    def shown(self) -> str:
        """Its path for people."""
        return self.path or "root"

    def child(self, name: str, siblings: frozenset[str]) -> "Place":
        """A property of the object here."""
        path = f"{self.path}.{name}" if self.path else name
        inside = self.words or self.inside
        return replace(self, name=name, path=path, siblings=siblings, inside=inside, parallel=False)

    def item(self) -> "Place":
        """An element of the array here, or a value of the mapping; it has the same name."""
        return replace(self, path=f"{self.path}[]")

    def field(self, schema: Schema, about: str, level: Level | None = None) -> Field:
        """What a role looks at."""
        return Field(
            name=self.name,
            words=self.words,
            about=about.lower(),
            around=self.around.lower(),
            path=self.path,
            schema=schema,
            level=level or self.level,
            siblings=self.siblings,
            inside=self.inside,
        )
