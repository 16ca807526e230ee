"""Videos made for the tests: a window that moves over a large picture, so that the camera's way is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="session")
def scenery() -> np.ndarray:
    """Return a large picture with detail at every scale, (400, 2400, 3)."""
    random = np.random.default_rng(5)
    picture = np.zeros((400, 2400, 3), np.float32)
    for size in (4, 12, 40):
        noise = random.uniform(0, 255, (400 // size + 1, 2400 // size + 1, 3)).astype(np.float32)
        picture += cv2.resize(noise, (2400, 400), interpolation=cv2.INTER_CUBIC) / 3
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pan(scenery: np.ndarray) -> Callable[..., list[np.ndarray]]:
    """Return a function that gives the frames of a camera that moves over the scenery.

    Its arguments: the window's left edge in each frame, in pixels, and the numbers of the frames that are blurred.
    """

    def frames(lefts: Iterable[float], blurred: Iterable[int] = ()) -> list[np.ndarray]:
        blurred = set(blurred)
        taken = []
        for number, left in enumerate(lefts):
            shift = np.array([[1, 0, -left], [0, 1, -60]], np.float32)
            frame = cv2.warpAffine(scenery, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
            taken.append(cv2.blur(frame, (15, 1)) if number in blurred else frame)
        return taken

    return frames
