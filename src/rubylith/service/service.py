"""What Rubylith can do for a caller, as verbs. Every dialect is a translation of these and nothing else.

segment · embed · submit · watch · job · history · cancel · retry · replay · upload · models · pull · load · unload
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, overload

from rubylith.domain.caller import Caller, Scope, Usage
from rubylith.domain.errors import NotFound, RubylithError
from rubylith.domain.geometry import Size
from rubylith.domain.image import ImageSource, Inline, Link, Stored
from rubylith.domain.job import Job, JobState, JSONObject, LogLine, Order
from rubylith.domain.prompt import Everything, Objects, check_objects, in_pixels
from rubylith.domain.request import SegmentRequest
from rubylith.engine.catalog import EMBEDDED as EMBEDDED_MODEL
from rubylith.jobs import Jobs
from rubylith.service.access import Access
from rubylith.service.changes import Changes
from rubylith.service.delivery import find_formats
from rubylith.service.durable import PATIENT
from rubylith.service.files import EMBEDDED, KEEP_SECONDS, SOURCE, Files, StoredFile, id_of
from rubylith.service.intake import Header, inspect
from rubylith.service.metrics import Metrics
from rubylith.service.models import ModelState
from rubylith.service.orders import write_request
from rubylith.service.scheduler import Scheduler, Ticket
from rubylith.service.sources import Sources
from rubylith.service.uploads import Ticket as UploadTicket
from rubylith.service.uploads import Uploads
from rubylith.service.webhook_secrets import WebhookSecrets
from rubylith.service.webhooks import Ed25519Signing, Sender, jwks
from rubylith.service.work import Answer, Worker

Written = TypeVar("Written")

WATCH_SECONDS = 1.0  # how soon a change that another node makes is noticed; those of this one at once


@dataclass(frozen=True, slots=True)
class Instructions:
    """How a job is to be run and who is told.

    dialect: the door it came through; extra: that door's own notes. keep_seconds: for how long its files are kept, if
    not for as long as results are kept here. forget_seconds: after that long the job is gone with its files, unless the
    operator has set a time for all. patient: False lets the job fail as InvalidOrder as soon as its picture cannot be
    fetched, which is tried again otherwise. encrypted: its webhook goes by https, or to a network of the operator.
    """

    dialect: str
    webhook: str | None = None
    priority: int = 0
    idempotency_key: str | None = None
    start_timeout_seconds: float | None = None
    extra: JSONObject | None = None
    keep_seconds: float | None = None
    forget_seconds: float | None = None
    patient: bool = True
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """The verbs, and what they stand on.

    stopping: set when the server is told to stop. job_seconds: how long jobs are kept, where the operator says so.
    """

    access: Access
    worker: Worker
    scheduler: Scheduler
    jobs: Jobs
    files: Files
    uploads: Uploads
    sources: Sources
    sender: Sender
    webhook_secrets: WebhookSecrets
    signing: Ed25519Signing
    metrics: Metrics
    default_model: str
    public_url: str | None = None
    job_seconds: float | None = None
    changes: Changes = field(default_factory=Changes)
    stopping: threading.Event = field(default_factory=threading.Event)

    def check(self, request: SegmentRequest) -> None:
        """What is wrong with a request whatever the picture, for doors that tell it in their own way.

        UnknownName, UnknownWord, InvalidPrompt, or WeightsMissing.
        """
        find_formats(request.formats)
        self.worker.check(request)

    @overload
    def segment(
        self, request: SegmentRequest, caller: Caller, *, then: Callable[[Answer], SegmentRequest | None] | None = None
    ) -> tuple[Ticket, Future[Answer]]: ...

    @overload
    def segment(
        self,
        request: SegmentRequest,
        caller: Caller,
        *,
        then: Callable[[Answer], SegmentRequest | None] | None = None,
        write: Callable[[Answer], Written],
    ) -> tuple[Ticket, Future[Written]]: ...

    def segment(
        self,
        request: SegmentRequest,
        caller: Caller,
        *,
        then: Callable[[Answer], SegmentRequest | None] | None = None,
        write: Callable[[Answer], Any] | None = None,
    ) -> tuple[Ticket, Future[Any]]:
        """Answer now. RateLimited or Overloaded at once; everything else comes from the future.

        then: what to ask next in the light of an answer, in the same turn; None ends it. The last answer is given.
        write: what to make of it, in the same turn too: packing files takes a core as the work does.
        """
        caller.require(Scope.SEGMENT)
        self.access.charge(caller)
        find_formats(request.formats)

        def work(ticket: Ticket) -> Any:
            with self.access.slot(caller):
                answer = self._counted(request, caller, ticket)
                while then is not None and (following := then(answer)) is not None:
                    ticket.check()
                    answer = self._counted(following, caller, ticket)
                return answer if write is None else write(answer)

        return self.scheduler.submit(work, caller.id)

    def check_picture(self, request: SegmentRequest, caller: Caller) -> None:
        """What is wrong with a request as far as its picture's header tells, for doors that refuse such a job at once.

        InvalidImage, TooLarge, InvalidPrompt, NotFound; of a picture elsewhere only UnsafeAddress: it is not fetched.
        """
        if isinstance(request.source, Link):
            self.sources.check(request.source.url)
            return
        opened = self.sources.open(request.source, caller.id)
        size = self.inspect(opened.data, opened.name).size
        if isinstance(request.prompt, Objects):
            check_objects(in_pixels(request.prompt, size), size)

    def inspect(self, data: bytes, name: str = "the picture") -> Header:
        """Kind and size of a picture by its header, for doors with limits of their own; what `open_image` raises."""
        return inspect(data, name, self.worker.limits)

    def embed(self, source: ImageSource, model: str, caller: Caller) -> tuple[Ticket, Future[tuple[StoredFile, Size]]]:
        """Look at a picture and keep it, so that prompts about the id that this gives are answered at once."""
        caller.require(Scope.SEGMENT)
        self.access.charge(caller)

        def work(ticket: Ticket) -> tuple[StoredFile, Size]:
            ticket.check()
            started = time.perf_counter()
            with self.access.slot(caller):
                opened, size = self.worker.embed(source, model, caller.id)
                kept = self.files.keep(
                    opened.data, caller, kind=EMBEDDED, media_type="application/octet-stream", name=opened.name
                )
            self.sources.remember(id_of(kept), opened)
            self.access.count(caller.id, Usage(1, 1, size.area / 1e6, time.perf_counter() - started))
            return kept, size

        return self.scheduler.submit(work, caller.id)

    def submit(self, request: SegmentRequest | RubylithError, caller: Caller, instructions: Instructions) -> Job:
        """Answer later. Once this returns, the job survives whatever happens. Overloaded where too many jobs wait.

        request: an error makes a job that fails with it, as InvalidOrder, for doors that tell faults as results.
        """
        caller.require(Scope.SEGMENT)
        self.access.charge(caller)
        if instructions.webhook is not None:
            self.sender.check(instructions.webhook, encrypted=instructions.encrypted)
        self.jobs.check_line(caller.id)
        forget_seconds = (
            None if instructions.forget_seconds is None else self.job_seconds or instructions.forget_seconds
        )
        ordered = self._ordered(request, caller, forget_seconds)
        document = {**ordered, "extra": instructions.extra or {}}
        if instructions.keep_seconds is not None:
            document[KEEP_SECONDS] = instructions.keep_seconds
        if not instructions.patient:
            document[PATIENT] = False
        order = Order(
            owner=caller.id,
            dialect=instructions.dialect,
            request=document,
            priority=instructions.priority,
            webhook=instructions.webhook,
            idempotency_key=instructions.idempotency_key,
            start_timeout_seconds=instructions.start_timeout_seconds,
            forget_seconds=forget_seconds,
        )
        return self.jobs.submit(order)

    def job(self, job_id: str, caller: Caller, *, dialect: str | None = None) -> Job:
        """A job of this caller, if given that came through this door, as it is now; NotFound."""
        job = self.jobs.get(job_id, owner=caller.id)
        if dialect not in {None, job.dialect}:
            raise NotFound(f"There is no job {job_id!r} here", "Ask where the job was sent to")
        return job

    def history(
        self,
        caller: Caller,
        *,
        dialect: str,
        states: tuple[JobState, ...] = (),
        noted: tuple[str, str] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[Job, ...]:
        """Jobs of this caller that came through this door, newest first. noted: a name and value in its notes."""
        return self.jobs.list(owner=caller.id, dialect=dialect, states=states, noted=noted, limit=limit, offset=offset)

    def position(self, job_id: str, caller: Caller) -> int | None:
        """How many jobs go before it; None once it runs."""
        return self.jobs.position(job_id, owner=caller.id)

    def count_waiting(self, caller: Caller, *, dialect: str) -> int:
        """How many jobs of this caller wait that came through this door."""
        return self.jobs.count_waiting(owner=caller.id, dialect=dialect)

    def logs(self, job_id: str, caller: Caller, *, after: int = 0) -> tuple[LogLine, ...]:
        """What the work said, from the line after number `after`."""
        return self.jobs.logs(job_id, owner=caller.id, after=after)

    async def watch(self, job_id: str, caller: Caller) -> AsyncGenerator[Job]:
        """The job now and at every change, until it has finished or the server stops; NotFound. Holds no thread."""
        seen: Job | None = None
        with self.changes.bell(job_id) as bell:
            while not self.stopping.is_set():
                job = await asyncio.to_thread(self.job, job_id, caller)
                if job != seen:
                    seen = job
                    yield job
                if job.state.finished:
                    return
                await bell.heard(WATCH_SECONDS)

    def cancel(self, job_id: str, caller: Caller) -> Job:
        """Never begun if queued, stopped at its next check if running; Conflict if finished."""
        return self.jobs.cancel(job_id, owner=caller.id)

    def retry(self, job_id: str, caller: Caller) -> Job:
        """A new job with the same order as one that failed or was cancelled."""
        self.access.charge(caller)
        self.jobs.check_line(caller.id)
        return self.jobs.retry(job_id, owner=caller.id)

    def replay(self, job_id: str, caller: Caller) -> Job:
        """Send the webhook of a finished job once more; Conflict without one, or while it is under way."""
        self.access.charge(caller)
        return self.jobs.replay(job_id, owner=caller.id)

    def upload(self, data: bytes, caller: Caller, *, media_type: str, name: str) -> StoredFile:
        """Keep a picture for a while; requests can name its id."""
        caller.require(Scope.SEGMENT)
        self.access.charge(caller)
        return self.files.keep(data, caller, media_type=media_type, name=name)

    def begin_upload(self, caller: Caller, *, media_type: str, name: str, seconds: float | None = None) -> UploadTicket:
        """Let whoever holds the ticket send a file; `uploads` takes it. seconds: for how long it is then kept."""
        caller.require(Scope.SEGMENT)
        self.access.charge(caller)
        return self.uploads.begin(caller, media_type=media_type, name=name, seconds=seconds)

    def public_keys(self) -> dict[str, list[dict[str, str]]]:
        """The JWKS that checks the signatures of webhooks."""
        return jwks(self.signing.key)

    def everything(self, model: str | None) -> Everything:
        """What everything means to the model that a caller names, or to the operator's; ModelFailed if damaged."""
        return self.worker.models.everything(model)

    def models(self) -> tuple[ModelState, ...]:
        """The models that can be asked for."""
        return self.worker.models.states()

    def catalogue(self) -> tuple[ModelState, ...]:
        """All models that are known, also those whose files are not here."""
        return self.worker.models.catalogue()

    def pull(self, model: str, caller: Caller) -> ModelState:
        """Have a model's files fetched, beside the work; its state, which tells how far that is and what went wrong."""
        caller.require(Scope.MODELS)
        models = self.worker.models
        if models.pulls is not None and model != EMBEDDED_MODEL:
            models.pulls.start(model)
        return models.state(model)

    def load(self, model: str, caller: Caller) -> None:
        """Have a model in memory before the first request for it."""
        caller.require(Scope.MODELS)
        self.worker.models.get(model)

    def unload(self, model: str, caller: Caller) -> None:
        """Give the memory of a model back."""
        caller.require(Scope.MODELS)
        self.worker.models.unload(model)

    def _kept(self, source: ImageSource, caller: Caller, seconds: float | None) -> ImageSource:
        """A picture sent along is kept as long as its job; where that may wait for ever, as long as anything here."""
        if not isinstance(source, Inline):
            return source
        kept = self.files.keep(
            source.data,
            caller,
            kind=SOURCE,
            media_type="application/octet-stream",
            name=source.name,
            seconds=seconds or max(self.files.result_seconds, self.files.upload_seconds),
        )
        return Stored(id_of(kept))

    def _ordered(self, request: SegmentRequest | RubylithError, caller: Caller, seconds: float | None) -> JSONObject:
        if isinstance(request, RubylithError):
            return {"fault": {"message": request.message, "hint": request.hint}}
        self.check(request)
        return {"segment": write_request(replace(request, source=self._kept(request.source, caller, seconds)))}

    def _counted(self, request: SegmentRequest, caller: Caller, ticket: Ticket) -> Answer:
        started = time.perf_counter()
        answer = self.worker.segment(request, caller.id, ticket.progress)
        size = answer.segmentation.size
        self.access.count(caller.id, Usage(1, 1, size.area / 1e6, time.perf_counter() - started))
        self.metrics.worked(answer.timings, answer.request.model)
        return answer
