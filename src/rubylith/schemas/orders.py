"""In which order the four numbers of a box are written, and from where: by its name, else by what is told of it."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from rubylith.domain.geometry import Box
from rubylith.schemas.fields import Field

Order = tuple[str, ...]

PARTS: dict[str, Callable[[Box], float]] = {
    "x0": lambda b: b.x0,
    "y0": lambda b: b.y0,
    "x1": lambda b: b.x1,
    "y1": lambda b: b.y1,
    "w": lambda b: b.width,
    "h": lambda b: b.height,
    "cx": lambda b: (b.x0 + b.x1) / 2,
    "cy": lambda b: (b.y0 + b.y1) / 2,
}
ACROSS = frozenset(("x0", "x1", "w", "cx"))  # what runs along the width

_XYWH, _XYXY, _YXYX = ("x0", "y0", "w", "h"), ("x0", "y0", "x1", "y1"), ("y0", "x0", "y1", "x1")
_CXCYWH = ("cx", "cy", "w", "h")
_WHOLE = tuple(frozenset(order) for order in (_XYWH, _XYXY, _CXCYWH))
_NAMED = {"cxcywh": _CXCYWH, "xyxy": _XYXY, "ltrb": _XYXY, "xywh": _XYWH, "ltwh": _XYWH, "tlwh": _XYWH, "yxyx": _YXYX,
          "yxhw": ("y0", "x0", "h", "w")}  # fmt: skip
_TOKENS = (
    *((order, re.compile(rf"\b{name}\b")) for name, order in _NAMED.items()),
    (_CXCYWH, re.compile(r"\bcx\b")),
    (_XYXY, re.compile(r"\bx[012]\b|\bx_?(?:min|max)\b")),
)
_COORDINATE = re.compile(
    r"(?<![a-z0-9])(?:"
    r"(?P<cx>c_?x|cent(?:er|re)[ _-]?x|x[ _-]?cent(?:er|re))|(?P<cy>c_?y|cent(?:er|re)[ _-]?y|y[ _-]?cent(?:er|re))|"
    r"(?P<x0>x[ _-]?(?:min|0)|min[ _-]?x|left)|(?P<y0>y[ _-]?(?:min|0)|min[ _-]?y|top)|"
    r"(?P<x1>x[ _-]?(?:max|2)|max[ _-]?x|right)|(?P<y1>y[ _-]?(?:max|2)|max[ _-]?y|bottom)|"
    r"(?P<x_one>x[ _-]?1)|(?P<y_one>y[ _-]?1)|(?P<x>x)|(?P<y>y)|(?P<w>width|w)|(?P<h>height|h)"
    r")(?![a-z0-9])"
)
_GAP, _LAST_GAP = re.compile(r"(?!-$)[^a-z0-9]{1,6}"), re.compile(r"[^a-z0-9]*\band\b[^a-z0-9]{1,6}")
_CENTRE = re.compile(
    r"(?<!\bat the )(?<!\bin the )(?<!\bnear the )\bcent(?:er|re)\b"
    r"(?! of (?:attention|the (?:image|picture|photo|frame|scene)))"
)
_CORNER = re.compile(r"(?<!\bin the )(?<!\bat the )(?<!\bin a )(?<!\bnear the )\bcorners?\b|bottom[- ]right")
_SIDE = re.compile(r"\b(?:w|width|h|height|size)\b")


def order_of(field: Field) -> Order:
    """x, y, width, height unless something else is said; of the objects around it only what is meant for numbers."""
    joined = "".join(field.words)
    named = next((order for name, order in _NAMED.items() if name in joined), None)
    return named or _told(field.about) or _token(field.around) or _XYWH


def _told(text: str) -> Order | None:
    exact = _token(text)
    if exact is not None:
        return exact
    has_sides = _SIDE.search(text) is not None
    if _CENTRE.search(text) and has_sides:
        return _CXCYWH
    return _XYXY if _CORNER.search(text) and not has_sides else None


def _token(text: str) -> Order | None:
    """What can mean nothing else: four coordinates in a row, or the name of an order or of a corner."""
    listed = next(_listed(text), None)
    return listed or next((order for order, pattern in _TOKENS if pattern.search(text)), None)


def _listed(text: str) -> Iterator[Order]:
    """Four different coordinates in a row that make a box, such as [top, left, height, width]."""
    found = list(_COORDINATE.finditer(text))
    for start in range(len(found) - 3):
        four = found[start : start + 4]
        gaps = [text[one.end() : other.start()] for one, other in pairwise(four)]
        if not all(_GAP.fullmatch(gap) for gap in gaps[:2]):
            continue
        if not (_GAP.fullmatch(gaps[2]) or _LAST_GAP.fullmatch(gaps[2])):
            continue
        names = [str(one.lastgroup) for one in four]
        first = "1" if "x0" in names else "0"  # x1 stands before x2, and after x0
        of_centre = _CENTRE.search(text) is not None and "w" in names
        plain = {axis: f"c{axis}" if of_centre else f"{axis}0" for axis in "xy"}
        order = tuple({"x_one": f"x{first}", "y_one": f"y{first}", **plain}.get(name, name) for name in names)
        if frozenset(order) in _WHOLE:
            yield order


def corner_of(words: tuple[str, ...]) -> tuple[str, str] | None:
    """The coordinates of the corner that a name means, such as top left or max; None if it means none."""
    told = set(words) - {"corner", "point", "coordinate", "coord", "xy", "bbox", "box", "position"}
    if told in ({"min"}, {"max"}):
        return ("x0", "y0") if told == {"min"} else ("x1", "y1")
    across, down = told & {"left", "right"}, told & {"top", "upper", "bottom", "lower"}
    if len(across) != 1 or len(down) != 1 or told - across - down:
        return None
    return "x0" if across == {"left"} else "x1", "y0" if down & {"top", "upper"} else "y1"
