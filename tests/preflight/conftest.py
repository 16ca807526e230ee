"""Photos of the sample set, and photos that say something of themselves without having pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from recon.core.data import Exif, ImageFile


@pytest.fixture(scope="session")
def sample_pixels(sample_photos: Path) -> npt.NDArray[np.uint8]:
    """Return the first photo of the sample set, (H, W, 3)."""
    return np.asarray(cv2.imread(str(sorted(sample_photos.iterdir())[0])), np.uint8)


@pytest.fixture(scope="session")
def sample_grey(sample_pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the first photo of the sample set in grey, (H, W)."""
    return np.asarray(cv2.cvtColor(sample_pixels, cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.fixture
def image_file() -> Callable[..., ImageFile]:
    """Return a function that describes a photo; what is not a field of ImageFile goes into its EXIF."""

    def make(name: str, width: int = 1600, height: int = 1200, *, orientation: int = 1, **exif: Any) -> ImageFile:
        return ImageFile(name, Path(name), width, height, orientation, digest=name, exif=Exif(**exif))

    return make
