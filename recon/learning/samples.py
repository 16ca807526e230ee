"""What a network is trained on: two crops of photos, and which places of them correspond.

Positions are pixels of a crop, and the centre of its top-left pixel is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from recon.core.arrays import FloatArray, check_shape


class PairSource(Protocol):
    """Makes training pairs of one kind."""

    def sample(self, rng: np.random.Generator) -> PairSample:
        """Return a pair; equal generators give equal pairs."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PairSample:
    """Two square crops of S pixels a side, N1 and N2 keypoints in them, and M places seen in both."""

    images: FloatArray
    """(2, S, S) float32 grey, 0 to 1."""
    keypoints1: FloatArray
    """(N1, 2) where a detector is to find something in the first crop."""
    keypoints2: FloatArray
    scores1: FloatArray
    """(N1,) how sure the teacher is of each, 0 to 1."""
    scores2: FloatArray
    points1: FloatArray
    """(M, 2) places in the first crop, no two of them closer than a few pixels."""
    points2: FloatArray
    """(M, 2) the same places in the second."""
    jacobians: FloatArray
    """(M, 2, 2) derivative of the map from the first crop to the second at each place; NaN where unknown."""
    teacher1: FloatArray
    """(M, D) the teacher's descriptors of the places; D = 0 without a teacher."""
    teacher2: FloatArray
    homography: FloatArray
    """(3, 3) from the first crop to the second where one map holds everywhere, else NaN."""

    def __post_init__(self) -> None:
        count = len(self.points1)
        check_shape("images", self.images, (2, None, self.images.shape[1]))
        check_shape("points2", self.points2, (count, 2))
        check_shape("jacobians", self.jacobians, (count, 2, 2))
        check_shape("teacher1", self.teacher1, (count, None))
        check_shape("teacher2", self.teacher2, (count, self.teacher1.shape[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B pairs as tensors, ragged rows padded to the longest."""

    images: Tensor
    """(2B, 1, S, S): the first crops of all pairs, then the second ones; mean 0 and standard deviation 1 each."""
    keypoints: Tensor
    """(2B, N, 2)"""
    scores: Tensor
    """(2B, N), 0 where there is no keypoint."""
    is_keypoint: Tensor
    """(2B, N) bool."""
    points: Tensor
    """(2B, M, 2): row m of pair b is the same place in crops b and B + b."""
    is_point: Tensor
    """(B, M) bool."""
    jacobians: Tensor
    """(B, M, 2, 2); NaN where unknown."""
    teachers: Tensor
    """(2B, M, D)"""
    homographies: Tensor
    """(B, 3, 3); NaN where there is none."""

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(getattr(self, each.name).to(device, non_blocking=True) for each in fields(self)))


MAX_POINTS = 256
"""Places of a pair that a batch takes; its similarities are as many, squared."""


def collate(samples: Sequence[PairSample]) -> Batch:
    """Return pairs as one batch; all have crops of one size, and teachers of one length."""
    samples = [_thinned(sample) for sample in samples]
    firsts = [sample.images[0] for sample in samples]
    images = np.stack(firsts + [sample.images[1] for sample in samples])[:, None]
    mean = images.mean(axis=(2, 3), keepdims=True)
    images = (images - mean) / (images.std(axis=(2, 3), keepdims=True) + 1e-3)
    keypoints, is_keypoint = _padded([each.keypoints1 for each in samples] + [each.keypoints2 for each in samples])
    scores, _ = _padded([each.scores1 for each in samples] + [each.scores2 for each in samples])
    points, is_point = _padded([each.points1 for each in samples] + [each.points2 for each in samples])
    jacobians, _ = _padded([each.jacobians for each in samples])
    teachers, _ = _padded([each.teacher1 for each in samples] + [each.teacher2 for each in samples])
    return Batch(
        images=torch.from_numpy(images.astype(np.float32)),
        keypoints=keypoints,
        scores=scores,
        is_keypoint=is_keypoint,
        points=points,
        is_point=is_point[: len(samples)],
        jacobians=jacobians,
        teachers=teachers,
        homographies=torch.from_numpy(np.stack([each.homography for each in samples]).astype(np.float32)),
    )


def _thinned(sample: PairSample) -> PairSample:
    """Return a pair with places evenly taken from all of its own, which may be in the order of their scores."""
    count = len(sample.points1)
    if count <= MAX_POINTS:
        return sample
    rows = np.linspace(0, count - 1, MAX_POINTS).astype(np.int64)
    of_points = ("points1", "points2", "jacobians", "teacher1", "teacher2")
    return replace(sample, **{name: getattr(sample, name)[rows] for name in of_points})


def _padded(arrays: Sequence[FloatArray]) -> tuple[Tensor, Tensor]:
    """Return (R, longest, ...) of R arrays, and (R, longest) which rows they have; longest is 1 where all are empty."""
    longest = max(1, *(len(array) for array in arrays))
    padded = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), np.float32)
    exists = np.zeros((len(arrays), longest), np.bool_)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
        exists[row, : len(array)] = True
    return torch.from_numpy(padded), torch.from_numpy(exists)
