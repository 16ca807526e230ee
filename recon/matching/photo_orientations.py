"""How photos were held: the EXIF orientation of many photos, from their headers alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from recon.matching.exif import read_orientation
from recon.matching.formats import UnknownFormat, decoding_errors, open_header


def photo_orientations(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Return the EXIF orientation of each photo that has another than 1, by name.

    A photo that is gone or cannot be read is passed over: whoever asks loses a hint and nothing else.
    """
    orientations = {}
    for name in names:
        try:
            with (folder / name).open("rb") as stream:
                orientation = read_orientation(open_header(stream).getexif())
        except UnknownFormat:
            continue
        except decoding_errors():
            continue
        if orientation != 1:
            orientations[name] = orientation
    return orientations
