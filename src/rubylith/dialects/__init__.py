"""Doors for HTTP: pure translation around the service's verbs. One file or folder per dialect, named in NAMES.

Each offers `DIALECT`: where it is mounted, a FastAPI application of its own with its own validation errors, error
bodies and OpenAPI page, and how it tells the end of a job. Dialects never import each other, the engine, a store or the
job room.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from rubylith.domain.job import Job
from rubylith.formats import Encoded
from rubylith.service.files import Links
from rubylith.service.service import Service
from rubylith.service.webhooks import Ed25519Signing, Signing
from rubylith.service.work import Answer

NAMES = ("native", "airefinery", "fal", "prodia", "tengr", "vlmrun")


@dataclass(frozen=True, slots=True)
class Dialect:
    """A door.

    prefix: where it is mounted. application: makes it. refuse: answers a body of more bytes than the limit.
    deliver: the files of a job's result. webhook: the body that tells a job's end. sign: from the server's own signing
    to the dialect's; doors that take no jobs have none of these three. aliases: further prefixes of the same door.
    files: paths under which a body is a whole file, held to the limit on files instead of that on bodies. exposed:
    headers of answers that pages of other origins may read. for_pages: the vendor lets pages of all origins call it.
    own_link: makes the signed URL under /v1/objects of one that this door hands out in another form; others stay.
    """

    prefix: str
    application: Callable[[Service], ASGIApp]
    refuse: Callable[[int], ASGIApp]
    deliver: Callable[[Answer, Job], tuple[Encoded, ...]] | None = None
    webhook: Callable[[Job, Service, Links], bytes] | None = None
    sign: Callable[[Ed25519Signing, Service], Signing] | None = None
    aliases: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    for_pages: bool = False
    own_link: Callable[[str], str] | None = None
