"""How good, how fast and how large an extractor is, learned or not, on pairs of crops whose homography is known."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.components import FeatureExtractor
from recon.core.data import Image
from recon.learning.crops import mapped
from recon.learning.mutual import mutual_nearest
from recon.learning.samples import PairSample

RIGHT_PX = 3.0
"""A match further than this from the truth is wrong."""
_SPEED_SIZE = (640, 480)
_SPEED_ROUNDS = 5


def measured_extractor(extractor: FeatureExtractor, samples: Sequence[PairSample]) -> dict[str, float]:
    """Return measures of an extractor on pairs under a homography, and the median time of a photo.

    Returns:
        `matches`: right matches a pair, by mutual nearest neighbours; `precision`: share of the matches that are right;
        `within_half_px`: share of them within 0.5 px; `error_px`: median error of the right ones; `ms`: of a photo of
        640x480 pixels.
    """
    errors = [_errors(extractor, sample) for sample in samples]
    every = np.concatenate(errors) if errors else np.zeros(0)
    right = every[every < RIGHT_PX]
    return {
        "matches": len(right) / max(len(errors), 1),
        "precision": len(right) / max(len(every), 1),
        "within_half_px": float((every < 0.5).sum() / max(len(every), 1)),
        "error_px": float(np.median(right)) if len(right) else RIGHT_PX,
        "ms": _milliseconds(extractor, samples),
    }


def _errors(extractor: FeatureExtractor, sample: PairSample) -> FloatArray:
    """Return (M,) how far the matches of a pair are from the truth, in pixels of the second crop."""
    features1, features2 = (extractor.extract(_image(crop)) for crop in sample.images)
    rows, others, _ = mutual_nearest(features1, features2)
    truth = mapped(sample.homography, features1.keypoints[rows].astype(np.float64))
    seen = ((truth > 0) & (truth < sample.images.shape[2])).all(axis=1)
    return np.asarray(np.linalg.norm(truth - features2.keypoints[others], axis=1)[seen])


def _milliseconds(extractor: FeatureExtractor, samples: Sequence[PairSample]) -> float:
    """Return the median time of photos of one size, patched together from crops."""
    width, height = _SPEED_SIZE
    crop = samples[0].images[0]
    tiles = (-(-height // crop.shape[0]), -(-width // crop.shape[1]))
    image = _image(np.tile(crop, tiles)[:height, :width])
    times = []
    for _ in range(_SPEED_ROUNDS + 1):
        began = time.perf_counter()
        extractor.extract(image)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times[1:]))


def _image(grey: FloatArray) -> Image:
    pixels = (np.clip(grey, 0, 1) * 255).round().astype(np.uint8)
    return Image("crop", np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2)))
