"""What every refiner keeps, on photos of a textured plane whose every pixel is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.components import Refiner
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract

if TYPE_CHECKING:
    import pycolmap

_SIZE = (320, 240)
_FOCAL_PX = 500.0
_CENTERS = ((0, 0, -500), (130, 20, -490), (-120, 60, -520), (30, -110, -480))
"""Of the cameras, in units of the plane: from 500 away, a unit covers a pixel."""
_SPACING = 20
_WAVES = 60
_WAVELENGTHS = (7.0, 45.0)
_STRAY = 5
"""Keypoints of each photo that are in no track."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaneScene:
    """Photos of the plane z = 0, with the exact keypoints of points on it."""

    cameras: Mapping[str, pycolmap.Camera]
    poses: Mapping[str, pycolmap.Rigid3d]
    photos: Mapping[str, UInt8Array]
    keypoints: Mapping[str, FloatArray]
    """(N, 2) full-size pixels, COLMAP origin; the last few of each photo are in no track."""
    tracks: Sequence[Sequence[tuple[str, int]]]

    def perturbed(self, noise_px: float) -> dict[str, FloatArray]:
        """Return the keypoints moved at random, a normal distribution."""
        random = np.random.default_rng(0)
        return {name: xy + random.normal(0, noise_px, xy.shape) for name, xy in self.keypoints.items()}

    def disagreement_px(self, keypoints: Mapping[str, FloatArray]) -> float:
        """Return how far apart the places on the plane are that a track's keypoints show: median over the tracks.

        Where on the plane they agree is free: one place is as good as another to fix the poses.
        """
        places = {name: self.on_plane(name, xy) for name, xy in keypoints.items()}
        spreads = [np.std([places[name][row] for name, row in track], axis=0).max() for track in self.tracks]
        return float(np.median(spreads))

    def on_plane(self, name: str, xy: FloatArray) -> FloatArray:
        """Return (N, 2) the places on the plane that pixels show."""
        normalised: Any = self.cameras[name].cam_from_img(np.asarray(xy, np.float64))
        in_camera = np.column_stack([normalised, np.ones(len(xy))])
        world_from_cam = self.poses[name].inverse()
        rays = in_camera @ world_from_cam.rotation.matrix().T
        center = world_from_cam.translation
        places: FloatArray = (center - rays * (center[2] / rays[:, 2:]))[:, :2]
        return places


@lru_cache(maxsize=1)
def plane_scene() -> PlaneScene:
    """Return the scene, the same at every call."""
    import pycolmap

    random = np.random.default_rng(0)
    width, height = _SIZE
    camera = pycolmap.Camera.create_from_model_id(1, pycolmap.CameraModelId.SIMPLE_PINHOLE, _FOCAL_PX, width, height)
    names = [f"photo{number}.png" for number in range(len(_CENTERS))]
    cameras = dict.fromkeys(names, camera)
    poses = {name: _looking_at_origin(np.array(center, float)) for name, center in zip(names, _CENTERS, strict=True)}
    across, down = np.meshgrid(np.arange(-90, 91, _SPACING), np.arange(-60, 61, _SPACING))
    grid = np.stack([across.ravel(), down.ravel()], axis=1)
    points = np.column_stack([grid + random.uniform(-5, 5, grid.shape), np.zeros(len(grid))])
    stray = random.uniform(30, 200, (_STRAY, 2))
    keypoints: dict[str, FloatArray] = {}
    for name, pose in poses.items():
        seen: Any = camera.img_from_cam(pose * points)
        keypoints[name] = np.vstack([seen, stray])
    for xy in keypoints.values():
        xy.setflags(write=False)
    tracks = [[(name, row) for name in names] for row in range(len(grid))]
    scene = PlaneScene(cameras, poses, {}, keypoints, tracks)
    angles, lengths = random.uniform(0, 2 * np.pi, _WAVES), random.uniform(*_WAVELENGTHS, _WAVES)
    waves = np.stack([np.cos(angles), np.sin(angles)]) * (2 * np.pi / lengths)
    phases = random.uniform(0, 2 * np.pi, _WAVES)
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    photos = {}
    for name in names:
        values = np.cos(scene.on_plane(name, pixels) @ waves + phases).sum(axis=1)
        grey = np.clip(np.rint(128 + 12 * values), 0, 255).astype(np.uint8).reshape(height, width)
        photos[name] = np.repeat(grey[:, :, None], 3, axis=2)
    return PlaneScene(cameras, poses, photos, keypoints, tracks)


def _looking_at_origin(center: FloatArray) -> pycolmap.Rigid3d:
    import pycolmap

    forward = -center / np.linalg.norm(center)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ center)


class RefinerContract(ComponentContract):
    """Same rows, nothing else touched, deterministic; what is right stays, and what is off comes to agree."""

    kind = Kind.REFINER

    def refine(
        self, keypoints: Mapping[str, FloatArray], tracks: Sequence[Sequence[tuple[str, int]]] | None = None
    ) -> Mapping[str, FloatArray]:
        """Return the keypoints of the plane's photos after refinement."""
        scene = plane_scene()
        refiner: Refiner = self.create()
        tracks = scene.tracks if tracks is None else tracks
        return refiner.refine(keypoints, tracks, scene.cameras, scene.poses, scene.photos.__getitem__)

    def test_the_answer_is_the_keypoints_that_came(self) -> None:
        """Row k stays row k: colours and matches refer to it."""
        dtypes: tuple[type[np.floating[Any]], ...] = (np.float64, np.float32)
        for dtype in dtypes:
            given: dict[str, FloatArray] = {name: xy.astype(dtype) for name, xy in plane_scene().perturbed(0.5).items()}
            refined = self.refine(given)

            assert set(refined) == set(given), f"keypoints of {sorted(refined)}, not of {sorted(given)}"
            for name, xy in given.items():
                found = refined[name]
                assert found.shape == xy.shape, f"{name}: shape {found.shape}, not {xy.shape}"
                assert found.dtype == xy.dtype, f"{name}: {found.dtype}, not {xy.dtype}"
                assert np.isfinite(found).all(), f"{name}: values that are not finite"

    def test_what_is_in_no_track_stays(self) -> None:
        """Nothing is known of it that could move it."""
        given = plane_scene().perturbed(0.5)
        refined = self.refine(given)

        for name, xy in given.items():
            assert np.array_equal(refined[name][-_STRAY:], xy[-_STRAY:]), f"{name}: keypoints outside tracks moved"

    def test_without_tracks_nothing_moves(self) -> None:
        """A model may have lost all its points."""
        given = plane_scene().perturbed(0.5)
        refined = self.refine(given, tracks=[])

        assert all(np.array_equal(refined[name], xy) for name, xy in given.items()), "keypoints moved without a track"

    def test_the_input_is_not_changed(self) -> None:
        """The host compares with what it gave."""
        given = plane_scene().perturbed(0.5)
        kept = {name: xy.copy() for name, xy in given.items()}
        self.refine(given)

        assert all(np.array_equal(given[name], xy) for name, xy in kept.items()), "the given keypoints were changed"

    def test_equal_input_gives_equal_output(self) -> None:
        """From another component made alike: a resumed run has one."""
        given = plane_scene().perturbed(0.5)
        first, again = self.refine(given), self.refine(given)

        assert all(np.array_equal(first[name], xy) for name, xy in again.items()), "the second answer differs"

    def test_exact_keypoints_stay(self) -> None:
        """Within a twentieth of a pixel in the median: else a precise extractor is better off without."""
        given = plane_scene().keypoints
        refined = self.refine(given)

        moves_px = np.concatenate([np.linalg.norm(refined[name] - xy, axis=1)[:-_STRAY] for name, xy in given.items()])
        assert np.median(moves_px) < 0.05, f"exact keypoints moved by {np.median(moves_px):.3f} px in the median"

    def test_keypoints_that_are_off_come_to_agree(self) -> None:
        """The purpose: a pixel of noise falls to less than half."""
        scene = plane_scene()
        given = scene.perturbed(1.0)
        refined = self.refine(given)

        before, after = scene.disagreement_px(given), scene.disagreement_px(refined)
        assert after < before / 2, f"keypoints of a track show places {before:.2f} px apart, after refining {after:.2f}"
