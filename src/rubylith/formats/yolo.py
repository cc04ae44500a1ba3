"""YOLO's segmentation text: one line per mask, `class x1 y1 x2 y2 …`, coordinates as shares of width and height.

A line is one object, so several parts and holes are joined into one ring: each is tied to the largest part by a cut of
no width, there and back, between two near vertices. Filled by the even-odd rule such a ring is the mask again,
holes included. (Ultralytics' own converter ties parts in the same way and drops holes.)

Classes are numbered from 0 without gaps, as Ultralytics demands, in the order of `categories`: the words asked for
first, whether the picture shows them or not, so all pictures of a run share their numbers; masks without pixels have no
line. Where anything has a name, `names.yaml` lists the classes as in Ultralytics' data set file.
Source: docs.ultralytics.com/datasets/segment; ultralytics/data/converter.py, merge_multi_segment.
"""

import json

import numpy as np
import numpy.typing as npt

from rubylith.domain.geometry import Size
from rubylith.domain.image import Image
from rubylith.domain.mask import Mask
from rubylith.domain.segmentation import Segmentation
from rubylith.formats import Encoded
from rubylith.formats._categories import categories
from rubylith.formats._contours import Part, Ring, outline

SUMMARY = "YOLO's segmentation text"
NEEDS_PIXELS = False
DIGITS = 6


def encode(segmentation: Segmentation, _image: Image | None, _path: str = "", /) -> tuple[Encoded, ...]:
    """`labels.txt`, and `names.yaml` where anything has a name."""
    kinds, numbers = categories(segmentation)
    classes = {kind.number: place for place, kind in enumerate(kinds)}
    lines = [_line(mask, classes[number]) for mask, number in zip(segmentation.masks, numbers, strict=True)]
    files = [Encoded("labels.txt", "text/plain", "".join(lines).encode())]
    if any(kind.label for kind in kinds):
        names = "".join(f"  {place}: {json.dumps(kind.name)}\n" for place, kind in enumerate(kinds))
        files.append(Encoded("names.yaml", "application/yaml", f"names:\n{names}".encode()))
    return tuple(files)


def _line(mask: Mask, kind: int) -> str:
    parts = outline(mask.rle)
    if not parts:
        return ""
    ring = joined(parts) / _extent(mask.rle.size)
    return " ".join([str(kind), *(f"{value:.{DIGITS}f}" for value in ring.ravel().tolist())]) + "\n"


def _extent(size: Size) -> npt.NDArray[np.float64]:
    return np.array([size.width, size.height], np.float64)


def joined(parts: tuple[Part, ...]) -> Ring:
    """All rings of a mask as one, (N, 2) x, y."""
    rings = sorted((ring for part in parts for ring in part.rings), key=len, reverse=True)
    main, others = rings[0], rings[1:]
    detours: dict[int, list[Ring]] = {}
    for ring in others:
        anchor = _nearest(main, ring[0])
        around = np.roll(ring, -_nearest(ring, main[anchor]), axis=0)
        detours.setdefault(anchor, []).append(np.concatenate((around, around[:1], main[anchor : anchor + 1])))
    pieces: list[Ring] = []
    done = 0
    for anchor in sorted(detours):
        pieces += [main[done : anchor + 1], *detours[anchor]]
        done = anchor + 1
    return np.concatenate((*pieces, main[done:]))


def _nearest(ring: Ring, point: Ring) -> int:
    """Index of the vertex nearest to `point`, (2,) x, y."""
    return int(np.argmin(np.square((ring - point).astype(np.float64)).sum(axis=1)))
