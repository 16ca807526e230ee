"""Models on poses that are known before: kept to the last bit, or a start from which all is refined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import Event, Warned, ignore
from recon.engine.prior_poses import PosesKept, PosesRefined

Synthesize = Callable[..., tuple[Path, pycolmap.Reconstruction]]
PoseErrors = Callable[[pycolmap.Reconstruction, pycolmap.Reconstruction], npt.NDArray[np.float64]]
FIXED = MappingOptions(fixed_camera_ids=frozenset({1}))


def poses_of(model: pycolmap.Reconstruction) -> dict[str, pycolmap.Rigid3d]:
    return {model.image(image_id).name: model.image(image_id).cam_from_world() for image_id in model.reg_image_ids()}


def rough(poses: dict[str, pycolmap.Rigid3d], turn_deg: float, shift: float) -> dict[str, pycolmap.Rigid3d]:
    """Return poses that are off at random."""
    random = np.random.default_rng(0)

    def one(pose: pycolmap.Rigid3d) -> pycolmap.Rigid3d:
        turn = pycolmap.Rotation3d(np.radians(turn_deg) * random.normal(size=3) / np.sqrt(3))
        return pycolmap.Rigid3d(turn * pose.rotation, pose.translation + shift * random.normal(size=3))

    return {name: one(pose) for name, pose in poses.items()}


def test_given_poses_stay_to_the_last_bit(synthesize: Synthesize) -> None:
    database, truth = synthesize(noise_px=0.5)
    poses = poses_of(truth)

    (model,) = PosesKept(poses).map(database, FIXED, ignore)

    assert model.num_reg_images() == 10
    assert model.num_points3D() > 150
    assert model.compute_mean_reprojection_error() < 1.0
    for name, pose in poses_of(model).items():
        assert (pose.matrix() == poses[name].matrix()).all()


def test_intrinsics_that_were_not_given_are_estimated_on_given_poses(synthesize: Synthesize) -> None:
    database, truth = synthesize()
    with pycolmap.Database.open(database) as opened:
        camera = opened.read_camera(1)
        true_focal_px = camera.mean_focal_length()
        camera.params = np.array([*(1.02 * camera.params[:1]), *camera.params[1:]])
        opened.update_camera(camera)

    (model,) = PosesKept(poses_of(truth)).map(database, MappingOptions(), ignore)

    assert abs(model.camera(1).mean_focal_length() / true_focal_px - 1) < 1e-3


def test_images_without_a_pose_stay_out_where_poses_are_kept(synthesize: Synthesize) -> None:
    database, truth = synthesize()
    poses = dict(sorted(poses_of(truth).items())[:6])

    (model,) = PosesKept(poses).map(database, FIXED, ignore)

    assert set(poses_of(model)) == set(poses)


def test_images_without_a_pose_are_registered_from_a_start(synthesize: Synthesize, pose_errors_deg: PoseErrors) -> None:
    database, truth = synthesize()
    poses = dict(sorted(poses_of(truth).items())[:6])

    (model,) = PosesRefined(poses).map(database, FIXED, ignore)

    assert model.num_reg_images() == 10
    assert pose_errors_deg(model, truth).max() < 0.05


def test_rough_poses_are_refined_in_their_own_frame(synthesize: Synthesize, pose_errors_deg: PoseErrors) -> None:
    """Two degrees and a hundredth of the scene off; the scene's units are those of the poses, not the mapper's."""
    database, truth = synthesize(noise_px=0.2)
    given = poses_of(truth)
    spread = np.std([-pose.rotation.matrix().T @ pose.translation for pose in given.values()])

    (model,) = PosesRefined(rough(given, turn_deg=2.0, shift=0.01 * spread)).map(database, FIXED, ignore)

    assert model.num_reg_images() == 10
    assert np.median(pose_errors_deg(model, truth)) < 0.2
    centers = {model.image(k).name: model.image(k).projection_center() for k in model.reg_image_ids()}
    for name, pose in given.items():
        assert np.linalg.norm(centers[name] + pose.rotation.matrix().T @ pose.translation) < 0.1 * spread


@pytest.mark.parametrize("mapper", [PosesKept, PosesRefined])
def test_poses_of_other_photos_are_refused_or_told_of(
    synthesize: Synthesize, mapper: type[PosesKept] | type[PosesRefined]
) -> None:
    database, truth = synthesize()
    poses = poses_of(truth)
    exchanged = dict(zip(poses, reversed(list(poses.values())), strict=True))
    events: list[Event] = []

    models = mapper(exchanged).map(database, FIXED, events.append)

    assert not models or any("prior poses" in event.message for event in events if isinstance(event, Warned))


def test_two_posed_images_are_a_model(synthesize: Synthesize) -> None:
    database, truth = synthesize()
    poses = dict(sorted(poses_of(truth).items())[:2])

    (model,) = PosesKept(poses).map(database, FIXED, ignore)

    assert model.num_reg_images() == 2
    assert model.num_points3D() > 50


@pytest.mark.parametrize("mapper", [PosesKept, PosesRefined])
def test_fewer_than_two_posed_images_with_matches_are_no_model(
    synthesize: Synthesize, mapper: type[PosesKept] | type[PosesRefined]
) -> None:
    """pycolmap would end the process over a bundle adjustment of one image."""
    database, truth = synthesize()
    poses = dict(sorted(poses_of(truth).items())[:1])

    assert mapper({**poses, "of-no-image.jpg": poses[min(poses)]}).map(database, FIXED, ignore) == []
