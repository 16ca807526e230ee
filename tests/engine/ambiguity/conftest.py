"""A house photographed from all around, and one whose back looks exactly like its front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pycolmap
import pytest

from recon.core.data import ImageFile, ImagePair, Matches
from recon.engine.database import VerifiedPair, make_camera, write_database
from recon.engine.two_view import VerificationOptions, verify_pair

PHOTOS = 30


@dataclass(frozen=True)
class Intrinsics:
    """One camera of all images: an ideal wide lens."""

    image_names: tuple[str, ...]
    has_prior_focal_length: bool
    camera_id: int = 1
    model: str = "PINHOLE"
    width: int = 1000
    height: int = 800
    params: tuple[float, ...] = (600.0, 600.0, 500.0, 400.0)


@dataclass(frozen=True)
class House:
    """What photos all around a house saw of it."""

    database: Path
    truth: dict[str, pycolmap.Rigid3d]
    is_false: dict[tuple[str, str], bool]
    """By verified pair: whether most of its matches join two different points."""


@pytest.fixture
def photograph_house(tmp_path: Path) -> Callable[..., House]:
    """Return a function that photographs a house on a square; `twin` gives it two fronts that look the same."""

    def make(*, twin: bool, knows_focal_length: bool = True) -> House:
        rng = np.random.default_rng(3)
        points, normals, looks, is_turned = _points(rng, twin=twin)
        names = tuple(f"photo{k:02d}.jpg" for k in range(PHOTOS))
        intrinsics = Intrinsics(names, knows_focal_length)
        camera = make_camera(intrinsics)
        truth = {name: _pose(2 * np.pi * k / PHOTOS) for k, name in enumerate(names)}
        seen, keypoints, rays = {}, {}, {}
        for name, pose in truth.items():
            in_camera = pose * points
            pixels = camera.img_from_cam(in_camera) + rng.normal(size=(len(points), 2)) * 0.2
            is_facing = np.einsum("ij,ij->i", normals, points - pose.inverse().translation) < 0
            is_inside = (in_camera[:, 2] > 0.5) & (pixels >= 0).all(1) & (pixels < (1000, 800)).all(1)
            rows = np.flatnonzero(is_facing & is_inside & (rng.random(len(points)) < 0.8))
            seen[name], keypoints[name] = rows, pixels[rows].astype(np.float32)
            rays[name] = _unit(points[rows] - pose.inverse().translation) * np.where(is_turned[rows], -1, 1)[:, None]
        pairs, is_false = [], {}
        for name1, name2 in combinations(names, 2):
            _, rows1, rows2 = np.intersect1d(looks[seen[name1]], looks[seen[name2]], return_indices=True)
            is_alike = np.einsum("ij,ij->i", rays[name1][rows1], rays[name2][rows2]) > np.cos(np.radians(40))
            matches = Matches(np.stack([rows1[is_alike], rows2[is_alike]], 1).astype(np.uint32))
            geometry = verify_pair(camera, keypoints[name1], camera, keypoints[name2], matches, VerificationOptions())
            pairs.append(VerifiedPair(ImagePair(name1, name2), matches, geometry))
            if geometry.is_verified:
                own, other = (seen[name][geometry.inliers[:, k]] for k, name in enumerate((name1, name2)))
                is_false[name1, name2] = bool(np.mean(own != other) > 0.5)
        path = tmp_path / f"house-{twin}-{knows_focal_length}.db"
        images = [ImageFile(name, tmp_path / name, 1000, 800) for name in names]
        write_database(path, [intrinsics], images, keypoints.__getitem__, pairs)
        return House(path, truth, is_false)

    return make


def _points(rng: np.random.Generator, *, twin: bool) -> tuple[npt.NDArray[np.float64], ...]:
    """Return points on the four sides of a house and on what stands around it, their normals, their looks, and
    whether they are on the twin of the front, where everything is turned by half a circle."""
    points, normals, looks, is_turned = [], [], [], []
    front = _side(rng)
    for number in range(4):
        angle = number * np.pi / 2
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
        is_twin = twin and number == 2
        side = front if is_twin or number == 0 else _side(rng)
        points.append(side @ turn.T)
        normals.append(np.tile(turn @ [0, -1.0, 0], (len(side), 1)))
        looks.append(np.arange(len(side)) + (0 if is_twin else number * len(side)))
        is_turned.append(np.full(len(side), is_twin))
    angles, radii = rng.uniform(0, 2 * np.pi, 900), rng.uniform(3, 5, 900)
    around = np.column_stack([radii * np.cos(angles), radii * np.sin(angles), rng.uniform(0, 1.5, 900)])
    points.append(around)
    normals.append(around / np.linalg.norm(around, axis=1, keepdims=True))
    looks.append(np.arange(len(around)) + 10_000)
    is_turned.append(np.zeros(len(around), bool))
    return tuple(np.concatenate(each) for each in (points, normals, looks, is_turned))


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return level directions: heights are alike everywhere."""
    level = vectors * [1, 1, 0]
    return level / np.linalg.norm(level, axis=1, keepdims=True)


def _side(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.column_stack([rng.uniform(-2, 2, 400), rng.uniform(-2.2, -1.8, 400), rng.uniform(0, 3, 400)])


def _pose(angle: float) -> pycolmap.Rigid3d:
    """Return a camera 7 m from the middle at a height of 1.6 m that looks at the house."""
    centre = np.array([7 * np.sin(angle), -7 * np.cos(angle), 1.6])
    forward = np.array([0, 0, 1.2]) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ centre)
