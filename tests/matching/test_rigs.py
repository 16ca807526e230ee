"""Rigs: the photos of each prefix are one camera's, and a file that cannot be meant is refused before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.cameras import CameraGrouping, CameraOptions, group_cameras

LEFT = {"image_prefix": "left/", "ref_sensor": True}
RIGHT = {
    "image_prefix": "right/",
    "cam_from_rig_rotation": [1, 0, 0, 0],
    "cam_from_rig_translation": [-0.2, 0, 0],
}
PARAMS = {"camera_model_name": "PINHOLE", "camera_params": [500, 500, 320, 240]}
NAMES = ("left/0.jpg", "left/1.jpg", "other.jpg", "right/0.jpg", "right/1.jpg")


def grouped(tmp_path: Path, document: Any, *names: str, **options: Any) -> CameraGrouping:
    file = tmp_path / "rig_config.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    images = [ImageFile(name, Path(name), 640, 480) for name in names or NAMES]
    return group_cameras(images, CameraOptions(rigs=file, **options))


def test_the_photos_of_a_prefix_share_a_camera_and_the_others_go_their_own_way(tmp_path: Path) -> None:
    grouping = grouped(tmp_path, [{"cameras": [LEFT, RIGHT]}])

    assert [camera.image_names for camera in grouping.cameras] == [
        ("left/0.jpg", "left/1.jpg"),
        ("other.jpg",),
        ("right/0.jpg", "right/1.jpg"),
    ]
    assert grouping.reason.startswith("4 photos have 2 cameras of rigs; the others are not in it")


def test_intrinsics_in_the_file_are_given_ones(tmp_path: Path) -> None:
    left, right = grouped(tmp_path, [{"cameras": [LEFT, {**RIGHT, **PARAMS}]}], "left/0.jpg", "right/0.jpg").cameras

    assert (left.model, left.is_fixed) == ("SIMPLE_RADIAL", False)
    assert (right.model, right.params, right.is_fixed) == ("PINHOLE", (500, 500, 320, 240), True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "no JSON"),
        ("{}", "no list of rigs"),
        ([], "no list of rigs"),
        ([7], "no list of rigs"),
        ([{"cameras": []}], "no list of rigs"),
        ([{"cameras": [{"ref_sensor": True}]}], "no image_prefix"),
        ([{"cameras": [RIGHT]}], "0 cameras with ref_sensor"),
        ([{"cameras": [LEFT, {**RIGHT, "ref_sensor": True}]}], "2 cameras with ref_sensor"),
        ([{"cameras": [LEFT, {"image_prefix": "right/"}]}], "needs cam_from_rig_rotation"),
        ([{"cameras": [LEFT, {**RIGHT, "cam_from_rig_rotation": [1, 1, 0, 0]}]}], "no quaternion of length 1"),
        ([{"cameras": [LEFT, {**RIGHT, "cam_from_rig_translation": [0, 0, "x"]}]}], "needs cam_from_rig_rotation"),
        ([{"cameras": [LEFT, {**RIGHT, "image_prefix": "centre/"}]}], "no photo's name begins with 'centre/'"),
        ([{"cameras": [LEFT, {**RIGHT, "image_prefix": "le"}]}], r"left/0\.jpg begins with two prefixes"),
        ([{"cameras": [LEFT, {**RIGHT, "camera_params": [1]}]}], "needs both a camera_model_name"),
        ([{"cameras": [LEFT, {**RIGHT, **PARAMS, "camera_params": [1]}]}], "has 1 values"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        grouped(tmp_path, document)
    assert error.value.code is Cause.BAD_VALUE


def test_photos_of_no_common_moment_are_refused(tmp_path: Path) -> None:
    """Names after the prefix are the moment: COLMAP would make a frame of each photo, and no rig of them."""
    with pytest.raises(UsageError, match="none are of one moment"):
        grouped(tmp_path, [{"cameras": [LEFT, RIGHT]}], "left/l0.jpg", "right/r0.jpg")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        group_cameras([ImageFile("a", Path("a"), 64, 48)], CameraOptions(rigs=tmp_path / "none.json"))
    assert error.value.code is Cause.MISSING_FILE


def test_a_camera_of_a_rig_has_one_set_of_intrinsics(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text("1 PINHOLE 640 480 600 600 320 240\n")

    with pytest.raises(UsageError, match="are of one camera, and 2 are given"):
        grouped(tmp_path, [{"cameras": [{**LEFT, **PARAMS}, RIGHT]}], file=tmp_path / "cameras.txt")
