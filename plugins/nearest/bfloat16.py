"""The first pass of `nearest` in bfloat16, through torch, on processors with instructions for it.

Rounded to 8 bits, a descriptor of length 1 moves by a length of about 0.002: how far each product may be off
follows from the largest of these moves. Candidates that far below the best are looked at again in float32.
"""

from __future__ import annotations

import math
import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np

from ..processor import is_bfloat16_fast
from .products import Float32Array, TileMaxima, in_blocks, largest_length, padded

_BLOCK = 1 << 20
"""Products at a time: 2 MB."""
_UNIT = 2.0**-8
"""Largest relative rounding error of bfloat16."""
_ACCUMULATION = 2.0**-23
"""Of a sum in float32, by term: some processors round after each of two steps."""


def is_at_hand() -> bool:
    """Return whether torch is loaded already, and the processor multiplies bfloat16 faster than float32.

    Torch is not loaded for it: that takes as long as hundreds of pairs. An extractor that needs it has done so.
    """
    return sys.modules.get("torch") is not None and is_bfloat16_fast()


@cache
def _openmp() -> Any:
    """Return the controller of torch's threads; they are counted by the calling thread."""
    import torch  # noqa: F401 - loads the library to control
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="openmp")


class Bfloat16Pass:
    """Largest products in bfloat16, with so many threads."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def __call__(self, vectors1: Float32Array, vectors2: Float32Array) -> TileMaxima:
        """Return the maxima of the products, up to what the rounding may do."""
        import torch

        with self._limited_threads(), torch.inference_mode():
            # Products below 1 are rounded half as coarsely as those above.
            scale = 0.98 / max(largest_length(vectors1) * largest_length(vectors2), sys.float_info.min)
            rounded1, move1 = _rounded(vectors1 * np.float32(scale))
            rounded2, move2 = _rounded(padded(vectors2))
            length1, length2 = (largest_length(each.float().numpy()) for each in (rounded1, rounded2))
            moves = move1 * largest_length(vectors2) + length1 * move2
            terms = (vectors1.shape[1] + 8) * _ACCUMULATION * length1 * length2
            # A product is rounded by half the step from one number to the next, which doubles at powers of two.
            step = _UNIT * 2.0 ** math.ceil(math.log2(max(length1 * length2 + terms, sys.float_info.min)))
            error = (moves + terms + step / 2) / scale
            turned = rounded2.t().contiguous()
            inverse = np.float32(1 / scale)

            def block_maxima(rows: slice, columns: slice, width: int) -> tuple[Float32Array, Float32Array]:
                products = rounded1[rows] @ turned[:, columns]
                of_rows = products.view(products.shape[0], -1, width).amax(dim=2)
                return of_rows.float().numpy() * inverse, products.amax(dim=0).float().numpy() * inverse

            return in_blocks(len(vectors1), len(vectors2), _BLOCK, block_maxima, error)

    def _limited_threads(self) -> AbstractContextManager[Any]:
        limited: AbstractContextManager[Any] = _openmp().limit(limits=self._threads)
        return limited


def _rounded(vectors: Float32Array) -> tuple[Any, float]:
    """Return the vectors in bfloat16, and the largest length by which one moved."""
    import torch

    exact = torch.tensor(vectors)
    rounded = exact.bfloat16()
    return rounded, largest_length((rounded.float() - exact).numpy())
