"""Reads Bundler's and VisualSFM's files, as their manuals describe them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray
from recon.output.read_back import Projection, ReadBack, ReadView, UnreadableExport, rotation_of_quaternion

_BUNDLER_AXES = np.array([1.0, -1.0, -1.0])
"""x right, y up, looking along -z."""
_NVM_MAX_DIFFERENCE_PX = 0.1
"""One parameter of the inverse kind stands for the lens."""


def read_bundler(folder: Path) -> ReadBack:
    """Return what bundle.out and list.txt hold."""
    names = (folder / "list.txt").read_text("utf-8").splitlines()
    text = (folder / "bundle.out").read_text("ascii")
    if not text.startswith("# Bundle file v0.3\n"):
        raise UnreadableExport("bundle.out does not begin as version 0.3 does")
    words = iter(text.split("\n", 1)[1].split())
    num_cameras, num_points = int(next(words)), int(next(words))
    if num_cameras != len(names):
        raise UnreadableExport(f"bundle.out has {num_cameras} cameras and list.txt {len(names)} names")
    cameras = np.array(list(islice(words, 15 * num_cameras)), np.float64).reshape(num_cameras, 15)
    tracks = _Tracks(num_cameras)
    for _ in range(num_points):
        tracks.read(words)
    views = []
    for row, (name, numbers) in enumerate(zip(names, cameras, strict=True)):
        pose = np.column_stack([numbers[3:12].reshape(3, 3), numbers[12:]])
        keypoints, point_rows = tracks.of(row)
        views.append(
            ReadView(
                name,
                _BUNDLER_AXES[:, None] * pose,
                _bundler_projection(*numbers[:3]),
                keypoints=keypoints,
                point_rows=point_rows,
            )
        )
    return ReadBack("Bundler's manual, version 0.3", tuple(views), *tracks.points())


def _bundler_projection(focal_length: float, k1: float, k2: float) -> Projection:
    def project(in_cam: FloatArray) -> FloatArray:
        position = in_cam * _BUNDLER_AXES
        p = -position[:, :2] / position[:, 2:]
        squared = (p**2).sum(axis=1, keepdims=True)
        pixels: FloatArray = focal_length * (1 + k1 * squared + k2 * squared**2) * p
        return pixels

    return project


def read_nvm(path: Path) -> ReadBack:
    """Return what the first model of an NVM_V3 file holds."""
    lines = iter(line for line in path.read_text("utf-8").split("\n") if line.strip())
    if not next(lines, "").startswith("NVM_V3"):
        raise UnreadableExport("it does not begin with NVM_V3")
    cameras = [next(lines).split() for _ in range(int(next(lines)))]
    tracks = _Tracks(len(cameras))
    for _ in range(int(next(lines))):
        tracks.read(iter(next(lines).split()))
    views, is_bent = [], False
    for row, (name, *words) in enumerate(cameras):
        focal_length, w, x, y, z, *center, r, _ = map(float, words)
        rotation = rotation_of_quaternion(w, x, y, z)
        keypoints, point_rows = tracks.of(row)
        views.append(
            ReadView(
                name.replace('"', " "),
                np.column_stack([rotation, -rotation @ center]),
                _nvm_projection(focal_length, r),
                keypoints=keypoints,
                point_rows=point_rows,
            )
        )
        is_bent |= r != 0
    reader = "VisualSFM's description of NVM_V3"
    if not is_bent:
        return ReadBack(reader, tuple(views), *tracks.points())
    reason = "one distortion parameter of the inverse kind stands for the lens"
    points, colors = tracks.points()
    return ReadBack(reader, tuple(views), points, colors, reason, _NVM_MAX_DIFFERENCE_PX)


def _nvm_projection(focal_length: float, r: float) -> Projection:
    def project(in_cam: FloatArray) -> FloatArray:
        straight = in_cam[:, :2] / in_cam[:, 2:]
        wanted = np.linalg.norm(straight, axis=1)
        measured = wanted.copy()
        for _ in range(50):  # Newton's method on measured (1 + r measured^2) = wanted
            measured -= (measured * (1 + r * measured**2) - wanted) / (1 + 3 * r * measured**2)
        pixels: FloatArray = focal_length * straight * (measured / np.maximum(wanted, 1e-300))[:, None]
        return pixels

    return project


class _Tracks:
    """Points with their sightings: position, colour, count, then photo, keypoint, x, y of each."""

    def __init__(self, num_views: int) -> None:
        self._positions: list[list[float]] = []
        self._colors: list[list[int]] = []
        self._seen: list[tuple[list[list[float]], list[int]]] = [([], []) for _ in range(num_views)]

    def read(self, words: Iterator[str]) -> None:
        self._positions.append([float(next(words)) for _ in range(3)])
        self._colors.append([int(next(words)) for _ in range(3)])
        for _ in range(int(next(words))):
            view, _, x, y = (next(words) for _ in range(4))
            keypoints, rows = self._seen[int(view)]
            keypoints.append([float(x), float(y)])
            rows.append(len(self._positions) - 1)

    def points(self) -> tuple[FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        positions = np.array(self._positions, np.float64).reshape(-1, 3)
        return positions, np.array(self._colors, np.uint8).reshape(-1, 3)

    def of(self, view: int) -> tuple[FloatArray, np.ndarray[tuple[int, ...], np.dtype[np.intp]]]:
        keypoints, rows = self._seen[view]
        return np.array(keypoints, np.float64).reshape(-1, 2), np.array(rows, np.intp)
