"""Matrix products on the calling thread alone.

`@` wakes BLAS's threads, as `cv2.gemm` does, which then spin for a tenth of a second and take the cores from whoever
computes next: on two cores the network took twice as long after one product of a few hundred numbers.
"""

from typing import overload

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SingleArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def weighted_sums(rows: FloatArray | BoolArray, weights: FloatArray) -> FloatArray:
    """(..., n) by (n,): (...,)."""
    return np.vecdot(rows, weights)


@overload
def pairwise_products(rows: FloatArray, others: FloatArray) -> FloatArray: ...
@overload
def pairwise_products(rows: SingleArray, others: SingleArray) -> SingleArray: ...
def pairwise_products(rows: FloatArray | SingleArray, others: FloatArray | SingleArray) -> FloatArray | SingleArray:
    """Each of (a, n) with each of (b, n): (a, b)."""
    return np.vecdot(rows[:, None], others[None])
