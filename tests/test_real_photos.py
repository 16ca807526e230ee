"""Real photos: how many find their place, and how right the poses are, on sets with and without ground truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import recon
from recon.evaluation import evaluate, read_truth
from recon.evaluation.poses import Evaluation

pytestmark = pytest.mark.photos


@pytest.fixture(scope="module")
def reconstructed(
    photo_set: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., recon.ReconstructionResult]:
    """Return a function that reconstructs a photo set by name, once however often it is asked for."""

    @cache
    def reconstruct(name: str, *, knows_camera: bool = False) -> recon.ReconstructionResult:
        folder = photo_set(name)
        camera = {"camera_model": "PINHOLE", "camera_params": true_intrinsics(folder)} if knows_camera else {}
        return recon.reconstruct(folder / "images", tmp_path_factory.mktemp(name) / "out", extractor="sift", **camera)

    return reconstruct


@pytest.fixture(scope="module")
def evaluated(
    photo_set: Callable[[str], Path], reconstructed: Callable[..., recon.ReconstructionResult]
) -> Callable[..., Evaluation]:
    """Return a function that compares the reconstruction of a photo set with its truth."""

    def compare(name: str, **how: bool) -> Evaluation:
        return evaluate(reconstructed(name, **how).model, read_truth(photo_set(name) / "gt.json"))

    return compare


def true_intrinsics(folder: Path) -> tuple[float, float, float, float]:
    """Return the truth's fx, fy, cx, cy of the camera that took all photos, in COLMAP's pixels."""
    images = json.loads((folder / "gt.json").read_text("utf-8"))["images"].values()
    (matrix,) = {tuple(np.ravel(image["K"])) for image in images}
    fx, _, cx, _, fy, cy, *_ = matrix
    return fx, fy, cx + 0.5, cy + 0.5  # the truth's pixel centres lie at integers


def registered_names(model) -> list[str]:
    return sorted(model.image(image_id).name for image_id in model.reg_image_ids())


def ups(model) -> dict[str, np.ndarray]:
    """Return, by photo, the direction in the world that points up in its pixels."""
    images = (model.image(image_id) for image_id in model.reg_image_ids())
    return {image.name: -image.cam_from_world().rotation.matrix()[1] for image in images}


def angle_deg(direction1: np.ndarray, direction2: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(direction1 @ direction2, -1, 1))))


@pytest.mark.parametrize("name", ["fountain-P11", "Herz-Jesus-P8"])
class TestCalibratedCamera:
    """The truth's intrinsics were given, by which they stay fixed."""

    def test_gives_poses_within_a_fraction_of_a_degree(self, name, evaluated):
        against_truth = evaluated(name, knows_camera=True)

        assert against_truth.registered == against_truth.images == int(name.split("-")[-1][1:])
        assert against_truth.auc_deg["1"] >= 93

    def test_stays_as_it_was_given(self, name, photo_set, reconstructed):
        (camera,) = reconstructed(name, knows_camera=True).model.cameras.values()

        assert tuple(camera.params) == true_intrinsics(photo_set(name))


def test_a_short_baseline_is_enough_where_exif_gives_the_focal_length(evaluated):
    against_truth = evaluated("lund_door")

    assert against_truth.registered == 12
    assert against_truth.auc_deg["3"] >= 97


def test_an_object_on_black_is_enough_where_the_background_shows_nothing(reconstructed):
    assert reconstructed("temple_ring").model.num_reg_images() == 19


def test_photos_of_many_visitors_cameras_and_hours_make_one_model(reconstructed):
    assert reconstructed("reichstag").model.num_reg_images() >= 9


def test_three_photos_are_enough(reconstructed):
    assert reconstructed("berlin").model.num_reg_images() == 3


class TestPhotosOfSeveralPlaces:
    """Four places in 13 photos: to join two of them would be worse than to leave photos out."""

    def test_give_a_model_for_each_place_that_has_enough_photos(self, reconstructed):
        assert len(reconstructed("five_places").models) >= 2

    def test_never_share_a_model(self, reconstructed):
        for model in reconstructed("five_places").models:
            places = {name.rsplit("_", maxsplit=2)[0] for name in registered_names(model)}
            assert len(places) == 1, registered_names(model)

    def test_are_accounted_for_when_left_out(self, reconstructed):
        result = reconstructed("five_places")
        left_out = {each.image for each in result.left_out}

        assert left_out.isdisjoint(registered_names(result.model))
        assert len(left_out) + result.model.num_reg_images() == 13


class TestTurnedPhotos:
    """Of the ruin one photo is stored upside down and one on its side, and EXIF calls both upright."""

    UPSIDE_DOWN, ON_ITS_SIDE = "DSC_6468.JPG", "DSC_6471.JPG"

    def test_are_registered_with_the_rest(self, reconstructed):
        result = reconstructed("cyprus")

        assert result.model.num_reg_images() == 10
        assert result.summary["mean_reprojection_error_px"] < 1

    def test_point_where_the_camera_was_turned_to(self, reconstructed):
        directions = ups(reconstructed("cyprus").model)
        level = [up for name, up in directions.items() if name not in (self.UPSIDE_DOWN, self.ON_ITS_SIDE)]
        up = np.mean(level, axis=0)
        up /= np.linalg.norm(up)

        assert max(angle_deg(each, up) for each in level) < 15
        assert angle_deg(directions[self.UPSIDE_DOWN], up) > 165
        assert angle_deg(directions[self.ON_ITS_SIDE], up) == pytest.approx(90, abs=15)

    @pytest.mark.parametrize("name", [UPSIDE_DOWN, ON_ITS_SIDE])
    def test_see_their_points_in_front_of_the_camera_and_where_they_are(self, name, reconstructed):
        model = reconstructed("cyprus").model
        image = next(image for image in model.images.values() if image.name == name)
        seen = [point for point in image.points2D if point.has_point3D()]
        in_camera = np.array([image.cam_from_world() * model.point3D(point.point3D_id).xyz for point in seen])
        errors = np.linalg.norm(image.camera.img_from_cam(in_camera) - [point.xy for point in seen], axis=1)

        assert len(seen) >= 100
        assert in_camera[:, 2].min() > 0
        assert np.median(errors) < 1


def test_photos_that_hardly_overlap_give_no_model_and_the_reason(photo_set, tmp_path):
    command = [sys.executable, "-m", "recon", "run", photo_set("alamo4") / "images", "-o", tmp_path / "out"]
    run = subprocess.run([*command, "--extractor", "sift", "--json"], capture_output=True, text=True, check=False)
    summary = json.loads(run.stdout)

    assert run.returncode == 1
    assert (summary["model"], summary["models"], summary["registered"]) == (None, 0, 0)
    assert not (tmp_path / "out" / "sparse").exists()
    assert summary["error"]["message"] in run.stderr
    assert "no two photos show the same place" in summary["error"]["message"]
    assert summary["error"]["try"]
    assert len(summary["left_out"]) == 4
    assert "Traceback" not in run.stderr


@pytest.mark.slow
def test_frames_of_a_phone_video_find_their_places_without_calibration(evaluated):
    against_truth = evaluated("fox")

    assert against_truth.registered == 50
    assert against_truth.auc_deg["3"] >= 80


@pytest.mark.slow
def test_hundreds_of_photos_make_one_model(reconstructed):
    result = reconstructed("bonsai")

    assert result.model.num_reg_images() >= 245
    assert result.summary["mean_reprojection_error_px"] < 1
