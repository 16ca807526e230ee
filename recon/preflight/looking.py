"""Looks at one photo: decoded once, at reduced scale, for everything that is asked of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from recon.core.arrays import UInt8Array
from recon.core.data import ImageFile, LeftOut
from recon.matching.images import UnreadableImage, load_image
from recon.preflight.blur import Sharpness, measure_sharpness
from recon.preflight.duplicates import Fingerprint, take_fingerprint
from recon.preflight.exposure import Exposure, measure_exposure
from recon.preflight.places import has_unusable_position

LOOKED_AT_PX = 960
"""Longest side at which photos are judged: 12 megapixels are decoded at a quarter of their size for it."""
EXTRACTED_PX = 1600
"""Longest side that an extractor sees by default: blur is told in its pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one photo's pixels say."""

    image: ImageFile
    sharpness: Sharpness
    exposure: Exposure
    fingerprint: Fingerprint
    has_unusable_position: bool
    """Whether GPS tags are there that name no place."""


def look_at(image: ImageFile) -> Look | LeftOut:
    """Return what a photo's pixels say, or why they cannot be read."""
    import cv2

    try:
        pixels = load_image(image, LOOKED_AT_PX).pixels
    except UnreadableImage as error:
        return error.left_out
    grey: UInt8Array = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    scale = min(EXTRACTED_PX, max(image.width, image.height)) / max(grey.shape)
    return Look(
        image=image,
        sharpness=measure_sharpness(grey, scale),
        exposure=measure_exposure(grey),
        fingerprint=take_fingerprint(grey),
        has_unusable_position=has_unusable_position(image),
    )
