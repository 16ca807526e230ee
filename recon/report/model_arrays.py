"""The points, tracks and keypoints of a model as arrays.

pycolmap hands them out one object at a time, half a minute for a million; its binary files hold them as arrays.
"""

from __future__ import annotations

import math
import struct
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.output.read_colmap import BinaryPhoto, read_binary_photos

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, eq=False)
class ModelArrays:
    """A model: N points with a finite position, and M registered photos by name."""

    model: pycolmap.Reconstruction
    photos: list[BinaryPhoto]
    point_ids: IntArray
    """(N,), rising."""
    positions: FloatArray
    """(N, 3) float64."""
    colors: UInt8Array
    """(N, 3) RGB."""
    errors_px: FloatArray
    """(N,); negative where the model does not say."""
    starts: IntArray
    """(N + 1,): where each point's sightings begin."""
    sightings: IntArray
    """(S, 2): the photo's row, and the row of its keypoint."""

    @cached_property
    def track_lengths(self) -> IntArray:
        """(N,): photos that see each point."""
        return np.diff(self.starts)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each photo, by name."""
        return {photo.name: row for row, photo in enumerate(self.photos)}

    def size(self, row: int) -> tuple[int, int]:
        """Return width and height of a photo, in pixels."""
        camera = self.model.camera(self.photos[row].camera_id)
        return camera.width, camera.height

    def seen_points(self, row: int) -> tuple[IntArray, IntArray]:
        """Return the keypoints of a photo that are part of the model, and the rows of their points."""
        if not len(self.point_ids):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        point_ids = self.photos[row].point_ids
        places = np.minimum(np.searchsorted(self.point_ids, point_ids), len(self.point_ids) - 1)
        keypoints = np.flatnonzero((point_ids != -1) & (self.point_ids[places] == point_ids))
        return keypoints, places[keypoints]

    def error_px(self, row: int) -> float | None:
        """Return the mean reprojection error of a photo's observations; None without any."""
        keypoints, points = self.seen_points(row)
        if not len(keypoints):
            return None
        photo = self.photos[row]
        image = self.model.find_image_with_name(photo.name)
        in_cam = image.cam_from_world() * self.positions[points]
        seen = np.asarray(self.model.camera(photo.camera_id).img_from_cam(in_cam))
        errors = np.linalg.norm(seen - photo.keypoints[keypoints], axis=1)
        return float(np.nanmean(errors)) if np.isfinite(errors).any() else None

    @classmethod
    def of(cls, model: pycolmap.Reconstruction) -> ModelArrays:
        """Return the arrays of a model."""
        with tempfile.TemporaryDirectory() as folder:
            model.write_binary(folder)
            photos = sorted(read_binary_photos(Path(folder)), key=lambda photo: photo.name)
            content = (Path(folder) / "points3D.bin").read_bytes()
        row_of = np.full(max(model.images, default=0) + 1, -1)
        for row, photo in enumerate(photos):
            row_of[model.find_image_with_name(photo.name).image_id] = row
        (count,), position = struct.unpack_from("<Q", content), 8
        heads, tracks = [], []
        for _ in range(count):
            head = struct.unpack_from("<Q3d3BdQ", content, position)
            if all(map(math.isfinite, head[1:4])):
                heads.append(head)
                tracks.append(np.frombuffer(content, "<u4", 2 * head[-1], position + 51))
            position += 51 + 8 * head[-1]
        table = np.array(heads, np.float64).reshape(-1, 9)
        order = np.argsort(table[:, 0], kind="stable")
        table, tracks = table[order], [tracks[k] for k in order]
        sightings = np.concatenate([np.zeros(0, np.int64), *tracks]).astype(np.int64).reshape(-1, 2)
        sightings[:, 0] = row_of[sightings[:, 0]]
        return cls(
            model,
            photos,
            point_ids=table[:, 0].astype(np.int64),
            positions=table[:, 1:4],
            colors=table[:, 4:7].astype(np.uint8),
            errors_px=table[:, 7],
            starts=np.concatenate([[0], np.cumsum(table[:, 8])]).astype(np.int64),
            sightings=sightings,
        )
