"""Verifies matches: the two-view geometry of a pair, by pycolmap's RANSAC.

Everything here may be called from several threads at once: pycolmap works outside Python's lock.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.data import Matches


@dataclass(frozen=True, slots=True)
class VerificationOptions:
    """When matches count as one rigid scene seen from two places."""

    max_error_px: float = 4.0
    """Of full-size pixels, as pycolmap's."""
    min_num_inliers: int = 15
    min_inlier_ratio: float = 0.2
    """Of the matches. Among a hundred random ones 15 fit some fundamental matrix by chance."""
    max_num_trials: int = 1000
    """pycolmap's 10,000 are spent on pairs of a few wrong matches; matches that passed a mutual check and a
    ratio test need far fewer. On fox a pair took 15 ms instead of 50, with as many inliers."""
    dyn_num_trials_multiplier: float = 1.0
    """pycolmap's 3 tries three times as often as the inlier ratio asks for."""
    seed: int = 0

    def to_pycolmap(self) -> pycolmap.TwoViewGeometryOptions:
        """Return pycolmap's options."""
        options = pycolmap.TwoViewGeometryOptions()
        options.min_num_inliers = self.min_num_inliers
        options.min_inlier_ratio = self.min_inlier_ratio
        options.ransac.max_error = self.max_error_px
        options.ransac.max_num_trials = self.max_num_trials
        options.ransac.dyn_num_trials_multiplier = self.dyn_num_trials_multiplier
        options.ransac.random_seed = self.seed
        return options


_HEADER = struct.Struct("<ii")
_MATRICES = ("E", "F", "H")


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedGeometry:
    """What survives the verification of one pair."""

    config: int
    """pycolmap's TwoViewGeometryConfiguration: 1 degenerate, 2 calibrated, 3 uncalibrated, 4 to 6 planar or
    panoramic, ..."""
    matrices: FloatArray
    """(3, 3, 3) float64: E, F, H; zeros where one was not estimated."""
    inliers: npt.NDArray[np.uint32]
    """(K, 2) uint32 rows of the two images' keypoints; empty where the pair did not verify."""

    @property
    def is_verified(self) -> bool:
        """Whether the pair links its two images."""
        return len(self.inliers) > 0

    @classmethod
    def none(cls) -> VerifiedGeometry:
        """Return the geometry of a pair with too few matches to try."""
        undefined = int(pycolmap.TwoViewGeometryConfiguration.DEGENERATE)
        return cls(undefined, np.zeros((3, 3, 3)), np.zeros((0, 2), np.uint32))

    @classmethod
    def from_pycolmap(cls, geometry: pycolmap.TwoViewGeometry) -> VerifiedGeometry:
        """Return the same geometry as plain arrays."""
        matrices = [getattr(geometry, name) for name in _MATRICES]
        return cls(
            int(geometry.config),
            np.stack([np.zeros((3, 3)) if matrix is None else np.asarray(matrix, np.float64) for matrix in matrices]),
            np.ascontiguousarray(geometry.inlier_matches, np.uint32).reshape(-1, 2),
        )

    def to_pycolmap(self) -> pycolmap.TwoViewGeometry:
        """Return pycolmap's own type, for its database."""
        geometry = pycolmap.TwoViewGeometry()
        geometry.config = pycolmap.TwoViewGeometryConfiguration(self.config)
        for name, matrix in zip(_MATRICES, self.matrices, strict=True):
            if matrix.any():
                setattr(geometry, name, matrix)
        geometry.inlier_matches = self.inliers
        return geometry

    def to_bytes(self) -> bytes:
        """Return the geometry as bytes, little endian, for a store."""
        header = _HEADER.pack(self.config, len(self.inliers))
        return header + _little(self.matrices, "<f8") + _little(self.inliers, "<u4")

    @classmethod
    def from_bytes(cls, data: bytes) -> VerifiedGeometry:
        """Return the geometry that `to_bytes` wrote.

        Raises:
            ValueError: The bytes are damaged.
        """
        if len(data) < _HEADER.size + 27 * 8:
            raise ValueError(f"a stored two-view geometry of {len(data)} bytes is damaged")
        config, num_inliers = _HEADER.unpack_from(data)
        if len(data) != _HEADER.size + 27 * 8 + num_inliers * 8:
            raise ValueError(f"a stored two-view geometry of {len(data)} bytes is damaged")
        matrices = np.frombuffer(data, "<f8", 27, _HEADER.size).reshape(3, 3, 3)
        inliers = np.frombuffer(data, "<u4", offset=_HEADER.size + 27 * 8).reshape(-1, 2)
        return cls(config, matrices.astype(np.float64), inliers.astype(np.uint32))


def _little(array: npt.NDArray[Any], dtype: str) -> bytes:
    return np.ascontiguousarray(array, dtype).tobytes()


def verify_pair(
    camera1: pycolmap.Camera,
    keypoints1: FloatArray,
    camera2: pycolmap.Camera,
    keypoints2: FloatArray,
    matches: Matches,
    options: VerificationOptions,
) -> VerifiedGeometry:
    """Return the two-view geometry that most of the matches agree with.

    Args:
        keypoints1: (N, 2) full-size pixels, COLMAP origin; so `keypoints2`.
    """
    if len(matches) < options.min_num_inliers:
        return VerifiedGeometry.none()
    geometry = pycolmap.estimate_two_view_geometry(
        camera1,
        np.asarray(keypoints1, np.float64),
        camera2,
        np.asarray(keypoints2, np.float64),
        matches.indices.astype(np.uint32),
        options.to_pycolmap(),
    )
    verified = VerifiedGeometry.from_pycolmap(geometry)
    if len(verified.inliers) < options.min_num_inliers:
        return VerifiedGeometry.none()
    return verified
