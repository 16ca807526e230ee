"""How much of everything a page of bounded size can hold."""

from __future__ import annotations

from dataclasses import dataclass

from recon.core.errors import Cause, UsageError

LEAST_MEGABYTES = 1.0
MOST_POINTS = 100_000
"""More make turning slow on a phone, and no difference to the eye."""

_BASE64 = 4 / 3
_POINT_BYTES = 21 * _BASE64
"""Position, colour, error and track's length and start."""
_SIGHTING_BYTES = 6 * _BASE64
_KEYPOINT_BYTES = 5 * _BASE64
_PAIR_BYTES = 18
_JPEG_BYTES_PER_PIXEL = 0.22 * _BASE64
"""Of a thumbnail of quality 70; measured on 300 photos of ten sets: 0.12 to 0.3."""
_SIDES = (320, 256, 200, 160, 128, 96, 64)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a page may hold."""

    thumbnail_px: int
    """Longer side; 0 for no thumbnails."""
    points: int
    """Over all models."""
    keypoints_per_photo: int
    pairs: int


def share_out(megabytes: float, photos: int, mean_track_length: float) -> Budget:
    """Return what fits: two fifths of the page for thumbnails, two for points, and the rest for the others.

    Raises:
        UsageError: BAD_VALUE, less than a page needs.
    """
    if not megabytes >= LEAST_MEGABYTES:
        raise UsageError(
            f"a report of at most {megabytes:g} MB is too small to hold anything",
            code=Cause.BAD_VALUE,
            try_=f"give at least {LEAST_MEGABYTES:g}",
        )
    room = megabytes * 1e6
    many = max(photos, 1)
    per_photo = 0.4 * room / many
    side = next((side for side in _SIDES if side * side * 0.75 * _JPEG_BYTES_PER_PIXEL <= per_photo), 0)
    point_bytes = _POINT_BYTES + mean_track_length * _SIGHTING_BYTES
    return Budget(
        thumbnail_px=side,
        points=min(MOST_POINTS, int(0.4 * room / point_bytes)),
        keypoints_per_photo=min(400, int(0.1 * room / many / _KEYPOINT_BYTES)),
        pairs=int(0.08 * room / _PAIR_BYTES),
    )
