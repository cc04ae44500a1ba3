"""Doors for HTTP: pure translation around the service's verbs. One file or folder per dialect, named in NAMES.

Each offers `DIALECT`: where it is mounted, a FastAPI application of its own with its own validation errors, error
bodies and OpenAPI page, and how it tells the end of a job. Dialects never import each other, the engine, a store or the
job room.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from rubylith.domain.job import Job
from rubylith.service.files import Links
from rubylith.service.service import Service
from rubylith.service.webhooks import Ed25519Signing, Signing

NAMES = ("native",)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A door.

    prefix: where it is mounted. application: makes it. refuse: answers a body of more bytes than the limit.
    webhook: the body that tells a job's end. sign: from the server's own signing to the dialect's.
    """

    prefix: str
    application: Callable[[Service], ASGIApp]
    refuse: Callable[[int], ASGIApp]
    webhook: Callable[[Job, Service, Links], bytes]
    sign: Callable[[Ed25519Signing], Signing]
