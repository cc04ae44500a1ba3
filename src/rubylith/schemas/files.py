"""Fields that refer to a picture: masks by id, by link or as bytes; the overlay, the label map, the input itself."""

import base64
import re
from collections.abc import Callable

from rubylith.schemas import Picture
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Field, Level, Role, called
from rubylith.schemas.names import Words
from rubylith.schemas.results import MISSING, Scope, Value
from rubylith.schemas.shapes import choices, is_only, takes_strings

Choice = Callable[[Scope], Picture | None]

_OVERLAY = r"segmented|annotated|overlay|visual|highlighted|drawn"
_LABEL_MAP = r"label[ _]?map|semantic|panoptic|segmentation[ _]?(?:map|mask)|mask[ _]?map"
_SOURCES = frozenset(("image", "source", "input", "original", "picture", "photo"))
_BARE = frozenset(("url", "uri", "link"))
_URL_FORMATS = ("uri", "url", "uri-reference", "iri")
_BINARY = ("base64", "byte", "binary", "base64url")


def reference(field: Field, asked: Asked) -> Value | None:
    """An id: of the mask of a result, of the overlay or the label map of the whole."""
    place = _id_schema(field, asked)
    if place is None:
        return None
    kind = _kind(place)
    picture = _picture(field, whole=lambda: _drawn if field.has_words(_OVERLAY) else _mapped)
    if kind is None or picture is None:
        return None
    wrap = is_only(field.schema, "object")

    def value(scope: Scope) -> object:
        found = picture(scope)
        if found is None:
            return MISSING
        name = found.id if kind == "img" else scope.facts.pictures.address(found)
        return {"id": name} if wrap else name

    return value


def is_reference(field: Field, asked: Asked) -> bool:
    """By its pattern, whatever it is called."""
    place = _id_schema(field, asked)
    return place is not None and _kind(place) is not None


def link(field: Field, asked: Asked) -> Value | None:
    """A URL, or the bytes as base64 or as a data: URI."""
    schema = field.schema
    if not takes_strings(schema, *_URL_FORMATS, *_BINARY) or choices(schema) is not None:
        return None
    if field.level is Level.IMAGE and _is_source(field):
        source = asked.source
        return None if source is None else lambda _: source
    picture = _picture(field, whole=lambda: _whole(field))
    if picture is None:
        return None
    data_uri = field.has_words(r"data[ -]ur[il]") or field.schema.get("format") == "data"
    encoded = schema.get("format") in _BINARY or schema.get("contentEncoding") == "base64"
    encoded = encoded or field.has_words(r"base ?64|\bb 64\b|\bb64\b")

    def value(scope: Scope) -> object:
        found = picture(scope)
        if found is None:
            return MISSING
        if not data_uri and not encoded:
            return found.url
        text = base64.b64encode(found.data).decode()
        return f"data:image/png;base64,{text}" if data_uri else text

    return value


def _picture(field: Field, whole: Callable[[], Choice | None]) -> Choice | None:
    return whole() if field.level is Level.IMAGE else _mask


def _mask(scope: Scope) -> Picture | None:
    return None if scope.one is None else scope.facts.pictures.mask(scope.one.rle)


def _drawn(scope: Scope) -> Picture | None:
    return scope.facts.pictures.overlay()


def _mapped(scope: Scope) -> Picture | None:
    return scope.facts.pictures.label_map()


def _whole(field: Field) -> Choice | None:
    text = _told(field)
    if re.search(_LABEL_MAP, text):
        return _mapped
    return _drawn if re.search(_OVERLAY, text) else None


def _is_source(field: Field) -> bool:
    told = re.search(_OVERLAY + "|" + _LABEL_MAP, _told(field))
    return told is None and bool(_SOURCES & set(named(field.words, field.inside)))


def _told(field: Field) -> str:
    """Its name and what is written about it; where it is only called a link, of the picture around it too."""
    around = re.search(rf"(?:{_OVERLAY})\w* (?:image|picture|photo)", field.around) if _is_bare(field.words) else None
    return f"{' '.join(named(field.words, field.inside))} {field.about} {around[0] if around else ''}"


def named(words: Words, inside: Words) -> Words:
    """The words of a name; for `url` and the like those of the object around it as well."""
    return (*inside, *words) if _is_bare(words) else words


def _is_bare(words: Words) -> bool:
    return _BARE.issuperset(words)


def _id_schema(field: Field, asked: Asked) -> Schema | None:
    members = field.schema.get("properties", {})
    if is_only(field.schema, "object") and set(members) == {"id"}:
        return asked.inner(members["id"])
    return field.schema if is_only(field.schema, "string") else None


def _kind(schema: Schema) -> str | None:
    found = re.match(r"\^?(img|url)_", str(schema.get("pattern", "")))
    return found[1] if found else None


REFERENCE = Role(is_reference, None, reference, of_instances=False)
LINK = Role(
    called(
        "mask mask_url mask_uri mask_image mask_png url uri png png_url segmentation segmentation_url link image "
        "image_url image_uri label_map label_map_url segmentation_map segmentation_mask overlay overlay_url "
        "overlay_image annotated_image annotated_image_url visualization visualization_url source source_url "
        "mask_base64 mask_b64 mask_data png_base64 base64 mask_data_uri mask_data_url data_uri data_url "
        "input_image source_image "
        "mask_link semantic_map panoptic_map original_image segmented_image segmented_image_url"
    ),
    re.compile(r"mask url|urls? (?:of|to|for) .{0,40}masks?|pre-?signed url|mask png|png mask|base64.{0,20}mask|"
               r"mask.{0,40}(?:base64|data uri)"),
    link,
    of_instances=False,
)  # fmt: skip
