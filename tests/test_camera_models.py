"""Every camera model of pycolmap goes all the way: intrinsics given, or guessed and found, on points of a room."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.data import ImageFile, ImagePair, Matches
from recon.core.events import ignore
from recon.engine.database import VerifiedPair, make_camera, write_database
from recon.engine.mapper import IncrementalMapper
from recon.engine.two_view import VerificationOptions, verify_pair
from recon.matching.cameras import CameraGroup, CameraOptions, Grouping, group_cameras

PERSPECTIVE = {
    "SIMPLE_PINHOLE": (700, 500, 400),
    "PINHOLE": (700, 705, 500, 400),
    "SIMPLE_RADIAL": (700, 500, 400, -0.05),
    "RADIAL": (700, 500, 400, -0.05, 0.01),
    "OPENCV": (700, 705, 500, 400, -0.05, 0.01, 1e-3, -1e-3),
    "FULL_OPENCV": (700, 705, 500, 400, -0.05, 0.01, 1e-3, -1e-3, 1e-3, 0, 0, 0),
    "SIMPLE_DIVISION": (600, 500, 400, -0.15),
    "DIVISION": (600, 605, 500, 400, -0.15),
}
WIDE = {
    "SIMPLE_FISHEYE": (400, 500, 400),
    "FISHEYE": (400, 402, 500, 400),
    "SIMPLE_RADIAL_FISHEYE": (400, 500, 400, -0.02),
    "RADIAL_FISHEYE": (400, 500, 400, -0.02, 0.003),
    "OPENCV_FISHEYE": (400, 402, 500, 400, -0.02, 0.003, 0, 0),
    "THIN_PRISM_FISHEYE": (400, 402, 500, 400, -0.02, 0.003, 1e-3, -1e-3, 0, 0, 1e-4, 1e-4),
    "RAD_TAN_THIN_PRISM_FISHEYE": (400, 402, 500, 400, -0.02, 0.003, 0, 0, 0, 0, 1e-3, -1e-3, 1e-4, 0, 1e-4, 0),
    "FOV": (450, 452, 500, 400, 0.9),
    "EUCM": (450, 452, 500, 400, 0.6, 1),
}
SPHERE = {"EQUIRECTANGULAR": (1000, 500)}
TRUE_PARAMS = {**PERSPECTIVE, **WIDE, **SPHERE}
NUM_PHOTOS = 8


@dataclass(frozen=True)
class Room:
    """Eight photos of points on the walls around them, positions 0.2 px off, 20 % of the matches wrong."""

    images: list[ImageFile]
    poses: list[pycolmap.Rigid3d]
    keypoints: list[npt.NDArray[np.float32]]
    seen: list[npt.NDArray[np.intp]]


def photograph(model: str, params: tuple[float, ...]) -> Room:
    rng = np.random.default_rng(0)
    width, height = (1000, 500) if model in SPHERE else (1000, 800)
    camera = pycolmap.Camera(model=model, width=width, height=height, params=list(map(float, params)), camera_id=1)
    num_points = 2400 if model in PERSPECTIVE else 900
    points = rng.uniform(-1, 1, (num_points, 3))
    points *= rng.uniform(4, 6, (num_points, 1)) / np.abs(points).max(axis=1, keepdims=True)
    poses, keypoints, seen = [], [], []
    for k in range(NUM_PHOTOS):
        centre = np.array([1.2 * np.cos(k / 2), np.sin(k / 2), 0.15 * k])
        turn = pycolmap.Rotation3d(np.array([0, -0.12 * (k - 4), 0]))
        poses.append(pycolmap.Rigid3d(turn, -(turn.matrix() @ centre)))
        in_camera = poses[-1] * points
        pixels = np.asarray(camera.img_from_cam(in_camera))
        inside = np.isfinite(pixels).all(axis=1) & (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
        if model not in SPHERE:  # COLMAP's lenses see what is in front of them
            inside &= np.hypot(in_camera[:, 0], in_camera[:, 1]) < 10 * in_camera[:, 2]
        seen.append(np.flatnonzero(inside))
        keypoints.append((pixels[inside] + rng.normal(0, 0.2, (inside.sum(), 2))).astype(np.float32))
    names = [f"photo{k}.jpg" for k in range(NUM_PHOTOS)]
    return Room([ImageFile(name, Path(name), width, height) for name in names], poses, keypoints, seen)


def mapped(room: Room, options: CameraOptions, database: Path) -> tuple[pycolmap.Reconstruction, CameraGroup]:
    (group,) = group_cameras(room.images, options).cameras
    camera = make_camera(group)
    names = [image.name for image in room.images]
    pairs = []
    for k1, k2 in combinations(range(NUM_PHOTOS), 2):
        _, rows1, rows2 = np.intersect1d(room.seen[k1], room.seen[k2], return_indices=True)
        rows2[: len(rows2) // 5] = np.roll(rows2[: len(rows2) // 5], 1)
        matches = Matches(np.stack([rows1, rows2], axis=1).astype(np.uint32))
        geometry = verify_pair(camera, room.keypoints[k1], camera, room.keypoints[k2], matches, VerificationOptions())
        pairs.append(VerifiedPair(ImagePair(names[k1], names[k2]), matches, geometry))
    write_database(database, [group], room.images, dict(zip(names, room.keypoints, strict=True)).__getitem__, pairs)
    fixed = frozenset({1}) if group.is_fixed else frozenset[int]()
    model, *_ = IncrementalMapper().map(database, MappingOptions(fixed_camera_ids=fixed), ignore)
    return model, group


def pose_errors_deg(model: pycolmap.Reconstruction, room: Room) -> npt.NDArray[np.float64]:
    """Return the error of each pair's relative pose: of its turn or direction."""
    is_ = {image.name: image.cam_from_world() for image in model.images.values() if image.has_pose}
    was = {image.name: pose for image, pose in zip(room.images, room.poses, strict=True)}
    errors = []
    for name1, name2 in combinations(sorted(is_), 2):
        found, true = (poses[name2] * poses[name1].inverse() for poses in (is_, was))
        cosine = found.translation @ true.translation
        cosine /= np.linalg.norm(found.translation) * np.linalg.norm(true.translation)
        errors.append(max((found.rotation * true.rotation.inverse()).angle(), np.arccos(np.clip(cosine, -1, 1))))
    return np.degrees(errors)


def test_no_model_of_pycolmap_is_forgotten() -> None:
    assert set(TRUE_PARAMS) == set(pycolmap.CameraModelId.__members__) - {"INVALID"}


@pytest.mark.parametrize("name", TRUE_PARAMS)
def test_given_intrinsics_lead_to_the_true_poses(name: str, tmp_path: Path) -> None:
    room = photograph(name, TRUE_PARAMS[name])
    params = tuple(map(float, TRUE_PARAMS[name]))
    model, group = mapped(room, CameraOptions(name, params, Grouping.SINGLE), tmp_path / "room.db")

    assert model.num_reg_images() == NUM_PHOTOS
    assert np.median(pose_errors_deg(model, room)) < 0.2
    assert group.is_fixed
    np.testing.assert_array_equal(model.cameras[1].params, params)


@pytest.mark.parametrize("name", {**WIDE, **SPHERE})
def test_a_fisheye_of_unknown_focal_length_finds_it(name: str, tmp_path: Path) -> None:
    room = photograph(name, TRUE_PARAMS[name])
    model, group = mapped(room, CameraOptions(name), tmp_path / "room.db")

    assert model.num_reg_images() == NUM_PHOTOS
    assert np.median(pose_errors_deg(model, room)) < 0.2
    assert not group.is_fixed
    np.testing.assert_allclose(model.cameras[1].params[0], TRUE_PARAMS[name][0], rtol=0.01)


@pytest.mark.parametrize("focal_px", [300, 560])
def test_lenses_far_from_the_guess_are_found_too(focal_px: float, tmp_path: Path) -> None:
    """From 130 to 250 degrees across the diagonal; the guess is 166."""
    room = photograph("SIMPLE_RADIAL_FISHEYE", (focal_px, 500, 400, -0.02))
    model, _ = mapped(room, CameraOptions("SIMPLE_RADIAL_FISHEYE"), tmp_path / "room.db")

    assert model.num_reg_images() == NUM_PHOTOS
    np.testing.assert_allclose(model.cameras[1].params[[0, 3]], [focal_px, -0.02], rtol=0.05)
