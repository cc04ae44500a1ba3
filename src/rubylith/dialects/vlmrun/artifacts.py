"""Pictures of an answer as artifacts of its session: kept under the caller, found by id, opened by signed link."""

import secrets
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from rubylith.domain.caller import Caller
from rubylith.domain.errors import NotFound
from rubylith.domain.mask import Label, Mask
from rubylith.domain.rle import RLE
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import labelmap, overlay, png
from rubylith.language import Wish
from rubylith.schemas import Picture
from rubylith.schemas.results import arranged
from rubylith.service.files import Links, NewFile, StoredFile
from rubylith.service.service import Service
from rubylith.service.work import Answer

LINK_SECONDS = 86_400.0
ENDINGS = {"img": "png", "url": "txt"}
OBJECTS, FOLDER = "/v1/objects", "artifacts"
PREFIX = "/vlmrun/v1"  # links to artifacts begin with it


@dataclass(slots=True)
class Shelf:
    """Names what an answer refers to, each once, when it is first asked for; `store` then keeps all of it.

    wish: what the answer is arranged by, so that pictures of the whole show what the document lists, by its numbers.
    shared: the session is older than this answer, so that an id may be taken.
    """

    service: Service
    caller: Caller
    session: str
    links: Links
    answer: Answer
    wish: Wish
    shared: bool
    _contents: list[NewFile] = field(default_factory=list[NewFile], init=False)
    _masks: dict[bytes, Picture] = field(default_factory=dict[bytes, Picture], init=False)
    _wholes: dict[str, Picture] = field(default_factory=dict[str, Picture], init=False)
    _addresses: dict[str, str] = field(default_factory=dict[str, str], init=False)

    def mask(self, rle: RLE) -> Picture:
        """As `Pictures` says."""
        if rle.counts not in self._masks:
            alone = Segmentation(rle.size, (Mask(rle, rle.box, 1.0),), disjoint=True, model="")
            self._masks[rle.counts] = self._picture(png.encode(alone, None)[0].data)
        return self._masks[rle.counts]

    def label_map(self) -> Picture:
        """As `Pictures` says."""
        if "label map" not in self._wholes:
            self._wholes["label map"] = self._picture(labelmap.encode(self._arranged(), None)[0].data)
        return self._wholes["label map"]

    def overlay(self) -> Picture:
        """As `Pictures` says."""
        if "overlay" not in self._wholes:
            assert self.answer.image is not None  # a plan that draws asks for the pixels
            drawn = overlay.encode(self._arranged(), self.answer.image, "")
            self._wholes["overlay"] = self._picture(drawn[0].data)
        return self._wholes["overlay"]

    def _arranged(self) -> Segmentation:
        found = arranged(self.answer.segmentation, self.wish)
        masks = tuple(Mask(one.rle, one.box, one.score, label=Label(one.label, score=one.score)) for one in found)
        return replace(self.answer.segmentation, masks=masks)

    def address(self, picture: Picture) -> str:
        """As `Pictures` says."""
        if picture.id not in self._addresses:
            self._addresses[picture.id] = self._keep("url", picture.url.encode(), "text/plain")
        return self._addresses[picture.id]

    def store(self) -> None:
        """Keep what was asked for; until then its links lead nowhere."""
        files = self.service.files
        files.objects.put_all(self._contents, owner=self.caller.id, ttl_seconds=files.result_seconds)
        self._contents.clear()

    def _picture(self, data: bytes) -> Picture:
        name = self._keep("img", data, "image/png")
        url = self.service.files.link(key_of(self.session, name), self.links)
        return Picture(name, url, data)

    def _keep(self, kind: str, data: bytes, media_type: str) -> str:
        """Under an id that is free in this session."""
        while self._is_taken(key := key_of(self.session, name := f"{kind}_{secrets.token_hex(3)}")):
            pass
        self._contents.append(NewFile(key, data, media_type))
        return name

    def _is_taken(self, key: str) -> bool:
        if not self.shared:
            return any(content.key == key for content in self._contents)
        try:
            self.service.files.objects.stat(key)
        except NotFound:
            return any(content.key == key for content in self._contents)
        return True


def key_of(session: str, object_id: str) -> str:
    """Where an artifact lies; NotFound for what is no id."""
    ending = ENDINGS.get(object_id.partition("_")[0])
    if ending is None:
        raise missing(object_id)
    return f"{FOLDER}/{session}/{object_id}.{ending}"


def own_link(url: str) -> str:
    """A link to an artifact as the signed URL that it stands for; any other as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    _, found, key = parts.path.partition(f"{PREFIX}/{FOLDER}/")
    return f"{OBJECTS}/{FOLDER}/{key}?{parts.query}" if found else url


def listed(service: Service, caller: Caller, session: str) -> tuple[StoredFile, ...]:
    """All artifacts of a session that are this caller's."""
    if "\0" in session:  # not every database takes such text
        return ()
    prefix = key_of(session, "img_").removesuffix("img_.png")
    return service.files.objects.list(prefix, owner=caller.id)


def id_of(stored: StoredFile) -> str:
    """The id of an artifact."""
    return stored.key.rpartition("/")[2].partition(".")[0]


def missing(name: str) -> NotFound:
    """There is no such artifact, or it is somebody else's."""
    return NotFound(f"There is no artifact {name[:80]!r}", "Use the session_id of the answer that named it")
