"""The pixels of masks: 0 = ignore, anything else = keep.

JPEG keeps no value exactly: there, what is darker than the middle counts as 0.
"""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Features, MaskFile
from recon.core.errors import Cause, UsageError
from recon.matching.formats import UnknownFormat, decoding_errors, open_header, without_orientation

_JPEG_MIDDLE = 128


def load_mask(mask: MaskFile, size: tuple[int, int]) -> UInt8Array:
    """Return a mask resized to a width and height by its nearest pixels: (H, W) uint8, 0 = ignore, else 255.

    It lies as its file does: turning it upright, where it is not, is left to the caller.

    Raises:
        UsageError: CORRUPT_FILE, its pixels cannot be decoded.
    """
    damaged: tuple[type[Exception], ...] = (UnknownFormat, *decoding_errors())
    try:
        kept = _decode(mask.path.read_bytes())
    except damaged as error:
        raise unreadable_mask(mask.path, str(error)) from error
    height, width = kept.shape
    columns = ((np.arange(size[0]) + 0.5) * (width / size[0])).astype(np.intp)
    rows = ((np.arange(size[1]) + 0.5) * (height / size[1])).astype(np.intp)
    if size != (width, height):
        kept = kept[rows[:, None], columns]
    return kept.astype(np.uint8) * np.uint8(255)


def unreadable_mask(path: object, reason: str) -> UsageError:
    """Return the error of a mask that is no picture."""
    return UsageError(
        f"the mask {path} cannot be read: {reason or 'it is damaged'}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="write it again as PNG, or take it away: the photo is then used whole",
    )


def is_kept(xy: FloatArray, mask: UInt8Array) -> npt.NDArray[np.bool_]:
    """Return (N,) whether the pixel that each position lies in counts.

    Args:
        xy: (N, 2) in the mask's pixels.
    """
    height, width = mask.shape
    columns, rows = np.asarray(xy).astype(np.intp).reshape(-1, 2).T
    kept: npt.NDArray[np.bool_] = mask[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)] != 0
    return kept


def without_masked(features: Features, mask: UInt8Array | None) -> Features:
    """Return the features that lie on pixels that count, whatever the extractor made of the mask."""
    if mask is None:
        return features
    kept = is_kept(features.keypoints, mask)
    if kept.all():
        return features
    return features_at(features, kept)


def features_at(features: Features, kept: npt.NDArray[np.bool_]) -> Features:
    """Return the features of which `kept`, (N,), is true."""
    scores, scales, angles = features.scores, features.scales_px, features.orientations_rad
    return replace(
        features,
        keypoints=features.keypoints[kept],
        descriptors=features.descriptors[kept],
        scores=None if scores is None else scores[kept],
        scales_px=None if scales is None else scales[kept],
        orientations_rad=None if angles is None else angles[kept],
    )


def _decode(data: bytes) -> npt.NDArray[np.bool_]:
    """Return (H, W) whether each pixel counts, as stored."""
    picture = open_header(io.BytesIO(data))
    if picture.format == "TIFF":
        picture = open_header(io.BytesIO(without_orientation(data)))
    if "transparency" in picture.info or "A" in picture.getbands():
        *colours, opacity = np.moveaxis(np.asarray(picture.convert("RGBA")), -1, 0)
        return np.asarray(np.any(colours, axis=0) & (opacity > 0))
    is_coloured = picture.mode == "P" or len(picture.getbands()) > 1
    values = np.asarray(picture.convert("RGB") if is_coloured else picture)
    if values.ndim == 3:
        values = values.max(axis=2)
    return np.asarray(values >= _JPEG_MIDDLE if picture.format == "JPEG" else values != 0)
