"""A model's poses against the truth: how far off are the images, pair by pair and centre by centre.

The error of a pair is the larger of two angles: between the relative rotations, and between the directions
of the relative translations. Every pair of the truth counts; one with an unregistered image counts as 180.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, UsageError
from recon.evaluation.alignment import align
from recon.evaluation.colmap_truth import poses_of
from recon.evaluation.names import match_names
from recon.evaluation.truth import Pose, Truth

THRESHOLDS_DEG = (0.5, 1, 3, 5, 10, 20)
UNREGISTERED_DEG = 180.0
_SAME_PLACE = 1e-9
"""Two centres closer than this part of the scene's size have no direction between them."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's accuracy."""

    registered: int
    """Images of the truth that have a pose in the model."""
    images: int
    """Images of the truth."""
    auc_deg: Mapping[str, float]
    """Threshold in degrees -> area under the recall-over-error curve up to it, in percent."""
    median_error_deg: float
    center_rmse: float | None
    """Of the camera centres after a similarity alignment, in the truth's units; None below 3 images."""
    center_median: float | None
    pairs: int
    """Pairs of the truth, registered or not."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `recon evaluate`."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class AlignedCenters:
    """Where a model's cameras are once it is laid onto the truth, and where they should be: M >= 3 images."""

    names: tuple[str, ...]
    """As the truth calls them, in its order."""
    true: FloatArray
    """(M, 3) in the truth's units."""
    found: FloatArray
    """(M, 3) likewise, after the similarity alignment."""

    @property
    def distances(self) -> FloatArray:
        """(M,) how far off each is, in the truth's units: the absolute trajectory error of each image."""
        distances: FloatArray = np.linalg.norm(self.found - self.true, axis=1)
        return distances


def align_centers(model: pycolmap.Reconstruction, truth: Truth) -> AlignedCenters:
    """Return a model's camera centres laid onto the true ones.

    Raises:
        UsageError: Fewer than three photos of the truth are in the model; or as `evaluate`.
    """
    centers = _aligned(truth.poses, _registered_poses(model, truth))
    if centers is None:
        raise UsageError(
            "camera centres are compared from 3 registered photos on",
            code=Cause.BAD_VALUE,
            file=str(truth.path),
            try_="leave the picture out: the angles above need two photos only",
        )
    return centers


def _aligned(truth: Mapping[str, Pose], poses: Mapping[str, Pose]) -> AlignedCenters | None:
    if len(poses) < 3:
        return None
    names = tuple(name for name in truth if name in poses)
    found = np.array([poses[name].center for name in names])
    true = np.array([truth[name].center for name in names])
    return AlignedCenters(names, true, align(found, true).apply(found))


def evaluate(model: pycolmap.Reconstruction, truth: Truth) -> Evaluation:
    """Return how far a model's poses are from the truth, whatever its scale, place and orientation.

    Raises:
        UsageError: The truth is of other photos, or one of its names fits several images of the model.
    """
    poses = _registered_poses(model, truth)
    errors = pair_errors(truth.poses, poses)
    centers = _aligned(truth.poses, poses)
    return Evaluation(
        registered=len(poses),
        images=len(truth.poses),
        auc_deg={f"{threshold:g}": 100 * area_under_recall(errors, threshold) for threshold in THRESHOLDS_DEG},
        median_error_deg=float(np.median(errors)),
        center_rmse=None if centers is None else float(np.sqrt(np.mean(centers.distances**2))),
        center_median=None if centers is None else float(np.median(centers.distances)),
        pairs=len(errors),
    )


def pair_errors(truth: Mapping[str, Pose], poses: Mapping[str, Pose]) -> FloatArray:
    """Return the pose error of every pair of images in the truth.

    Args:
        poses: Estimates by the truth's names, in any frame and scale; a missing one is unregistered.

    Returns:
        (P,) degrees, by the pairs of names in order.
    """
    names = sorted(truth)
    registered = [name for name in names if name in poses]
    is_registered = np.array([name in poses for name in names])
    first, second = np.triu_indices(len(names), k=1)
    errors = np.full(len(first), UNREGISTERED_DEG)
    if len(registered) > 1:
        errors[is_registered[first] & is_registered[second]] = _errors_of_registered(
            _Stack.of([truth[name] for name in registered]), _Stack.of([poses[name] for name in registered])
        )
    return errors


def _errors_of_registered(true: _Stack, found: _Stack) -> FloatArray:
    num_images = len(true.rotations)
    rows = []
    for image1 in range(num_images - 1):
        true_rotations, true_translations = true.relative_to(image1)
        rotations, translations = found.relative_to(image1)
        rotation_errors = _rotation_angles_deg(rotations @ true_rotations.transpose(0, 2, 1))
        direction_errors = _angles_deg(translations, true_translations)
        # Two photos from one place have no direction between them that could be wrong.
        direction_errors[np.linalg.norm(translations, axis=1) <= _SAME_PLACE * found.size] = UNREGISTERED_DEG
        direction_errors[np.linalg.norm(true_translations, axis=1) <= _SAME_PLACE * true.size] = 0.0
        rows.append(np.maximum(rotation_errors, direction_errors))
    return np.concatenate(rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """The poses of M images, row for row."""

    rotations: FloatArray  # (M, 3, 3)
    translations: FloatArray  # (M, 3)
    size: float
    """Of the box around the centres."""

    @classmethod
    def of(cls, poses: Sequence[Pose]) -> _Stack:
        centers = np.array([pose.center for pose in poses])
        return cls(
            np.array([pose.rotation for pose in poses]),
            np.array([pose.translation for pose in poses]),
            float(np.linalg.norm(np.ptp(centers, axis=0))),
        )

    def relative_to(self, image1: int) -> tuple[FloatArray, FloatArray]:
        """Return rotations and translations of `cam2_from_cam1` for every later image."""
        rotations: FloatArray = self.rotations[image1 + 1 :] @ self.rotations[image1].T
        return rotations, self.translations[image1 + 1 :] - rotations @ self.translations[image1]


def area_under_recall(errors: FloatArray, threshold: float) -> float:
    """Return the area under the recall-over-error curve up to `threshold`, from 0 to 1.

    Trapezoids from the origin through (error, share of pairs at most that wrong), as in the evaluations of
    SuperGlue, hloc and GLOMAP.
    """
    ordered = np.sort(errors)
    recall = np.arange(1, len(ordered) + 1) / len(ordered)
    below = int(np.searchsorted(ordered, threshold))
    x = np.concatenate([[0.0], ordered[:below], [threshold]])
    y = np.concatenate([[0.0], recall[:below], recall[below - 1 : below] if below else [0.0]])
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) / threshold)


def _registered_poses(model: pycolmap.Reconstruction, truth: Truth) -> dict[str, Pose]:
    poses = poses_of(model)
    found = match_names(list(truth.poses), list(poses))
    if not found:
        raise UsageError(
            f"none of the {len(truth.poses)} photos in {truth.path} is in the model: "
            f"the truth names {_some(truth.poses)}; the model {_some(poses)}",
            code=Cause.BAD_VALUE,
            file=str(truth.path),
            try_="give the truth of the photos that this model was made of",
        )
    return {true_name: poses[model_name] for true_name, model_name in found.items()}


def _some(names: Mapping[str, object] | Sequence[str]) -> str:
    first = sorted(names)[:2]
    return ", ".join(first) + (", ..." if len(names) > 2 else "") if first else "no photo"


def _rotation_angles_deg(rotations: FloatArray) -> FloatArray:
    # The arc sine keeps its digits near zero, where the trace's arc cosine loses half of them.
    chords = np.linalg.norm(rotations - np.eye(3), axis=(1, 2)) / (2 * np.sqrt(2))
    angles: FloatArray = np.degrees(2 * np.arcsin(np.minimum(chords, 1.0)))
    return angles


def _angles_deg(vectors1: FloatArray, vectors2: FloatArray) -> FloatArray:
    sines = np.linalg.norm(np.cross(vectors1, vectors2), axis=1)
    angles: FloatArray = np.degrees(np.arctan2(sines, (vectors1 * vectors2).sum(axis=1)))
    return angles
