"""Array types, and the one check of their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
UInt8Array = npt.NDArray[np.uint8]


def check_shape(name: str, array: npt.NDArray[Any], expected: tuple[int | None, ...]) -> None:
    """Refuse an array of another shape; None in `expected` stands for any length.

    Raises:
        ValueError: Names the array, the shape that was expected and the one that came.
    """
    fits = array.ndim == len(expected) and all(
        want is None or want == got for want, got in zip(expected, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in expected)
        raise ValueError(f"{name}: expected shape ({wanted}), got {array.shape}")
