"""Made-up features and photos, the same for the same seed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from recon.core.data import Features, ImageFile


def random_features(count: int, *, length: int = 128, seed: int = 0, size: tuple[int, int] = (640, 480)) -> Features:
    """Return `count` keypoints anywhere in an image of `size`, with descriptors that look like no other."""
    random = np.random.default_rng(seed)
    descriptors = random.standard_normal((count, length)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    return Features(
        keypoints=random.uniform((0, 0), size, (count, 2)).astype(np.float32),
        descriptors=descriptors,
        image_size=size,
        scores=random.uniform(0, 1, count).astype(np.float32),
        scales_px=random.uniform(2, 20, count).astype(np.float32),
        orientations_rad=random.uniform(-np.pi, np.pi, count).astype(np.float32),
    )


def image_file(name: str, size: tuple[int, int] = (640, 480)) -> ImageFile:
    """Return a photo that exists by name only."""
    return ImageFile(name, Path(name), *size, digest=hashlib.sha256(name.encode()).hexdigest())
