"""Callers' files: uploads, pictures that were embedded, results of jobs. Names and ids above, keys of objects below."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from rubylith.domain.caller import Caller
from rubylith.domain.errors import NotFound
from rubylith.domain.job import Artifact, Job
from rubylith.formats import Encoded
from rubylith.service.lately import Lately
from rubylith.storage import Content, Opened, Stored
from rubylith.storage.keys import disposition
from rubylith.storage.objects import Objects
from rubylith.storage.ranges import byte_range

StoredFile = Stored  # what a door knows of a file
NewFile = Content  # what it wants to be kept

UPLOAD, EMBEDDED, SOURCE = "file", "emb", "src"  # SOURCE: sent along with a job
FOLDERS = {UPLOAD: "files", EMBEDDED: "embeddings", SOURCE: "sources"}
KEEP_SECONDS = "keep_seconds"  # in the order of a job whose files stay for a time of their own


@dataclass(frozen=True, slots=True)
class Links:
    """Where this server hands objects out, and for how long a link to one works; None: as long as the object lives."""

    base: str
    seconds: float | None = 3600.0


@dataclass(frozen=True, slots=True)
class Download:
    """An object as HTTP hands it out: 200, 206 for a range of it, or 416 for a range that it does not have."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    chunks: Iterator[bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Files:
    """Files by id, each seen by its owner only: somebody else's id is NotFound.

    lately: what this server has found a moment ago; told of what is kept and deleted here.
    """

    objects: Objects
    upload_seconds: float
    result_seconds: float
    lately: Lately = field(default_factory=Lately, repr=False, compare=False)

    def keep(
        self,
        data: bytes,
        caller: Caller,
        *,
        kind: str = UPLOAD,
        media_type: str,
        name: str,
        seconds: float | None = None,
    ) -> Stored:
        """Store bytes. The same bytes of the same caller have the same id, so that a repeated request is the same.

        seconds: for how long, if not for as long as uploads are kept here.
        """
        unique = hashlib.sha256(b"\0".join((caller.id.encode(), data))).hexdigest()[:32]
        file_id = f"{kind}_{unique}"
        with self.lately.changing(file_id, caller.id):
            return self.objects.put(
                key_of(file_id),
                data,
                owner=caller.id,
                media_type=media_type,
                name=name,
                ttl_seconds=self.upload_seconds if seconds is None else seconds,
            )

    def find(self, file_id: str, owner: str) -> Stored:
        """What is known of a file."""
        return self.objects.stat(key_of(file_id), owner=owner)

    def find_lately(self, file_id: str, owner: str) -> Stored:
        """As `find`, but what was found a moment ago is not looked up again, unless deleted or kept anew here."""
        return self.lately.find(file_id, owner, self.find)

    def open(self, file_id: str, caller: Caller) -> Opened:
        """Its bytes, in chunks."""
        return self.objects.get(key_of(file_id), owner=caller.id)

    def read(self, file_id: str, owner: str, max_bytes: int) -> tuple[bytes, Stored]:
        """Its bytes at once."""
        opened = self.objects.get(key_of(file_id), owner=owner, max_bytes=max_bytes)
        return b"".join(opened.chunks), opened.stored

    def delete(self, file_id: str, caller: Caller) -> None:
        """NotFound if it is not there."""
        with self.lately.changing(file_id, caller.id):
            was_there = self.objects.delete(key_of(file_id), owner=caller.id)
        if not was_there:
            raise _missing(file_id)

    def link(self, key: str, links: Links) -> str:
        """A URL that anyone may read the object under, for a while."""
        return self.objects.url(key, base=links.base, seconds=links.seconds)

    def job_links(self, job: Job, links: Links) -> dict[str, str]:
        """Stable URLs of a finished job's files by their names, as long as the files are kept. Nothing is looked up."""
        kept = cast("float", job.request.get(KEEP_SECONDS, self.result_seconds))
        ended = job.finished_at or job.created_at
        until = ended.timestamp() + kept if job.forget_at is None else job.forget_at.timestamp()
        return self.result_links(job.artifacts, links, until=until)

    def result_links(self, kept: tuple[Artifact, ...], links: Links, *, until: float) -> dict[str, str]:
        """Stable URLs of files, by their names, that are kept until then (Unix seconds). Nothing is looked up."""
        return {file.name: self.objects.own_url(file.key, base=links.base, until=until) for file in kept}

    def download(self, key: str, query: dict[str, str], asked_range: str | None) -> Download:
        """What a signed URL of ours opens. Forbidden if it was altered or has expired, NotFound if the object has."""
        self.objects.granted("GET", key, query)
        stored = self.objects.stat(key)
        headers = {
            "Accept-Ranges": "bytes",
            "Access-Control-Allow-Origin": "*",
            "Cache-Control": "private, max-age=300",
            "Content-Disposition": disposition(stored.name, stored.media_type),
            "X-Content-Type-Options": "nosniff",
        }
        wanted = byte_range(asked_range, stored.size)
        start, stop = (0, stored.size) if wanted is None else wanted
        if wanted is not None and start == stop:
            headers |= {"Content-Range": f"bytes */{stored.size}", "Content-Length": "0"}
            return Download(416, stored.media_type, headers, iter(()))
        headers["Content-Length"] = str(stop - start)
        if wanted is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stored.size}"
        chunks = self.objects.get(key, start=start, stop=stop).chunks
        return Download(200 if wanted is None else 206, stored.media_type, headers, chunks)

    def keep_results(
        self, files: tuple[Encoded, ...], job_id: str, owner: str, *, seconds: float | None = None
    ) -> tuple[Artifact, ...]:
        """Store what a job made, under names that follow from its id: done twice, it is the same.

        seconds: for how long, if not for as long as results are kept here.
        """
        contents = [Content(f"jobs/{job_id}/{file.name}", file.data, file.media_type, file.name) for file in files]
        kept = self.result_seconds if seconds is None else seconds
        self.objects.put_all(contents, owner=owner, ttl_seconds=kept)
        return tuple(
            Artifact(content.key, file.name, file.media_type, len(file.data), hashlib.sha256(file.data).hexdigest())
            for content, file in zip(contents, files, strict=True)
        )


def key_of(file_id: str) -> str:
    """The object's key of a file's id; NotFound for a string that is no id."""
    kind, _, unique = file_id.partition("_")
    if kind not in FOLDERS or not unique.isalnum():
        raise _missing(file_id)
    return f"{FOLDERS[kind]}/{file_id}"


def is_named_after_its_bytes(file_id: str) -> bool:
    """True for ids whose bytes never change; a file may be sent anew to the address that was made for it."""
    return file_id.startswith(f"{EMBEDDED}_")


def id_of(stored: Stored) -> str:
    """The id of a file."""
    return stored.key.rpartition("/")[2]


def _missing(file_id: str) -> NotFound:
    return NotFound(f"There is no file {file_id[:80]!r}", "Upload it again; uploads are kept for a limited time")
