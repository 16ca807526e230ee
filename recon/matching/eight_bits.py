"""Pixels of any depth, with or without transparency, as 8-bit grey or colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import UInt8Array


def to_eight_bits(pixels: npt.NDArray[Any]) -> UInt8Array:
    """Return the pixels as uint8.

    Integers are divided by the range of as many bits (8 at least) as the largest value needs: a full 16-bit
    photo by 257, one of 12 bits in a 16-bit file by 16.06, so that it does not come out black. Fractions are
    taken as 0 to 1, or as 0 to the largest value when that is above 1.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if np.issubdtype(pixels.dtype, np.floating):
        values = np.nan_to_num(pixels.astype(np.float32), posinf=0.0, neginf=0.0)
        full = max(1.0, float(values.max(initial=0.0)))
    else:
        values = pixels.astype(np.float32)
        full = 2.0 ** max(8, int(pixels.max(initial=0)).bit_length()) - 1
    return np.rint(values.clip(0, full) * (255 / full)).astype(np.uint8)


def over_black(pixels: UInt8Array) -> UInt8Array:
    """Return (H, W, 4) pixels, transparency last, as (H, W, 3): what is transparent becomes black."""
    colours, opacity = pixels[..., :3], pixels[..., 3:]
    if opacity.min(initial=255) == 255:
        return np.ascontiguousarray(colours)
    blended = (colours.astype(np.uint16) * opacity + 127) // 255
    return blended.astype(np.uint8)
