"""The square that a network sees, and the way between its pixels and the picture's.

SAM scales a picture until its longer side fits and pads the rest; SAM 2 stretches it. Mask logits come at a quarter of
the square's side or so, and are enlarged linearly in both directions, which makes enlarging a product with two
matrices: any window of the mask can be had without making the rest.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from rubylith.domain.geometry import Box, Point, Size
from rubylith.domain.image import Image
from rubylith.domain.rle import RLE

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.intp]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # ImageNet's, of RGB in [0, 1]
STD = np.array([0.229, 0.224, 0.225], np.float32)
CONFIDENT = 10.0  # the logit given to a pixel of a mask that comes without logits


@dataclass(frozen=True)
class Frame:
    """How one picture lies in the network's square.

    picture: its size. side: of the square. used: the part of the square it fills, from the top left. low: side of the
    mask logits. direct: logits are enlarged to the picture at once, not first to the square.
    """

    picture: Size
    side: int
    used: Size
    low: int
    direct: bool = False

    @classmethod
    def padded(cls, picture: Size, side: int, low: int) -> "Frame":
        """SAM's: the longer side fits, the rest is padding. Source: segment-anything, utils/transforms.py."""
        scale = side / max(picture.height, picture.width)
        used = Size(max(1, int(picture.height * scale + 0.5)), max(1, int(picture.width * scale + 0.5)))
        return cls(picture, side, used, low)

    @classmethod
    def stretched(cls, picture: Size, side: int, low: int) -> "Frame":
        """SAM 2's: both sides fit. Source: sam2, utils/transforms.py."""
        return cls(picture, side, Size(side, side), low, direct=True)

    @property
    def scale(self) -> FloatArray:
        """(2,) float32: pixels of the square per pixel of the picture, x and y."""
        return np.array([self.used.width / self.picture.width, self.used.height / self.picture.height], np.float32)

    @property
    def nbytes(self) -> int:
        """Of what is kept for enlarging masks; it is made with the first."""
        return 4 * self.low * (self.picture.height + self.picture.width)

    @property
    def valid(self) -> Size:
        """The part of the logits that shows the picture, in whole cells."""
        cells = [-(-n * self.low // self.side) for n in (self.used.height, self.used.width)]
        return Size(*cells)

    @property
    def step(self) -> float:
        """The most cells from one sample of an enlarged mask to the next."""
        return max(
            self.low / self.side * float(self.scale.max()), self.low / self.side if self.low < self.side else 0.0
        )

    @property
    def cut_cells(self) -> npt.NDArray[np.bool_]:
        """(2,): whether the picture ends within a cell, across and down."""
        return np.array([self.used.width * self.low % self.side, self.used.height * self.low % self.side]) > 0

    def pixels(self, image: Image) -> FloatArray:
        """What the network is shown: (1, 3, side, side) float32, normalised, padding zero.

        Resized by Pillow's bilinear filter, which keeps 8 bits a channel: segment-anything's way, and transformers' to
        one step of 255. sam2 has the same filter on floats, which are nowhere further than one step away.
        """
        resized = PIL.Image.fromarray(image.pixels)
        if self.used != self.picture:
            resized = resized.resize((self.used.width, self.used.height), PIL.Image.Resampling.BILINEAR)
        square = np.zeros((1, 3, self.side, self.side), np.float32)
        values = np.asarray(resized, np.float32) * (1 / 255)
        square[0, :, : self.used.height, : self.used.width] = ((values - MEAN) / STD).transpose(2, 0, 1)
        return square

    def points(self, points: tuple[Point, ...]) -> FloatArray:
        """(N, 2) float32 x, y in pixels of the square."""
        return np.array([(p.x, p.y) for p in points], np.float32).reshape(-1, 2) * self.scale

    def corners(self, box: Box) -> FloatArray:
        """(2, 2) float32: top left and bottom right in pixels of the square."""
        return np.array([(box.x0, box.y0), (box.x1, box.y1)], np.float32) * self.scale

    def logits_of(self, mask: RLE) -> FloatArray:
        """A mask as the network would have said it: (low, low) float32, negative outside; padding is outside."""
        bitmap = mask.bitmap().view(np.uint8)
        square = np.zeros((self.low, self.low), np.float32)
        rows = max(1, round(self.used.height * self.low / self.side))
        columns = max(1, round(self.used.width * self.low / self.side))
        square[:rows, :columns] = cv2.resize(bitmap * np.uint8(255), (columns, rows), interpolation=cv2.INTER_AREA)
        return (square / np.float32(127.5) - 1) * np.float32(CONFIDENT)

    def enlarge(self, logits: FloatArray, window: tuple[int, int, int, int]) -> FloatArray:
        """The part `window` (x0, y0, x1, y1, whole pixels of the picture) of the logits at the picture's size.

        logits: (low, low) float32. Returns (y1 - y0, x1 - x0) float32. Linear with half-pixel centres from the logits
        to the square, cut to what is used, then to the picture, as `F.interpolate` does in the reference projects.
        """
        x0, y0, x1, y1 = window
        rows, columns = self._rows[y0:y1], self._columns[x0:x1]
        low_y, low_x = _span(rows), _span(columns)
        enlarged = rows[:, low_y] @ logits[low_y, low_x] @ columns[:, low_x].T
        return enlarged.astype(np.float32, copy=False)

    def window_of(self, low_box: npt.NDArray[np.integer]) -> tuple[int, int, int, int]:
        """Whole pixels of the picture that a box of cells (x0, y0, x1, y1, half-open) can touch when enlarged."""
        x0, y0, x1, y1 = (int(v) for v in low_box)
        across, down = self.side / self.low / self.scale
        left, top = int((x0 - 1.5) * across), int((y0 - 1.5) * down)
        right, bottom = int((x1 + 1.5) * across) + 1, int((y1 + 1.5) * down) + 1
        return (
            min(max(left, 0), self.picture.width - 1),
            min(max(top, 0), self.picture.height - 1),
            min(right, self.picture.width),
            min(bottom, self.picture.height),
        )

    def picture_boxes(self, low_boxes: npt.NDArray[np.integer | np.floating]) -> npt.NDArray[np.float64]:
        """(N, 4) boxes of cells, or of parts of cells → boxes in pixels of the picture, XYXY, inside it."""
        scale = np.tile(self.side / self.low / self.scale.astype(np.float64), 2)
        limits = np.array([self.picture.width, self.picture.height] * 2)
        return np.clip(low_boxes * scale, 0, limits)

    @cached_property
    def _rows(self) -> FloatArray:
        return self._enlargement(self.used.height, self.picture.height)

    @cached_property
    def _columns(self) -> FloatArray:
        return self._enlargement(self.used.width, self.picture.width)

    def _enlargement(self, used: int, full: int) -> FloatArray:
        """(full, low): both steps along one side in one matrix."""
        if self.direct:
            return _linear(self.low, full)
        square = _linear(self.low, self.side)
        return square if used == full == self.side else _linear(used, full) @ square[:used]


def within(size: Size, shortest: int, longest: int) -> Size:
    """A picture's size once its shorter side is `shortest`, or its longer one `longest` if it would pass that.

    Source: transformers, get_size_with_aspect_ratio, with its roundings.
    """
    longer, shorter = max(size.height, size.width), min(size.height, size.width)
    exact = float(shortest)
    if longer / shorter * shortest > longest:
        exact = longest * shorter / longer
    short, other = round(exact), int(exact * longer / shorter)
    return Size(short, other) if size.height < size.width else Size(other, short)


def enlarged(plane: FloatArray, size: Size) -> FloatArray:
    """Linear with half-pixel centres and no antialiasing, as `F.interpolate` does. plane: (h, w) float32."""
    resized = cv2.resize(np.ascontiguousarray(plane), (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _linear(old: int, new: int) -> FloatArray:
    """(new, old): linear interpolation with half-pixel centres and repeated edges, no antialiasing."""
    centres = np.maximum((np.arange(new) + 0.5) * (old / new) - 0.5, 0)
    lower = np.minimum(centres.astype(np.intp), old - 1)
    upper = np.minimum(lower + 1, old - 1)
    share = (centres - lower).astype(np.float32)
    matrix = np.zeros((new, old), np.float32)
    index = np.arange(new)
    matrix[index, lower] += 1 - share
    matrix[index, upper] += share
    return matrix


def _span(weights: FloatArray) -> slice:
    """The columns that these rows use; rows are in order and each uses neighbours."""
    first, last = np.flatnonzero(weights[0]), np.flatnonzero(weights[-1])
    return slice(int(first[0]), int(last[-1]) + 1)
