"""Work that is answered later: what was ordered, how far it is, what came of it, and who is told."""

import enum
from dataclasses import dataclass
from datetime import datetime

from rubylith.domain.errors import RubylithError

JSONObject = dict[str, object]


class JobState(enum.StrEnum):
    """queued → running → succeeded | failed | cancelled; a queued job may fail or be cancelled too. Never backwards."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True once nothing more will happen to the job."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class DeliveryState(enum.StrEnum):
    """pending ⇄ sending → delivered | dead. A delivered or dead one becomes pending again only by a replay."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Verdict(enum.StrEnum):
    """What one attempt at a webhook came to: taken, worth another try, or hopeless."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a webhook. `note` says in a few words what the other side did, for whoever looks into it."""

    verdict: Verdict
    note: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the caller's webhook fares.

    attempts: how often it was tried, replays included. due_at: when the next try may begin; None once it is over.
    """

    url: str
    state: DeliveryState
    attempts: int
    due_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a job failed: the name of the error in the tree, what is wrong, and how to mend it."""

    kind: str
    message: str
    hint: str

    @classmethod
    def of(cls, error: RubylithError) -> "Problem":
        """The words of an error."""
        return cls(type(error).__name__, error.message, error.hint)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored file that belongs to a job. `key` finds it in the store, `name` is what the caller sees."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for.

    owner: who; only they can see the job. dialect: the door it came through, which also words the answer.
    request: the door's own JSON; pictures travel as keys of stored objects, never inside. priority: lower goes first.
    idempotency_key: the same owner, key and order again is the same job.
    start_timeout_seconds: the job fails when it was not begun by then. forget_seconds: after that long, its record and
    its files are gone, instead of some time after it has finished.
    """

    owner: str
    dialect: str
    request: JSONObject
    priority: int = 0
    webhook: str | None = None
    idempotency_key: str | None = None
    start_timeout_seconds: float | None = None
    forget_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a piece of work came to: the answer, and the files that go with it."""

    result: JSONObject
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """An order and what became of it. Times are aware UTC; `progress` is a share from 0 to 1.

    attempts: how often the work was begun; more than one after a crash, a hand-over or a transient failure.
    start_by: the deadline for beginning. retry_of: the job whose order this one repeats. forget_at: when it counts as
    not there any more, if the order says so.
    """

    id: str
    owner: str
    dialect: str
    state: JobState
    request: JSONObject
    priority: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    start_by: datetime | None
    attempts: int
    progress: float
    result: JSONObject | None
    artifacts: tuple[Artifact, ...]
    problem: Problem | None
    delivery: Delivery | None
    retry_of: str | None
    forget_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that the work wrote. `number` grows, with gaps."""

    number: int
    at: datetime
    text: str


class Cancelled(Exception):
    """Raised inside a piece of work when it is to stop: somebody cancelled the job, or it now belongs to another node.

    Let it pass; nothing that the work returns afterwards counts.
    """
