"""Small scenes of known truth, in COLMAP databases: pycolmap's synthetic ones, and photos of points of our own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Intrinsics:
    """One camera of all images: an ideal lens, focal length 1000 px."""

    image_names: tuple[str, ...] = ()
    camera_id: int = 1
    model: str = "PINHOLE"
    width: int = 1000
    height: int = 800
    params: tuple[float, ...] = (1000.0, 1000.0, 500.0, 400.0)
    has_prior_focal_length: bool = True


@pytest.fixture
def synthesize(tmp_path: Path) -> Callable[..., tuple[Path, pycolmap.Reconstruction]]:
    """Return a function that makes a synthetic scene: its database, and the truth.

    `into` adds the scene to a database that is there, unconnected to what it holds.
    """

    def make(
        images: int = 10,
        points: int = 200,
        seed: int = 0,
        noise_px: float = 0.0,
        cameras: int = 1,
        into: Path | None = None,
    ) -> tuple[Path, pycolmap.Reconstruction]:
        path = into or tmp_path / f"synthetic-{images}-{points}-{seed}-{noise_px:g}-{cameras}.db"
        options = pycolmap.SyntheticDatasetOptions(
            num_rigs=cameras, num_frames_per_rig=images // cameras, num_points3D=points
        )
        pycolmap.set_random_seed(seed)
        with pycolmap.Database.open(path) as database:
            truth = pycolmap.synthesize_dataset(options, database)
            if noise_px:
                pycolmap.synthesize_noise(pycolmap.SyntheticNoiseOptions(point2D_stddev=noise_px), truth, database)
        return path, truth

    return make


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that photographs (P, 3) points from each pose, and writes all verified pairs.

    The images are photo0.jpg, photo1.jpg, ...; row k of an image's keypoints is its k-th visible point, a
    tenth of a pixel off. `shared` limits the points that two images are matched by.
    """

    def make(
        poses: Sequence[pycolmap.Rigid3d],
        points: npt.NDArray[np.float64],
        shared: Callable[[int, int], int] = lambda k1, k2: 10**6,
    ) -> Path:
        rng = np.random.default_rng(0)
        names = tuple(f"photo{k}.jpg" for k in range(len(poses)))
        intrinsics = Intrinsics(names)
        camera = make_camera(intrinsics)
        seen, keypoints = [], []
        for pose in poses:
            in_camera = pose * points
            pixels = camera.img_from_cam(in_camera) + rng.normal(size=(len(points), 2)) * 0.1
            inside = (in_camera[:, 2] > 0.1) & (pixels >= 0).all(1) & (pixels < (camera.width, camera.height)).all(1)
            seen.append(np.flatnonzero(inside))
            keypoints.append(pixels[inside].astype(np.float32))
        pairs = []
        for k1, k2 in combinations(range(len(poses)), 2):
            _, rows1, rows2 = np.intersect1d(seen[k1], seen[k2], return_indices=True)
            matches = Matches(np.stack([rows1, rows2], 1).astype(np.uint32)[: shared(k1, k2)])
            geometry = verify_pair(camera, keypoints[k1], camera, keypoints[k2], matches, VerificationOptions())
            pairs.append(VerifiedPair(ImagePair(names[k1], names[k2]), matches, geometry))
        path = tmp_path / "photographed.db"
        images = [ImageFile(name, tmp_path / name, camera.width, camera.height) for name in names]
        write_database(path, [intrinsics], images, dict(zip(names, keypoints, strict=True)).__getitem__, pairs)
        return path

    return make


@pytest.fixture(scope="session")
def pose_errors_deg() -> Callable[[pycolmap.Reconstruction, pycolmap.Reconstruction], npt.NDArray[np.float64]]:
    """Return a function that gives the error of each pair's relative pose, degrees: of its turn or direction."""

    def errors(model: pycolmap.Reconstruction, truth: pycolmap.Reconstruction) -> npt.NDArray[np.float64]:
        found = []
        for image_id1, image_id2 in combinations(sorted(model.reg_image_ids()), 2):
            is_, was = (
                m.image(image_id2).cam_from_world() * m.image(image_id1).cam_from_world().inverse()
                for m in (model, truth)
            )
            cosine = (
                is_.translation @ was.translation / np.linalg.norm(is_.translation) / np.linalg.norm(was.translation)
            )
            found.append(max((is_.rotation * was.rotation.inverse()).angle(), np.arccos(np.clip(cosine, -1, 1))))
        return np.degrees(found)

    return errors
