"""Pixels of the upright picture: x to the right, y down, origin at the top left corner."""

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Size:
    """Height and width in pixels, in array order."""

    height: int
    width: int

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True, slots=True)
class Point:
    """A click. `positive` is segment-anything's label 1 (part of the object); otherwise 0 (not part of it)."""

    x: float
    y: float
    positive: bool = True

    def shifted(self, x: float, y: float) -> "Point":
        """The same click, `x` further right and `y` further down."""
        return Point(self.x + x, self.y + y, self.positive)


@dataclass(frozen=True, slots=True)
class Box:
    """XYXY with half-open edges, so that `width == x1 - x0` and a box of one pixel is (x, y, x + 1, y + 1)."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Pixels inside; never negative."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """COCO's form: left, top, width, height."""
        return (self.x0, self.y0, self.width, self.height)

    @classmethod
    def of(cls, size: Size) -> Self:
        """The whole picture."""
        return cls(0, 0, size.width, size.height)

    def clipped(self, size: Size) -> "Box":
        """The part that lies inside a picture of this size; may have no area."""
        x0, x1 = (min(max(x, 0), size.width) for x in (self.x0, self.x1))
        y0, y1 = (min(max(y, 0), size.height) for y in (self.y0, self.y1))
        return Box(x0, y0, x1, y1)

    def shifted(self, x: float, y: float) -> "Box":
        """The same box, `x` further right and `y` further down."""
        return Box(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def holds(self, point: Point) -> bool:
        """True for points inside and on the edges."""
        return self.x0 <= point.x <= self.x1 and self.y0 <= point.y <= self.y1

    def is_finite(self) -> bool:
        """True unless a corner is infinite or not a number."""
        return all(math.isfinite(v) for v in (self.x0, self.y0, self.x1, self.y1))
