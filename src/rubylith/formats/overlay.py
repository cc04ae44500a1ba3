"""The picture with its masks in colour, each with a thin outline: what people look at.

Smaller masks lie on larger ones and hide them, so colours never mix. A mask that stands alone is rubylith red on a
picture that steps back. The longest side is at most LONGEST_SIDE pixels; smaller pictures keep their size.
"""

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
LONGEST_SIDE, PREVIEW_SIDE = 2048, 1024  # pixels
LINE_GROWTH = 1024  # pixels of the longest side above which lines grow in proportion, to look the same on a screen
GREYED, VEILED = 0.55, 0.4  # share of its colour that the surroundings of a single mask lose; share of VEIL laid on them
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
    layer = np.zeros((canvas.size.height, canvas.size.width, 4), np.float32)  # RGB times opacity, and opacity
    palette = colours(segmentation)
    for index in bottom_up(masks):
        _paint(layer, canvas, masks[index], palette[index])
    opacity = layer[..., 3:]
    under = picture.astype(np.float32)
    if len(masks) == 1:
        under = _stepped_back(under, opacity)
    return np.rint(under * (1 - opacity) + layer[..., :3]).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Where the masks are painted. `across`, `down`: canvas pixels per pixel of the picture, at most 1."""

    size: Size
    across: float
    down: float
    line_width: float

    @classmethod
    def of(cls, picture: Size, longest_side: int) -> "_Canvas":
        scale = min(1.0, longest_side / max(picture.height, picture.width))
        size = Size(max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
        line_width = LINE_WIDTH * max(1.0, max(size.height, size.width) / LINE_GROWTH)
        return cls(size, size.width / picture.width, size.height / picture.height, line_width)

    @property
    def blur(self) -> float:
        """Standard deviation in canvas pixels that rounds off pixel steps and still tells distances under a line."""
        return 0.35 + 0.35 * self.line_width


def _paint(layer: FloatArray, canvas: _Canvas, mask: Mask, colour: RGB) -> None:
    """Lay one mask on top, hiding what it covers."""
    x, y, soft = _softened(mask, canvas)
    if not soft.size:
        return
    coverage, opacity = (cv2.LUT(soft, table) for table in _tables(canvas))
    below = layer[y : y + soft.shape[0], x : x + soft.shape[1]]
    below *= (1 - coverage)[..., None]
    below += opacity[..., None] * np.array([*colour, 1], np.float32)


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
    size, reach = mask.rle.size, 3 * canvas.blur + 1
    (left, right), (x0, x1) = _span(box.x0, box.x1, canvas.across, reach, size.width)
    (top, bottom), (y0, y1) = _span(box.y0, box.y1, canvas.down, reach, size.height)
    room = np.zeros((bottom - top, right - left), np.uint8)
    room[int(box.y0) - top : int(box.y1) - top, int(box.x0) - left : int(box.x1) - left] = bitmap.view(np.uint8) * 255
    blurred = cv2.GaussianBlur(
        room,
        (0, 0),
        sigmaX=canvas.blur / canvas.across,
        sigmaY=canvas.blur / canvas.down,
        borderType=cv2.BORDER_REPLICATE,
    )
    if canvas.across == canvas.down == 1:
        return x0, y0, blurred
    to_room = np.array(
        [
            [1 / canvas.across, 0, (x0 + 0.5) / canvas.across - 0.5 - left],
            [0, 1 / canvas.down, (y0 + 0.5) / canvas.down - 0.5 - top],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return x0, y0, cv2.warpAffine(blurred, to_room, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _span(low: float, high: float, scale: float, reach: float, limit: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pixels of the picture and of the canvas that a blurred mask from `low` to `high` reaches along one axis."""
    first = max(0, int(low - reach / scale))
    last = min(limit, int(high + reach / scale) + 1)
    return (first, last), (int(first * scale), min(max(1, round(limit * scale)), int(np.ceil(last * scale))))


def _stepped_back(picture: FloatArray, opacity: FloatArray) -> FloatArray:
    """The picture veiled where `opacity`, (H, W, 1), is 0."""
    grey = (picture @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    back = picture + GREYED * (grey - picture)
    back += VEILED * (np.array(VEIL, np.float32) - back)
    return back + np.minimum(1, opacity / FILL) * (picture - back)


def _png(pixels: UInt8Array) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()
