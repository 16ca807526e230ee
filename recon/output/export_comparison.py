"""Compares what was read back from an export with the model, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.core.errors import ReconError
from recon.output.export_proof import ExportCheck
from recon.output.geometry import point_cloud
from recon.output.photo_files import photo_size, registered_images
from recon.output.read_back import ReadBack, ReadView
from recon.output.read_colmap import projection_of

if TYPE_CHECKING:
    import pycolmap

_MAX_ROTATION_DEG = 1e-4
_MAX_OFFSET = 1e-5
"""Of points and camera centres, as a part of the model's size: several times what 32-bit floats round off."""
_MOST_NAMED = 3


class Comparison:
    """One export against one model."""

    def __init__(self, model: pycolmap.Reconstruction, back: ReadBack) -> None:
        self._model, self._back = model, back
        self._images = registered_images(model)
        self._cloud = point_cloud(model)
        self._problems: list[str] = []
        points = sorted(model.points3D.items())
        self._point_ids = np.array([i for i, point in points if np.isfinite(point.xyz).all()], np.uint64)
        everything = [self._cloud.positions, *(image.projection_center()[None] for image in self._images)]
        known = np.concatenate([*everything, np.zeros((1, 3))])
        self._size = float(np.linalg.norm(np.ptp(np.percentile(known, [5, 95], axis=0), axis=0))) or 1.0

    def result(self) -> ExportCheck:
        """Return what differs, and by how much what does not."""
        back = self._back
        points, point_offset = self._compare_points()
        photos, rotation, center = self._compare_poses()
        files = self._count_photo_files()
        observations, error, model_error = self._compare_errors()
        return ExportCheck(
            back.reader,
            photos,
            points,
            observations,
            files,
            rotation,
            center,
            point_offset,
            error,
            model_error,
            back.approximates,
            tuple(self._problems),
        )

    def _compare_points(self) -> tuple[int | None, float | None]:
        points, colors = self._back.points, self._back.colors
        if points is None:
            return None, None
        finite = np.isfinite(points).all(axis=1)
        expected = self._cloud.positions
        if finite.sum() != len(expected):
            self._problems.append(f"{finite.sum():,} points instead of {len(expected):,}")
            return int(finite.sum()), float("nan")
        # A point far away is as exact as its distance allows.
        sizes = self._size + np.linalg.norm(expected, axis=1)
        offset = float((np.linalg.norm(points[finite] - expected, axis=1) / sizes).max(initial=0.0))
        if not offset <= _MAX_OFFSET:
            self._problems.append(f"a point lies {offset:.1e} of the model's size away from its place")
        if colors is not None and not np.array_equal(colors[finite], self._cloud.colors):
            self._problems.append("colours of points differ")
        return int(finite.sum()), offset

    def _compare_poses(self) -> tuple[int | None, float | None, float | None]:
        if self._back.views is None:
            return None, None, None
        found = {view.name: view for view in self._back.views}
        expected = {image.name: image for image in self._images}
        if len(self._back.views) != len(self._images):
            self._problems.append(f"{len(self._back.views)} photos instead of {len(self._images)}")
        for what, names in (("missing", expected.keys() - found.keys()), ("added", found.keys() - expected.keys())):
            if names:
                self._problems.append(f"photos {what}: {_some(sorted(names))}")
        rotation = offset = 0.0
        for name in expected.keys() & found.keys():
            pose, wanted = found[name].cam_from_world, expected[name].cam_from_world().matrix()
            rotation = _worse(rotation, _angle_deg(pose[:, :3] @ wanted[:, :3].T))
            center = -pose[:, :3].T @ pose[:, 3]
            offset = _worse(offset, float(np.linalg.norm(center - expected[name].projection_center())) / self._size)
        if not rotation <= _MAX_ROTATION_DEG:
            self._problems.append(f"a pose is turned by {rotation:.1e} deg")
        if not offset <= _MAX_OFFSET:
            self._problems.append(f"a camera stands {offset:.1e} of the model's size away from its place")
        return len(found), rotation, offset

    def _count_photo_files(self) -> int | None:
        views = [view for view in self._back.views or () if view.photo is not None]
        if not views:
            return None
        wrong = [view.name for view in views if not _has_its_size(view)]
        if wrong:
            self._problems.append(f"photos missing, damaged or of another size: {_some(wrong)}")
        return len(views) - len(wrong)

    def _compare_errors(self) -> tuple[int | None, float | None, float | None]:
        """Return observations (where the file has them), and the two mean errors."""
        views = {view.name: view for view in self._back.views or () if view.project is not None}
        if not views or self._problems:
            return None, None, None  # what is missing or misplaced has been said
        errors, model_errors = _MeanOverPoints(), _MeanOverPoints()
        observations, has_keypoints = 0, False
        for image in self._images:
            view = views[image.name]
            rows, keypoints = self._observations(image)
            num_observations = len(rows)
            model_errors.add(rows, self._model_errors(image, rows, keypoints))
            if view.keypoints is not None and view.point_rows is not None:
                rows, keypoints, has_keypoints = view.point_rows, view.keypoints, True
            if len(rows) != num_observations:
                self._problems.append(f"{image.name}: {len(rows)} observations instead of {num_observations}")
            errors.add(rows, self._errors(image, view, rows, keypoints))
            observations += len(rows)
        if not observations:
            return 0 if has_keypoints else None, None, None
        error, model_error = errors.mean(), model_errors.mean()
        if not abs(error - model_error) <= self._back.max_error_difference_px:
            self._problems.append(f"the mean reprojection error is {error:.4f} px instead of {model_error:.4f} px")
        return observations if has_keypoints else None, error, model_error

    def _observations(self, image: pycolmap.Image) -> tuple[IntArray, FloatArray]:
        """Return rows of the model's finite points, and where the photo sees them."""
        seen = image.get_observation_points2D()
        seen_ids = np.array([point.point3D_id for point in seen], np.uint64)
        keypoints = np.array([point.xy for point in seen], np.float64).reshape(-1, 2)
        known = np.isin(seen_ids, self._point_ids)
        return np.searchsorted(self._point_ids, seen_ids[known]), keypoints[known]

    def _model_errors(self, image: pycolmap.Image, rows: IntArray, keypoints: FloatArray) -> FloatArray:
        """Return (N,) pixels."""
        pose = image.cam_from_world().matrix()
        in_cam = self._cloud.positions[rows] @ pose[:, :3].T + pose[:, 3]
        projected = projection_of(self._model.camera(image.camera_id))(in_cam)
        errors: FloatArray = np.linalg.norm(projected - keypoints, axis=1)
        return errors

    def _errors(self, image: pycolmap.Image, view: ReadView, rows: IntArray, keypoints: FloatArray) -> FloatArray:
        """Return (N,) pixels of the model's photo, by what the export says of a view."""
        if view.project is None:
            return np.zeros(0)
        points = self._cloud.positions if self._back.points is None else self._back.points
        in_cam = points[rows] @ view.cam_from_world[:, :3].T + view.cam_from_world[:, 3]
        projected = view.project(in_cam)
        if view.unproject is not None:  # back into the photo that the lens bent
            bend = projection_of(self._model.camera(image.camera_id))
            straight, seen = view.unproject(projected), view.unproject(keypoints)
            projected = bend(np.column_stack([straight, np.ones(len(straight))]))
            keypoints = bend(np.column_stack([seen, np.ones(len(seen))]))
        errors: FloatArray = np.linalg.norm(projected - keypoints, axis=1)
        return errors


class _MeanOverPoints:
    """The mean over all points of the mean error of a point, which is what COLMAP calls the reprojection error."""

    def __init__(self) -> None:
        self._rows: list[IntArray] = []
        self._errors: list[FloatArray] = []

    def add(self, rows: IntArray, errors: FloatArray) -> None:
        """Add (N,) errors of the points in (N,) rows."""
        self._rows.append(rows)
        self._errors.append(errors)

    def mean(self) -> float:
        """Return pixels; NaN where there is nothing."""
        rows, errors = np.concatenate(self._rows), np.concatenate(self._errors)
        counts = np.bincount(rows)
        sums = np.bincount(rows, errors)
        return float((sums[counts > 0] / counts[counts > 0]).mean()) if len(rows) else float("nan")


def _has_its_size(view: ReadView) -> bool:
    try:
        return view.photo is not None and photo_size(view.photo) == view.size
    except ReconError:
        return False


def _angle_deg(rotation: FloatArray) -> float:
    # By the sine too: the cosine alone cannot tell angles below 1e-6 degrees.
    sine = np.linalg.norm(rotation - rotation.T) / (2 * np.sqrt(2))
    return float(np.degrees(np.arctan2(sine, (np.trace(rotation) - 1) / 2)))


def _worse(one: float, other: float) -> float:
    """Return the larger; NaN if either is."""
    return other if not one >= other else one


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(map(repr, names[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
