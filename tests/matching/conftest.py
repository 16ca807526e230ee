"""Photos made on the spot: the tests of this folder keep no picture files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

MAKE, MODEL, ORIENTATION, EXIF_IFD = 0x010F, 0x0110, 0x0112, 0x8769
FOCAL_LENGTH, FOCAL_LENGTH_35MM, LENS_MODEL = 0x920A, 0xA405, 0xA434


@pytest.fixture
def exif() -> Callable[..., PillowImage.Exif]:
    """Return a function that makes EXIF tags; what is None is left out."""

    def make(
        *,
        make: str | None = None,
        model: str | None = None,
        orientation: object = None,
        lens: str | None = None,
        focal_mm: float | None = None,
        focal_35mm: int | None = None,
    ) -> PillowImage.Exif:
        tags = PillowImage.Exif()
        for tag, value in ((MAKE, make), (MODEL, model), (ORIENTATION, orientation)):
            if value is not None:
                tags[tag] = value
        focal = None if focal_mm is None else IFDRational(round(focal_mm * 1000), 1000)
        photo = ((LENS_MODEL, lens), (FOCAL_LENGTH, focal), (FOCAL_LENGTH_35MM, focal_35mm))
        if any(value is not None for _, value in photo):
            tags[EXIF_IFD] = {tag: value for tag, value in photo if value is not None}
        return tags

    return make


@pytest.fixture
def picture() -> Callable[..., PillowImage.Image]:
    """Return a function that makes a smooth random picture, so that JPEG keeps it nearly as it is."""

    def make(width: int = 96, height: int = 64, seed: int = 0) -> PillowImage.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        return PillowImage.fromarray(coarse).resize((width, height), PillowImage.Resampling.BICUBIC)

    return make


@pytest.fixture
def photo(tmp_path: Path, picture: Callable[..., PillowImage.Image]) -> Callable[..., Path]:
    """Return a function that writes a photo into `tmp_path/photos` and returns its path."""

    def write(name: str = "photo.jpg", width: int = 96, height: int = 64, seed: int = 0, **save: Any) -> Path:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(width, height, seed).save(path, **save)
        return path

    return write
