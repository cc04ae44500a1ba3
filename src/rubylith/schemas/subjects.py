"""What a part of a schema is about: one result, the whole picture, or neither."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rubylith.schemas import boxes, figures, files, outlines
from rubylith.schemas.checks import Schema
from rubylith.schemas.fields import Asked, Level, Role
from rubylith.schemas.places import Place
from rubylith.schemas.roles import find_role, is_masking
from rubylith.schemas.shapes import Shape, Shapes, is_only, members_of

STRONG = (files.REFERENCE, files.LINK, boxes.BOX, boxes.CORNER, boxes.BOX_PART, outlines.RUN_LENGTHS, outlines.POLYGON)
MAX_NESTING = 3
_WHOLE = (
    r"overlay|label ?map|annotated|visuali[sz]ation|semantic map|panoptic map|segmentation map|highlighted|"
    r"segmented(?! (?:object|instance|region|thing|item|segment|area|part))"
)
_WHOLE_BY_NAME = re.compile(rf"{_WHOLE}|\bimage\b(?! mask)|\b(?:source|input|original|picture|photo)\b")


@dataclass(frozen=True, slots=True)
class Subjects:
    """Looks ahead in a schema."""

    shapes: Shapes
    asked: Asked

    def is_one_result(self, schema: Schema, place: Place, about: str) -> bool:
        """True for an object about the whole picture whose own fields are those of a single result."""
        del about
        if any(self.has_results(one, place.within) for one in members_of(schema).values()):
            return False
        return bool(self._roles(schema, place, nested=0))

    def is_item(self, schema: Schema, place: Place) -> bool:
        """True for the elements of a collection that has one per result."""
        roles = self._roles(schema, replace(place, level=Level.INSTANCE), nested=0, whole=True)
        if any(self.has_results(one, place.within) for one in members_of(schema).values()):
            return any(role in STRONG for role in roles)
        is_list_of_labels = place.words[-1:] in _LABELS and all(role is figures.IDENTITY for role in roles)
        return bool(roles) and not is_list_of_labels

    def has_results(self, schema: object, within: tuple[str, ...], nested: int = 0) -> bool:
        """True for an array of objects about one result each, and for what holds one."""
        shape = self.shapes.read(schema, within)
        for variant in shape.variants if nested <= MAX_NESTING else ():
            if is_only(variant, "array"):
                items = self.shapes.read(variant.get("items", {}), shape.within)
                for item in items.variants:
                    if not is_only(item, "object") or set(members_of(item)) <= {"x", "y"}:
                        continue
                    if self._roles(item, Place(within=items.within), nested=0, whole=True):
                        return True
                    if any(self.has_results(p, items.within, nested + 1) for p in members_of(item).values()):
                        return True
            elif is_only(variant, "object"):
                inner = members_of(variant).values()
                if any(self.has_results(p, shape.within, nested + 1) for p in inner):
                    return True
        return False

    def is_about_results(self, schema: object, within: tuple[str, ...]) -> bool:
        """True for a collection of results, and for an object about a single one."""
        if self.has_results(schema, within):
            return True
        shape = self.shapes.read(schema, within)
        return any(
            is_only(v, "object") and self._roles(v, Place(within=shape.within), nested=0) for v in shape.variants
        )

    def has_parallel_arrays(self, properties: Mapping[str, object], place: Place) -> bool:
        """True if one of these is an array of boxes, scores, masks and the like, one per result."""
        return any(self._is_parallel(schema, place.child(name, frozenset())) for name, schema in properties.items())

    def _is_parallel(self, schema: object, place: Place) -> bool:
        shape = self.shapes.read(schema, place.within)
        for variant in shape.variants:
            if not is_only(variant, "array") or "items" not in variant:
                continue
            for item in self.shapes.read(variant["items"], shape.within).variants:
                found = find_role(place.field(item, shape.description, Level.INSTANCE), self.asked)
                if not is_only(item, "object") and found is not None and is_masking(found[0]):
                    return True
        return False

    def _roles(self, schema: Schema, place: Place, *, nested: int, whole: bool = False) -> list[Role]:
        """The roles of an object's own fields that only one result can have. whole: pictures of the whole count too."""
        found: list[Role] = []
        properties = members_of(schema)
        for name, inside in properties.items():
            child = replace(place.child(name, frozenset(properties)), level=Level.INSTANCE)
            shape = self.shapes.read(inside, place.within)
            if not whole and shows_the_whole(child, shape):
                continue
            for variant in shape.variants[:1]:
                role = find_role(child.field(variant, shape.description), self.asked)
                if role is None and is_only(variant, "object") and nested < MAX_NESTING:
                    deeper = replace(child, within=shape.within)
                    found += self._roles(variant, deeper, nested=nested + 1, whole=whole)
                elif role is not None and is_masking(role[0]) and (whole or child.words not in _SIDES):
                    found.append(role[0])
        return found


_LABELS = {("category",), ("class",), ("label",), ("concept",), ("tag",)}  # an element each: COCO's categories
_SIDES = {("width",), ("height",), ("w",), ("h",)}  # of a box only if there are x and y as well


def shows_the_whole(place: Place, shape: Shape) -> bool:
    """True for pictures of the whole scene: named image, overlay, label map, or told to be annotated."""
    name = " ".join(files.named(place.words, place.inside))
    is_told = re.search(_WHOLE, shape.description.lower()) is not None
    return (is_told or _WHOLE_BY_NAME.search(name) is not None) and any(
        is_only(one, "string") or set(one.get("properties", {})) == {"id"} for one in shape.variants
    )
