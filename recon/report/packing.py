"""Arrays as text inside a page: base64 of little-endian bytes, which a browser reads as typed arrays."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray

SHORT_MAX = 65535


def packed(array: npt.NDArray[Any], dtype: str) -> str:
    """Return an array's values, row by row, as base64 of `dtype`, such as `<f4`."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=np.dtype(dtype)).tobytes()).decode("ascii")


def as_shares(places: FloatArray) -> npt.NDArray[np.uint16]:
    """Return positions from 0 to 1 as numbers from 0 to 65535; what lies outside is moved to the edge."""
    shares: npt.NDArray[np.uint16] = np.rint(np.clip(np.nan_to_num(places), 0.0, 1.0) * SHORT_MAX).astype(np.uint16)
    return shares
