"""Small upright pictures of the photos, as a page holds them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from recon.matching.formats import UnknownFormat, decoding_errors, open_header

QUALITY = 70


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A photo made small."""

    url: str
    """`data:image/jpeg;base64,...`"""
    size: tuple[int, int]
    """Width and height in pixels."""


def make_thumbnails(files: Mapping[str, Path], longer_side_px: int, threads: int) -> dict[str, Thumbnail]:
    """Return small pictures by name; photos that are gone or cannot be read have none."""
    if not longer_side_px:
        return {}
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(lambda path: _make(path, longer_side_px), files.values())
        return {name: thumbnail for name, thumbnail in zip(files, made, strict=True) if thumbnail}


def _make(path: Path, longer_side_px: int) -> Thumbnail | None:
    from PIL import Image, ImageOps

    try:
        with path.open("rb") as stream:
            opened = open_header(stream)
            opened.draft("RGB", (2 * longer_side_px, 2 * longer_side_px))  # of a JPEG, a fraction is decoded
            picture: Image.Image = opened
            if picture.mode.startswith("I;16"):
                picture = picture.point(lambda value: value / 256).convert("L")
            picture.thumbnail((longer_side_px, longer_side_px))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            written = io.BytesIO()
            upright.save(written, "JPEG", quality=QUALITY, optimize=True)
    except UnknownFormat:
        return None
    except decoding_errors():
        return None
    return Thumbnail("data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii"), upright.size)
