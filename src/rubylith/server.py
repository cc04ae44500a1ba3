"""Builds every object from settings; starts and stops what runs beside the answering of requests."""

import hmac
import ipaddress
import secrets
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from starlette.concurrency import run_in_threadpool

from rubylith import __version__, dialects
from rubylith.dialects import Dialect
from rubylith.domain.caller import Quota
from rubylith.domain.errors import InvalidSetting, ModelFailed
from rubylith.domain.job import Job
from rubylith.engine.catalog import EMBEDDED
from rubylith.engine.embedded import network
from rubylith.engine.embeddings import EmbeddingCache
from rubylith.engine.engine import Engine
from rubylith.jobs import Rules
from rubylith.jobs.board import JobBoard
from rubylith.jobs.runner import JobRunner
from rubylith.registry import load
from rubylith.service.access import Access
from rubylith.service.durable import Door, Durable
from rubylith.service.fetching import Fetcher
from rubylith.service.files import Files, Links
from rubylith.service.metrics import Metrics
from rubylith.service.models import Models, called
from rubylith.service.observing import Observing
from rubylith.service.operator import open_database
from rubylith.service.scheduler import Bounds, Scheduler
from rubylith.service.secret_files import kept
from rubylith.service.service import Service
from rubylith.service.sources import Sources
from rubylith.service.uploads import Uploads
from rubylith.service.webhook_secrets import WebhookSecrets
from rubylith.service.webhooks import Ed25519Signing, Sender, kept_key
from rubylith.service.work import Worker
from rubylith.settings import Settings
from rubylith.storage.objects import Objects

TIDY_SECONDS, LAST_SECONDS = 60.0, 2.0
JOB_SECONDS = 7 * 86_400.0
OBJECTS = "/v1/objects"
log = structlog.stdlib.get_logger("rubylith.server")


@dataclass(frozen=True, slots=True)
class Server:
    """Everything that serves: the verbs, and what runs jobs."""

    service: Service
    runner: JobRunner
    doors: tuple[Dialect, ...]
    settings: Settings
    stuck: threading.Event  # set when a thread would keep the process from ending by itself


def build(settings: Settings, *, address: str) -> Server:
    """All objects, nothing started. address: under which this server is reached when no public URL is set."""
    database = open_database(settings.database_url, settings.home)
    storage_url = settings.storage_url or (settings.home / "objects").resolve().as_uri()
    links_key = kept(settings.home / "links.key", _new_secret)
    objects = Objects(storage_url, database, secret=links_key)
    job_seconds = settings.job_seconds or JOB_SECONDS
    files = Files(objects, settings.upload_seconds, job_seconds)
    fetcher = Fetcher(settings.fetch_allow, user_agent=f"rubylith/{__version__}")
    doors = tuple(
        cast("Dialect", load(dialects.__name__, dialects.NAMES, name, kind="dialect").DIALECT)
        for name in dialects.NAMES
    )
    readers = tuple(door.own_link for door in doors if door.own_link is not None)
    sources = Sources(files, fetcher, OBJECTS, settings.max_bytes, settings.fetch_seconds, readers)
    cache = EmbeddingCache(settings.cache_bytes)
    models = _models(settings, cache)
    worker = Worker(models, cache, settings.limits, sources.open)
    board = JobBoard(database, waiting=settings.job_waiting, per_owner=settings.job_per_key)
    bounds = Bounds(settings.concurrency, settings.waiting, settings.per_key, settings.request_seconds)
    access = Access(database, settings.keys, default_quota=Quota(settings.rate, 60, None))
    signing = Ed25519Signing(kept_key(settings.home / "webhooks.pem"))
    service = Service(
        access=access,
        worker=worker,
        scheduler=Scheduler(bounds),
        jobs=board,
        files=files,
        uploads=Uploads(objects, settings.upload_seconds, settings.max_bytes),
        sources=sources,
        signing=signing,
        sender=Sender(fetcher),
        webhook_secrets=WebhookSecrets(database, hmac.digest(links_key, b"webhook secrets", "sha256")),
        metrics=Metrics(),
        default_model=models.default,
        public_url=settings.public_url or None,
        job_seconds=settings.job_seconds,
    )
    links = Links(f"{settings.public_url or address}{OBJECTS}", seconds=7 * 86_400.0)
    opened = {name: _opened(door, service, links, signing) for name, door in zip(dialects.NAMES, doors, strict=True)}
    durable = Durable(worker, files, service.sender, {name: door for name, door in opened.items() if door is not None})
    observing = Observing(access, service.metrics, models)
    rules = Rules(concurrency=settings.job_concurrency, keep=job_seconds)
    runner = JobRunner(
        board,
        node=settings.node,
        work=observing.work(durable.work),
        notify=observing.notify(durable.notify),
        forget=durable.forget,
        changed=service.changes.ring,
        rules=rules,
    )
    board.listen(service.changes.ring)
    service.metrics.watch(
        admitted=lambda: service.scheduler.admitted,
        cache=cache.figures,
        models=models.loaded,
        jobs=lambda: {state.value: count for state, count in board.counts().items() if not state.finished},
    )
    return Server(service, runner, doors, settings, threading.Event())


def _models(settings: Settings, cache: EmbeddingCache) -> Models:
    return Models(
        settings.model,
        cache,
        store=settings.store,
        precision=settings.files,
        load=lambda model: Engine(model, models_folder=settings.models, device=settings.device, called=called(model)),
        keep_alive_seconds=settings.keep_alive,
    )


def check_exposure(host: str, server: Server) -> None:
    """InvalidSetting if the server would listen to others without keys."""
    if not _is_loopback(host) and not server.service.access.needs_key():
        raise InvalidSetting(
            f"Without any API key the server answers everybody, so it will not listen on {host}",
            "Make a key with 'rubylith keys create NAME', set RUBYLITH_KEYS, or listen on 127.0.0.1",
        )


def check_embedded(server: Server) -> str | None:
    """What whoever starts the server should know of the embedded model; None if all is well.

    ModelFailed if it is damaged and the model of whoever names none: then nearly every request would fail.
    """
    try:
        network.check()
    except ModelFailed as failure:
        if server.settings.model == EMBEDDED:
            raise
        return str(failure)
    return network.told()


def stop(server: Server) -> None:
    """Begin no more jobs, end what streams. What runs may still finish; the end of the application waits for it."""
    if server.service.stopping.is_set():
        return
    log.info("stopping", grace_seconds=server.settings.grace_seconds, under_way=server.service.scheduler.admitted)
    server.service.stopping.set()
    server.service.changes.ring_all()


@asynccontextmanager
async def running(server: Server) -> AsyncGenerator[None]:
    """Jobs and what is done beside them, as long as requests are answered; then all of it ends."""
    await run_in_threadpool(server.runner.start)
    beside = [threading.Thread(target=work, args=(server,), daemon=True) for work in (_tidy, _stop_jobs)]
    for thread in beside:
        thread.start()
    try:
        yield
    finally:
        stop(server)
        await run_in_threadpool(_finish, server, beside)


def _stop_jobs(server: Server) -> None:
    """Once told to, while requests still end. Jobs that do not end in time go on after a restart, or elsewhere."""
    server.service.stopping.wait()
    if not server.runner.stop(server.settings.grace_seconds):
        log.warning("handed back", hint="a job did not stop in time and goes on elsewhere")
        server.stuck.set()


def _finish(server: Server, beside: list[threading.Thread]) -> None:
    if not server.service.scheduler.close(LAST_SECONDS):
        log.warning("cut off", hint="a request that nobody waits for any more did not stop in time")
        server.stuck.set()
    for thread in beside:
        thread.join()
    if server.service.worker.models.pulls is not None:
        server.service.worker.models.pulls.stop()
    server.service.access.flush()
    log.info("stopped")


def _tidy(server: Server) -> None:
    """Expired uploads and idle models, every minute or so."""
    while not server.service.stopping.wait(TIDY_SECONDS):
        try:
            server.service.files.objects.sweep()
            server.service.worker.models.unload_idle()
            server.service.access.flush()
        except Exception as error:  # noqa: BLE001 - the next round may go better
            log.warning("tidying failed", error=str(error))


def _opened(door: Dialect, service: Service, links: Links, signing: Ed25519Signing) -> Door | None:
    """What the door has to say to its jobs; None if it takes none."""
    write = door.webhook
    if door.deliver is None or write is None or door.sign is None:
        return None

    def webhook(job: Job) -> bytes:
        return write(job, service, links)

    return Door(door.deliver, webhook, door.sign(signing, service))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _new_secret() -> bytes:
    return secrets.token_bytes(32)
