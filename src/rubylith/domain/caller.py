"""Who asks: API keys, what they open, how much they may ask for and what they have used."""

import enum
from dataclasses import dataclass
from datetime import datetime

from rubylith.domain.errors import Forbidden


class Scope(enum.StrEnum):
    """What a key opens."""

    SEGMENT = "segment"  # pictures, jobs and files of one's own
    MODELS = "models"  # load, unload and fetch models
    ADMIN = "admin"  # everybody's jobs and keys


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one caller may ask for: `requests` within `window_seconds`, `concurrent` at once. None is no limit."""

    requests: int | None = None
    window_seconds: int = 60
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret. `shown`: its first characters, to tell keys apart; times are aware UTC."""

    id: str
    name: str
    shown: str
    scopes: frozenset[Scope]
    quota: Quota
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever showed a key. `id` owns what the caller makes: the id of the key, the same after a restart."""

    id: str
    name: str
    scopes: frozenset[Scope]
    quota: Quota = Quota()

    def require(self, scope: Scope) -> None:
        """Forbidden unless the key opens this."""
        if scope not in self.scopes:
            raise Forbidden(f"The key {self.name!r} lacks the scope {scope.value!r}", "Use a key that has it")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one caller had done, in all or on one day."""

    requests: int = 0
    pictures: int = 0
    megapixels: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.pictures + other.pictures,
            self.megapixels + other.megapixels,
            self.seconds + other.seconds,
        )
