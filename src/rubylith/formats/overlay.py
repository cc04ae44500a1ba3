"""The picture with its masks in colour, each with a thin outline: what people look at.

Smaller masks lie on larger ones and hide them, so colours never mix. A mask that stands alone is rubylith red on a
picture that steps back. The longest side is at most LONGEST_SIDE pixels; smaller pictures keep their size.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image, UInt8Array
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._layers import bottom_up
from rubylith.formats._palette import FILL, LINE, LINE_WIDTH, RGB, colours

SUMMARY = "the picture with its masks in colour"
NEEDS_PIXELS = True
LONGEST_SIDE, PREVIEW_SIDE = 2048, 1024  # pixels
LINE_GROWTH = 1024  # pixels of the longest side above which lines grow in proportion, to look the same on a screen
GREYED, VEILED = (
    0.55,
    0.4,
)  # share of its colour that the surroundings of a single mask lose; share of VEIL laid on them
VEIL = (52, 54, 60)  # slate: darkens a bright picture, and leaves a dark one its shapes

FloatArray = npt.NDArray[np.float32]


def encode(segmentation: Segmentation, image: Image, _path: str = "", /) -> tuple[Encoded, ...]:
    """`overlay.png`."""
    return (Encoded("overlay.png", "image/png", _png(render(segmentation, image))),)


def preview(segmentation: Segmentation, image: Image) -> bytes:
    """A PNG of at most PREVIEW_SIDE pixels a side, for a notebook."""
    return _png(render(segmentation, image, longest_side=PREVIEW_SIDE))


def render(segmentation: Segmentation, image: Image, *, longest_side: int = LONGEST_SIDE) -> UInt8Array:
    """(H, W, 3) uint8 RGB, in the picture's size or scaled down to `longest_side`."""
    canvas = _Canvas.of(segmentation.size, longest_side)
    picture = cv2.resize(image.pixels, (canvas.size.width, canvas.size.height), interpolation=cv2.INTER_AREA)
    masks = segmentation.masks
    layer = np.zeros((4, canvas.size.height, canvas.size.width), np.float32)  # RGB times opacity, and opacity
    palette = colours(segmentation)
    for index in bottom_up(masks):
        _paint(layer, canvas, masks[index], palette[index])
    channels = [channel.astype(np.float32) for channel in cv2.split(picture)]
    if len(masks) == 1:
        channels = _stepped_back(channels, layer[3])
    clear = 1 - layer[3]
    mixed = [under * clear + over for under, over in zip(channels, layer, strict=False)]
    return np.rint(np.stack(mixed, axis=-1)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Where the masks are painted. `across`, `down`: canvas pixels per pixel of the picture, at most 1."""

    size: Size
    across: float
    down: float
    line_width: float

    @classmethod
    def of(cls, picture: Size, longest_side: int) -> "_Canvas":
        """The canvas for a picture of this size."""
        scale = min(1.0, longest_side / max(picture.height, picture.width))
        size = Size(max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
        line_width = LINE_WIDTH * max(1.0, max(size.height, size.width) / LINE_GROWTH)
        return cls(size, size.width / picture.width, size.height / picture.height, line_width)

    @property
    def blur(self) -> float:
        """Standard deviation, in canvas pixels, that rounds off pixel steps and still tells distances under a line."""
        return 0.35 + 0.35 * self.line_width

    @property
    def reach(self) -> float:
        """How far a blurred mask spreads, in canvas pixels."""
        return 3 * self.blur + 1


def _paint(layer: FloatArray, canvas: _Canvas, mask: Mask, colour: RGB) -> None:
    """Lay one mask on top, hiding what it covers."""
    x, y, soft = _softened(mask, canvas)
    if not soft.size:
        return
    below = layer[:, y : y + soft.shape[0], x : x + soft.shape[1]]
    paint = np.array([*colour, 1], np.float32)
    inside = soft == 255
    for plane, value in zip(below, paint, strict=True):
        np.copyto(plane, FILL * value, where=inside)
    rows, columns = np.nonzero((soft > 0) & ~inside)
    edge = soft[rows, columns]
    coverage, opacity = _tables(canvas)
    below[:, rows, columns] *= 1 - coverage[edge]
    below[:, rows, columns] += paint[:, None] * opacity[edge]


def _tables(canvas: _Canvas) -> tuple[FloatArray, FloatArray]:
    """(256,) each: how much of a canvas pixel a mask covers, and its opacity there, by the softened mask's value.

    Near a straight edge a mask blurred with deviation s has the value Phi(d / s) at the distance d from the edge.
    """
    value = (np.arange(256) + 0.5) / 256
    distance = canvas.blur * _normal_quantile(value)
    inside = np.clip(distance + 0.5, 0, 1)
    line = np.clip(canvas.line_width / 2 + 0.5 - np.abs(distance), 0, 1)
    line[[0, -1]] = 0
    coverage = inside + line * (1 - inside)
    opacity = FILL * inside * (1 - line) + LINE * line
    coverage[0] = opacity[0] = 0
    return coverage.astype(np.float32), opacity.astype(np.float32)


def _normal_quantile(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Inverse of the normal distribution, by Tukey's lambda; within 0.01 from 0.02 to 0.98."""
    return (probability**0.1349 - (1 - probability) ** 0.1349) / 0.1975


def _softened(mask: Mask, canvas: _Canvas) -> tuple[int, int, UInt8Array]:
    """Left, top and (h, w) uint8 of the blurred mask on the canvas, as far as it reaches.

    Beyond the picture's edge the mask is taken to go on, so no line runs along the edge.
    """
    box, bitmap = mask.rle.tight()
    if not bitmap.size:
        return 0, 0, np.zeros((0, 0), np.uint8)
    across = _Span.of(box.x0, box.x1, canvas.across, canvas.reach, mask.rle.size.width)
    down = _Span.of(box.y0, box.y1, canvas.down, canvas.reach, mask.rle.size.height)
    room = np.zeros((down.count * down.step, across.count * across.step), np.uint8)
    top, left = int(box.y0) - down.first, int(box.x0) - across.first
    np.negative(bitmap.view(np.uint8), out=room[top : top + bitmap.shape[0], left : left + bitmap.shape[1]])
    if down.beyond:
        room[-down.beyond :] = room[-down.beyond - 1]
    if across.beyond:
        room[:, -across.beyond :] = room[:, -across.beyond - 1, None]
    if room.shape != (down.count, across.count):
        room = cv2.resize(room, (across.count, down.count), interpolation=cv2.INTER_AREA)
    sigmas = (canvas.blur / across.scale, canvas.blur / down.scale)
    room = cv2.GaussianBlur(room, (0, 0), sigmaX=sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REPLICATE)
    if across.scale != 1 or down.scale != 1:
        to_room = np.array([[1 / across.scale, 0, across.shift], [0, 1 / down.scale, down.shift]])
        size = (across.end - across.start, down.end - down.start)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        room = cv2.warpAffine(room, to_room, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return across.start, down.start, room.astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a blurred mask lies along one axis.

    first, count, step: it is looked at in `count` blocks of `step` pixels of the picture, from pixel `first`.
    beyond: how many of those pixels lie past the picture's edge. start, end: pixels of the canvas that it reaches.
    scale, shift: pixels of the canvas per block; block (a fraction) in which the centre of pixel `start` lies.
    """

    first: int
    count: int
    step: int
    beyond: int
    start: int
    end: int
    scale: float
    shift: float

    @classmethod
    def of(cls, low: float, high: float, scale: float, reach: float, limit: int) -> "_Span":
        """The span of a mask from `low` to `high`. reach: of the blur, in canvas pixels; limit: the picture's end."""
        step = int(1 / scale + 1e-6)
        first = max(0, int(low - reach / scale)) // step * step
        last = min(limit, int(high + reach / scale) + 1)
        count = -(-(last - first) // step)
        start, end = int(first * scale), min(round(limit * scale), math.ceil(last * scale))
        shift = ((start + 0.5) / scale - first) / step - 0.5
        return cls(first, count, step, max(0, first + count * step - limit), start, end, scale * step, shift)


def _stepped_back(channels: list[FloatArray], opacity: FloatArray) -> list[FloatArray]:
    """Red, green and blue, (H, W) each, veiled where `opacity` is 0."""
    grey = 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2]
    away = np.maximum(0, 1 - opacity / FILL)
    veiled = [
        (channel + GREYED * (grey - channel)) * (1 - VEILED) + VEILED * veil
        for channel, veil in zip(channels, VEIL, strict=True)
    ]
    return [
        (channel + away * (back - channel)).astype(np.float32) for channel, back in zip(channels, veiled, strict=True)
    ]


def _png(pixels: UInt8Array) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
