"""Real photo sets made to fail in each way, one by one: each photo left out is told why, with numbers and a command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageFilter, ImageOps

import recon
from recon.core.data import LeftOut
from recon.core.errors import Cause

pytestmark = pytest.mark.photos

SPOILT = "DSC_0003.JPG"
SMALL = {
    **{"extractor": "sift", "preset": "fast", "max_size": 800, "max_keypoints": 1500, "threads": 1},
    "escalate": False,  # it costs more than all the rest, and what it saves is not left out
}

Change = Callable[[PillowImage.Image], PillowImage.Image]


def cut_out(photo: PillowImage.Image, share: float) -> PillowImage.Image:
    """Return the middle of a photo."""
    width, height = photo.size
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    return photo.crop((round(left), round(top), round(width - left), round(height - top)))


def turned_on_the_spot(photo: PillowImage.Image, angle_deg: float) -> PillowImage.Image:
    """Return what a camera at the same place sees that is turned to the side, in the middle of a photo.

    Its focal length is what recon takes it for: with another, a turn looks like a step in front of a wall.
    """
    import cv2

    width, height = photo.size
    focal = 1.2 * 0.6 * max(width, height)
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    pixels = cv2.warpPerspective(np.asarray(photo), camera @ turn @ np.linalg.inv(camera), photo.size)
    return cut_out(PillowImage.fromarray(pixels), 0.6)


def names_of(model) -> set[str]:
    return {model.image(image_id).name for image_id in model.reg_image_ids()}


def change(path: Path, how: Change) -> None:
    """Replace a photo, EXIF kept."""
    photo = PillowImage.open(path)
    how(photo.convert("RGB")).save(path, quality=95, exif=photo.info.get("exif", b""))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of results that the tests share: what was found of unchanged photos is not made again."""
    return tmp_path_factory.mktemp("diagnosed") / "out"


@pytest.fixture
def photos(photo_set: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that copies the first photos of sets into one folder."""

    def copy(**numbers: int) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        for name, number in numbers.items():
            for path in sorted((photo_set(name) / "images").iterdir())[:number]:
                shutil.copy(path, folder)
        return folder

    return copy


@pytest.fixture
def spoil(photos: Callable[..., Path], workspace: Path) -> Callable[..., LeftOut]:
    """Return a function that changes one of five good photos, and gives what became of it."""

    def run(how: Change, of: str = "lund_door", **options: object) -> LeftOut:
        folder = photos(**{of: 5})
        spoilt = sorted(folder.iterdir())[2]
        change(spoilt, how)
        result = recon.reconstruct(folder, workspace, **{**SMALL, **options})
        (found,) = accounted_for(result, 5)
        assert result.model.num_reg_images() == 4
        assert found.image == spoilt.name
        return found

    return run


def accounted_for(result: recon.ReconstructionResult, num_photos: int) -> Sequence[LeftOut]:
    """Return the photos left out, each of which must have its numbers and something to try."""
    registered = names_of(result.model) if result.model else set()
    assert registered.isdisjoint(each.image for each in result.left_out)
    assert len(registered) + len(result.left_out) == num_photos == result.summary["images"]
    assert all(each.detail and each.try_ for each in result.left_out)
    json.dumps(result.summary)
    return result.left_out


class TestOnePhotoOfFive:
    def test_blurred(self, spoil):
        found = spoil(lambda photo: photo.filter(ImageFilter.GaussianBlur(30)))

        assert found.cause is Cause.BLURRED
        assert found.evidence["blur_px"] > 3 * found.evidence["usual_blur_px"]
        assert "blur of" in found.detail
        assert "take it again" in found.try_

    def test_darkened(self, spoil):
        found = spoil(lambda photo: photo.point(lambda level: level * 0.03))

        assert found.cause is Cause.TOO_DARK
        assert found.evidence["exposure"]["bright_end"] < 48
        assert found.evidence["so"] == "few_keypoints"

    def test_blank(self, spoil):
        found = spoil(lambda photo: PillowImage.new("RGB", photo.size, (128, 128, 128)))

        assert found.cause is Cause.BLANK
        assert found.evidence["keypoints"] == 0
        assert found.evidence["usual_keypoints"] > 1000

    def test_mirrored(self, spoil):
        found = spoil(ImageOps.mirror, of="Herz-Jesus-P8")

        assert found.cause is Cause.MIRRORED
        assert max(found.evidence["flipped_inliers"].values()) >= 50
        assert "ImageOps.mirror" in found.try_

    def test_cropped_to_the_middle_of_it(self, spoil):
        found = spoil(lambda photo: cut_out(photo, 0.15), of="Herz-Jesus-P8")

        assert found.cause is Cause.FEW_CORRESPONDENCES
        assert found.evidence["gate"] == "correspondences"
        assert found.evidence["model_points"] < found.evidence["min_pose_inliers"]
        assert f"sees {found.evidence['model_points']} points of the model" in found.detail

    def test_truncated(self, photos, workspace):
        folder = photos(lund_door=5)
        (folder / SPOILT).write_bytes((folder / SPOILT).read_bytes()[:20000])

        (found,) = accounted_for(recon.reconstruct(folder, workspace, **SMALL), 5)

        assert (found.image, found.cause) == (SPOILT, Cause.UNREADABLE)


def test_a_photo_of_another_place_overlaps_none(photos, workspace):
    result = recon.reconstruct(photos(lund_door=5, fox=1), workspace, **SMALL)

    (found,) = accounted_for(result, 6)

    assert (found.image, found.cause) == ("0001.jpg", Cause.NO_MATCHES)
    assert found.evidence["compared_with"] == 5
    assert found.evidence["verified_with"] == 0
    assert all(each["matches"] < 15 and each["registered"] for each in found.evidence["matches"])
    assert f"recon run {result.workspace.parent}" not in found.try_  # the photos, not the results
    assert "--preset best" in found.try_


def test_a_photo_through_a_long_lens_shows_what_no_other_resolves(photos, workspace):
    """Zoomed by three it still finds its place; by eight nothing in it looks like what the others show of it."""
    folder = photos(lund_door=5)
    for path in folder.iterdir():
        photo = PillowImage.open(path).convert("RGB")
        size = (photo.width // 8, photo.height // 8)
        seen = cut_out(photo, 1 / 8) if path.name == SPOILT else photo
        seen.resize(size, PillowImage.Resampling.LANCZOS).save(path, quality=95)

    (found,) = accounted_for(recon.reconstruct(folder, workspace, **SMALL), 5)

    assert (found.image, found.cause) == (SPOILT, Cause.NO_MATCHES)
    assert found.evidence["keypoints"] > 300
    assert found.evidence["blur_px"] < 1


def test_copies_of_a_photo_leave_none_out(photos, workspace):
    folder = photos(lund_door=4)
    shutil.copy(folder / "DSC_0001.JPG", folder / "copy.jpg")

    assert accounted_for(recon.reconstruct(folder, workspace, **SMALL), 5) == ()


def test_copies_alone_have_no_depth(photos, workspace):
    folder = photos(lund_door=1)
    for quality in (80, 90):
        PillowImage.open(folder / "DSC_0001.JPG").save(folder / f"saved again {quality}.jpg", quality=quality)

    result = recon.reconstruct(folder, workspace, **SMALL)
    found = accounted_for(result, 3)

    assert result.model is None
    assert result.summary["error"]["code"] == "no_parallax"
    assert "the same picture" in result.summary["error"]["message"]
    assert {each.cause for each in found} == {Cause.SAME_PICTURE}
    assert all(each.evidence["copy_of"] for each in found)


def test_turning_on_the_spot_gives_no_depth_and_the_angle(photos, workspace):
    folder = photos(lund_door=1)
    (path,) = folder.iterdir()
    photo = PillowImage.open(path).convert("RGB")
    path.unlink()
    for angle_deg in (-6, 0, 6):
        turned_on_the_spot(photo, angle_deg).save(folder / f"{angle_deg}.jpg", quality=95)

    result = recon.reconstruct(folder, workspace, **SMALL)
    error, ladder = result.summary["error"], result.summary["ladder"]

    assert error["code"] == "no_parallax"
    assert "turning on the spot" in error["try"]
    assert {each.cause for each in accounted_for(result, 3)} == {Cause.NO_PARALLAX}
    assert ladder["steps"][0]["step"] == "strict"
    assert all(step["pairs_that_pass"] == 0 for step in ladder["steps"])
    assert all(pair["gate"] == "angle" and pair["angle_deg"] < 2 for pair in ladder["best_pairs"])
    assert sorted(pair["turn_deg"] for pair in ladder["best_pairs"]) == pytest.approx([6, 6, 12], abs=0.1)


def test_frames_of_a_camera_that_hardly_moved(photos, workspace):
    result = recon.reconstruct(photos(fox=3), workspace, **SMALL)

    assert result.summary["error"]["code"] == "no_parallax"
    assert (
        f"{max(pair['angle_deg'] for pair in result.summary['ladder']['best_pairs']):.1f} deg"
        in (result.summary["error"]["message"])
    )


def test_two_places_are_two_models_and_why_they_are_not_one(photos, workspace):
    result = recon.reconstruct(photos(lund_door=5, temple_ring=4), workspace, **SMALL)
    found = accounted_for(result, 9)
    (apart,) = result.summary["apart"]

    assert [len(names_of(model)) for model in result.models] == [5, 4]
    assert {each.cause for each in found} == {Cause.OTHER_MODEL}
    assert (apart["model"], apart["images"]) == ("sparse/1", 4)
    assert apart["cause"] in ("no_matches", "no_verified_geometry")
    assert apart["evidence"]["verified_pairs"] == apart["evidence"]["common_points"] == 0
    assert "recon view" in apart["try"]
    assert len(result.summary["ladder"]["began"]) == 2


def test_photos_that_hardly_overlap_say_so_one_by_one(photo_set, workspace):
    result = recon.reconstruct(photo_set("alamo4") / "images", workspace, **SMALL)

    assert result.summary["error"]["code"] == "no_initial_pair"
    for each in accounted_for(result, 4):
        assert each.cause in (Cause.NO_MATCHES, Cause.NO_VERIFIED_GEOMETRY)
        assert each.evidence["compared_with"] == 3
        assert each.evidence["verified_with"] == 0


@pytest.mark.slow
def test_photos_of_several_places_say_which_they_match(photo_set, tmp_path):
    """No model mixes two places, and what is left out shows that it matches no registered photo."""
    result = recon.reconstruct(photo_set("five_places") / "images", tmp_path / "out", extractor="sift")
    registered = names_of(result.model)

    for model in result.models:
        assert len({name.rsplit("_", maxsplit=2)[0] for name in names_of(model)}) == 1
    for each in accounted_for(result, 13):
        assert each.evidence["compared_with"] == 12
        if each.cause is Cause.OTHER_MODEL:
            continue
        assert each.cause in (Cause.NO_MATCHES, Cause.NO_VERIFIED_GEOMETRY, Cause.NOT_CONNECTED)
        assert each.evidence["verified_with_registered"] == 0
        assert each.evidence["matches"]
        assert all(match["registered"] == (match["image"] in registered) for match in each.evidence["matches"])
    assert len(result.summary["apart"]) == len(result.models) - 1
