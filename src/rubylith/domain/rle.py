"""Run-length encoded bitmaps in COCO's compressed form: how masks travel.

The codec is pycocotools'; this file gives it types and checks what comes from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Box, Size

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

CODES_PER_RUN, RUN_BITS = 7, 32  # a code has 5 bits, and one of them is a sign
MAX_CODES = 1024 * 1024  # of a mask from outside: hundreds of thousands of runs, where pictures have thousands
FIRST_CODE, LAST_CODE, CONTINUES = 48, 111, 0x20  # the characters of COCO's LEB128-like string, and its "more" bit


@dataclass(frozen=True, slots=True)
class RLE:
    """One bitmap: runs of 0 and 1 in column-major order, compressed as COCO does."""

    size: Size
    counts: bytes = field(repr=False)

    @classmethod
    def from_bitmap(cls, bitmap: BoolArray) -> Self:
        """bitmap: (H, W) bool."""
        height, width = bitmap.shape
        encoded = coco.encode(np.asfortranarray(bitmap, dtype=np.uint8))
        return cls(Size(height, width), encoded["counts"])

    @classmethod
    def from_window(cls, size: Size, bitmap: BoolArray, x: int, y: int) -> Self:
        """A bitmap that is False outside a window. bitmap: (h, w) bool, its top left pixel at (x, y) of the whole."""
        height = bitmap.shape[0]
        fenced = np.zeros((bitmap.shape[1], height + 2), np.int8)  # a zero above and below each column
        fenced[:, 1:-1] = bitmap.T
        columns, rows = np.nonzero(np.diff(fenced, axis=1))  # (2 per run): where it begins, where it is over
        turns = (columns + x) * size.height + rows + y
        seams = (
            np.flatnonzero(turns[1:-1:2] == turns[2::2]) * 2 + 1
        )  # a run down to the edge goes on in the next column
        turns = np.delete(turns, np.concatenate([seams, seams + 1]))
        turns = turns[turns < size.area]  # a run up to the very end needs no turn back
        return cls.from_runs(size, np.diff(turns, prepend=0, append=size.area))

    @classmethod
    def from_runs(cls, size: Size, runs: npt.NDArray[np.integer]) -> Self:
        """runs: (N,) lengths in column-major order, zeros first (the first may be 0); they sum to `size.area`."""
        encoded = coco.frPyObjects({"size": [size.height, size.width], "counts": runs}, size.height, size.width)
        return cls(size, encoded["counts"])

    @classmethod
    def from_coco(cls, size: Size, counts: str | bytes) -> Self:
        """Take a compressed string from outside; InvalidPrompt if it does not describe a bitmap of this size."""
        raw = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
        rle = cls(size, raw)
        if not rle._is_well_formed() or not rle._covers_all():
            raise InvalidPrompt(
                f"The run-length encoding does not describe a mask of {size} pixels",
                "Send COCO's compressed RLE: size [height, width] and counts that cover every pixel, column by column",
            )
        return rle

    def bitmap(self) -> BoolArray:
        """(H, W) bool, C order."""
        return np.ascontiguousarray(coco.decode(self._coco())).view(np.bool_)

    def tight(self) -> tuple[Box, BoolArray]:
        """The tightest box and the bitmap inside it, (box height, box width) bool; both empty for an empty bitmap.

        Costs what the box covers, not what the picture covers: a small thing in a large picture is cheap.
        """
        height = self.size.height
        ends = np.cumsum(self.runs())
        ends = ends[: ends.size // 2 * 2].reshape(-1, 2)  # (N, 2): first pixel and the one past the last
        first, last = ends[ends[:, 0] < ends[:, 1]].T
        if first.size == 0:
            return Box(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
        x0, x1 = int(first[0]) // height, int(last[-1] - 1) // height + 1
        top, bottom = first % height, (last - 1) % height
        one_column = bool((first // height == (last - 1) // height).all())
        y0, y1 = (int(top.min()), int(bottom.max()) + 1) if one_column else (0, height)
        rows = y1 - y0  # a run that spans columns covers a whole column's height, so rows can be cut out of the rest
        start = (first // height - x0) * rows + top - y0
        steps = np.zeros((x1 - x0) * rows + 1, np.int8)
        steps[start] += 1
        steps[start + last - first] -= 1
        columns = np.cumsum(steps[:-1], dtype=np.int8).view(np.bool_).reshape(x1 - x0, rows)
        return Box(x0, y0, x1, y1), np.ascontiguousarray(columns.T)

    def at(self, rows: IndexArray, columns: IndexArray) -> BoolArray:
        """The bitmap at some rows and columns, both ascending: (len(rows), len(columns)) bool.

        Costs what is asked for, not what the picture covers.
        """
        column, row = np.divmod(np.cumsum(self.runs()), self.size.height)  # (N,): the turns
        across = np.searchsorted(columns, column)
        down = np.where(np.append(columns, -1)[across] == column, np.searchsorted(rows, row), 0)
        first = across * len(rows) + down  # of the places asked for, column by column, the first behind each turn
        turns = np.bincount(first, minlength=len(rows) * len(columns) + 1)[: len(rows) * len(columns)]
        seen = np.cumsum(turns, dtype=np.uint8) & np.uint8(1)  # more than 255 wrap round and stay odd or even
        return np.ascontiguousarray(seen.view(np.bool_).reshape(len(columns), len(rows)).T)

    def runs(self) -> npt.NDArray[np.int64]:
        """(N,) lengths of the runs of 0 and 1 in turn, zeros first. Source: cocoapi, common/maskApi.c, rleFrString."""
        digits = np.frombuffer(self.counts, np.uint8).astype(np.int64) - FIRST_CODE
        ends = np.flatnonzero(digits & CONTINUES == 0)
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts + 1
        places = np.arange(digits.size) - np.repeat(starts, lengths)
        runs = np.add.reduceat((digits & 0x1F) << (5 * places), starts)
        runs -= np.where(digits[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
        for chain in (runs[1::2], runs[2::2]):  # from the third on, each is the difference to the last but one
            np.cumsum(chain, out=chain)
        return runs

    @property
    def area(self) -> int:
        """Number of pixels set."""
        return int(coco.area(self._coco()))

    @property
    def box(self) -> Box:
        """The tightest box; (0, 0, 0, 0) for an empty bitmap."""
        x, y, width, height = (int(v) for v in coco.toBbox(self._coco()))
        return Box(x, y, x + width, y + height)

    def _is_well_formed(self) -> bool:
        """Whether these are numbers in COCO's code, no more of them and none longer than such a bitmap can have."""
        most = min(MAX_CODES, CODES_PER_RUN * (self.size.area + 1))
        if not 0 < len(self.counts) <= most or self.size.area >= 1 << RUN_BITS:
            return False
        codes = np.frombuffer(self.counts, np.uint8)
        if codes.min() < FIRST_CODE or codes.max() > LAST_CODE:
            return False
        ends = np.flatnonzero((codes - FIRST_CODE) & CONTINUES == 0)
        if not 0 < ends.size <= self.size.area + 1 or ends[-1] != codes.size - 1:
            return False
        return bool(np.diff(ends, prepend=-1).max() <= CODES_PER_RUN)

    def _covers_all(self) -> bool:
        """Whether the runs of a well-formed string are one bitmap of this size."""
        runs = self.runs()
        return bool(runs.min() >= 0 and runs.max() <= self.size.area and runs.sum() == self.size.area)

    def _coco(self) -> "coco.CompressedRLE":
        return {"size": [self.size.height, self.size.width], "counts": self.counts}


def rle_iou(ones: Sequence[RLE], others: Sequence[RLE]) -> FloatArray:
    """IoU of each of `ones` with each of `others`, as (len(ones), len(others)); 0 where both are empty."""
    if not ones or not others:
        return np.zeros((len(ones), len(others)))
    pairs = coco.iou([o._coco() for o in ones], [o._coco() for o in others], [0] * len(others))  # pyright: ignore[reportPrivateUsage]
    return np.nan_to_num(np.asarray(pairs, np.float64))
