"""Photo files as a camera writes them: JPEG with EXIF."""

from __future__ import annotations

import io

from recon.core.arrays import UInt8Array

_MAKE, _MODEL, _SOFTWARE, _DATE, _EXIF_BLOCK = 0x010F, 0x0110, 0x0131, 0x0132, 0x8769
_DATE_TAKEN, _FOCAL_MM, _FOCAL_35MM = 0x9003, 0x920A, 0xA405


def jpeg_bytes(pixels: UInt8Array, *, quality: int, focal_35mm: int, number: int) -> bytes:
    """Return the file of an (H, W, 3) photo, its EXIF naming this generator, the focal length and a time.

    The `number`-th photo was taken that many times 7 seconds after noon of a fixed day.
    """
    from PIL import Image

    exif = Image.Exif()
    hour, rest = divmod(number * 7, 3600)
    taken = f"2026:06:01 {12 + hour % 12:02d}:{rest // 60:02d}:{rest % 60:02d}"
    exif[_MAKE], exif[_MODEL], exif[_SOFTWARE], exif[_DATE] = "recon", "scene generator", "recon datasets make", taken
    block = exif.get_ifd(_EXIF_BLOCK)
    block[_DATE_TAKEN], block[_FOCAL_35MM], block[_FOCAL_MM] = taken, focal_35mm, focal_35mm / 4.0
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, optimize=True, exif=exif)
    return out.getvalue()
