"""A photo with the points by which it was located drawn into it."""

from __future__ import annotations

from pathlib import Path

from recon.core.arrays import FloatArray
from recon.output.files import replacing

_LONGER_SIDE_PX = 1600
_RING_PX = 4


def draw_located(photo: Path, xy: FloatArray, path: Path) -> None:
    """Draw a ring around each inlier.

    Args:
        xy: (N, 2) full-size sensor pixels, COLMAP origin.

    Raises:
        OSError: The picture cannot be written.
    """
    from PIL import Image, ImageDraw, ImageOps

    with Image.open(photo) as opened:
        orientation = opened.getexif().get(0x0112, 1)
        scale = min(1.0, _LONGER_SIDE_PX / max(opened.size))
        picture = opened.convert("RGB").resize([max(1, round(side * scale)) for side in opened.size])
    draw = ImageDraw.Draw(picture)
    for x, y in (xy * scale).tolist():
        draw.ellipse((x - _RING_PX - 1, y - _RING_PX - 1, x + _RING_PX + 1, y + _RING_PX + 1), outline=(0, 0, 0))
        draw.ellipse((x - _RING_PX, y - _RING_PX, x + _RING_PX, y + _RING_PX), outline=(255, 220, 0))
    picture.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(picture)
    with replacing(path) as temporary:
        upright.save(temporary)
