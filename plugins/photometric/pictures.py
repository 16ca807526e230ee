"""Grey pictures at halved sizes, and patches sampled from them between the pixels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
UInt8Array = npt.NDArray[np.uint8]

_KEPT_BYTES = 600_000_000
"""Pictures that stay in memory; what does not fit is loaded anew, up to four times an image."""
_MAX_ROWS = 16_384
"""OpenCV's maps may have at most 32,767."""
_FULL = -1


class Pictures:
    """Grey pictures by name, loaded when they are asked for; the last ones are kept."""

    def __init__(self, load_image: Callable[[str], UInt8Array]) -> None:
        self._load = load_image
        self._kept: OrderedDict[tuple[str, int], npt.NDArray[Any]] = OrderedDict()
        self._lock = Lock()

    def at_level(self, name: str, level: int) -> Picture:
        """Return an image at 1 / 2**level of its size."""
        grey = self._keep((name, _FULL), lambda: _grey(self._load(name)))
        values = self._keep((name, level), lambda: _halved(grey, level))
        height, width = grey.shape
        return Picture(values, (width, height))

    def _keep(self, key: tuple[str, int], make: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        values = make()
        with self._lock:
            self._kept[key] = values
            while len(self._kept) > 2 and sum(kept.nbytes for kept in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
        return values


def _grey(pixels: UInt8Array) -> UInt8Array:
    import cv2

    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _halved(grey: UInt8Array, level: int) -> FloatArray:
    """Return float32 grey values at 1 / 2**level of the size."""
    import cv2

    height, width = grey.shape
    values = grey.astype(np.float32)
    if level == 0:
        return values
    size = max(1, width >> level), max(1, height >> level)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


class Picture:
    """One picture at one size; positions are given in full-size pixels, COLMAP origin."""

    def __init__(self, values: FloatArray, full_size: tuple[int, int]) -> None:
        """Args: `values` are (H, W) float32; `full_size` is width and height of the photo."""
        self._values = values
        self._full_size = np.array(full_size)
        self._scale = np.array(values.shape[::-1]) / self._full_size

    def patches(self, xy: FloatArray, shapes: FloatArray, steps: FloatArray) -> FloatArray:
        """Return (N, P) float32 the values around each position, between the pixels.

        Args:
            xy: (N, 2) full-size pixels.
            shapes: (N, 2, 2) full-size pixels by step.
            steps: (P, 2) from the centre.
        """
        import cv2

        basis = np.vstack([steps.T, np.ones(len(steps))]).astype(np.float32)
        x, y = (
            np.column_stack([shapes[:, axis] * scale, xy[:, axis] * scale - 0.5]).astype(np.float32) @ basis
            for axis, scale in enumerate(self._scale)
        )
        values = np.empty(x.shape, np.float32)
        for start in range(0, len(values), _MAX_ROWS):
            block = slice(start, start + _MAX_ROWS)
            values[block] = cv2.remap(
                self._values, x[block], y[block], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
            )
        return values

    def holds(self, xy: FloatArray, margins_px: FloatArray) -> npt.NDArray[np.bool_]:
        """Return (N,) whether all within a distance of each position is in the picture; full-size pixels."""
        margins = margins_px[:, None]
        is_inside = (xy >= margins) & (xy <= self._full_size - margins)
        return np.asarray(is_inside.all(axis=1), np.bool_)
