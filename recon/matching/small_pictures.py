"""Small pictures of photos, turned as the sensor stores them: what is laid into the frusta of a view."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from recon.core.arrays import UInt8Array
from recon.matching.formats import UnknownFormat, decoding_errors, open_header


def small_pictures(folder: Path, names: Iterable[str], longer_side_px: int, threads: int) -> dict[str, UInt8Array]:
    """Return (H, W, 3) uint8 RGB pictures by name; photos that are gone or cannot be read have none."""
    names = list(names)
    with ThreadPoolExecutor(threads) as pool:
        made = pool.map(lambda name: _small(folder / name, longer_side_px), names)
        return {name: picture for name, picture in zip(names, made, strict=True) if picture is not None}


def _small(path: Path, longer_side_px: int) -> UInt8Array | None:
    try:
        with path.open("rb") as stream:
            opened = open_header(stream)
            opened.draft("RGB", (2 * longer_side_px, 2 * longer_side_px))  # of a JPEG, a fraction is decoded
            opened.thumbnail((longer_side_px, longer_side_px))
            picture = opened.point(lambda value: value / 256).convert("L") if opened.mode[:4] == "I;16" else opened
            return np.asarray(picture.convert("RGB"))
    except UnknownFormat:
        return None
    except decoding_errors():
        return None
