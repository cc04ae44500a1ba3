"""Doors for HTTP: pure translation around the service's verbs. One file or folder per dialect, named in NAMES.

Each offers `DIALECT`, a FastAPI application of its own with its own validation errors, error bodies and OpenAPI page.
Dialects never import each other, the engine or a store.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from rubylith.domain.job import Job
from rubylith.service.service import Service

NAMES = ("native",)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A door.

    prefix: where it is mounted. application: makes it. webhook: the body that tells a job's end to whoever ordered it
    here; None where the dialect has no webhooks.
    """

    prefix: str
    application: Callable[[Service], ASGIApp]
    webhook: Callable[[Job, Service], bytes] | None = None
