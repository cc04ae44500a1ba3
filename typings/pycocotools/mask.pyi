from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt

class CompressedRLE(TypedDict):
    size: list[int]
    counts: bytes

class Runs(TypedDict):
    size: list[int]
    counts: npt.NDArray[np.integer]

def encode(bimask: npt.NDArray[np.uint8]) -> CompressedRLE: ...
def decode(rleObjs: CompressedRLE) -> npt.NDArray[np.uint8]: ...
def area(rleObjs: CompressedRLE) -> np.uint32: ...
def toBbox(rleObjs: CompressedRLE) -> npt.NDArray[np.float64]: ...
def frPyObjects(pyobj: Runs, h: int, w: int) -> CompressedRLE: ...
def iou(
    dt: Sequence[CompressedRLE], gt: Sequence[CompressedRLE], pyiscrowd: Sequence[int]
) -> npt.NDArray[np.float64]: ...
