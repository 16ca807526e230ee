"""Intrinsics in a gt.json: its pixel origin, its distortion, and which files of poses bring intrinsics at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recon.core.data import Exif, ImageFile
from recon.core.errors import UsageError
from recon.matching.cameras import CameraOptions, FocalSource, Grouping, group_cameras
from recon.matching.gt_cameras import read_gt_cameras
from recon.matching.prior_cameras import holds_cameras

K = [[800, 0, 319.5], [0, 810, 239.5], [0, 0, 1]]
EXIF = Exif(make="Maker", model="Model", focal_length_35mm_mm=28.0)


def document(**entries: Any) -> dict[str, Any]:
    return {"images": {f"{name}.jpg": entry for name, entry in entries.items()}}


def photo(name: str, exif: Exif = EXIF) -> ImageFile:
    return ImageFile(f"{name}.jpg", Path(f"{name}.jpg"), 640, 480, exif=exif)


def test_pixel_centres_move_from_integers_to_colmaps_origin() -> None:
    cameras = read_gt_cameras(Path("gt.json"), document(a={"K": K, "width": 640, "height": 480}))

    assert cameras["a.jpg"].model == "PINHOLE"
    assert cameras["a.jpg"].params == (800.0, 810.0, 320.0, 240.0)
    assert cameras["a.jpg"].size == (640, 480)


def test_distortion_makes_an_opencv_camera() -> None:
    cameras = read_gt_cameras(Path("gt.json"), document(a={"K": K, "dist": [0.1, -0.2, 0.01, 0.02]}))

    assert cameras["a.jpg"].model == "OPENCV"
    assert cameras["a.jpg"].params[4:] == (0.1, -0.2, 0.01, 0.02)


def test_images_without_intrinsics_have_no_camera_and_equal_ones_share_it() -> None:
    cameras = read_gt_cameras(Path("gt.json"), document(a={"K": K}, b={"K": K}, c={"K": None}, d={}))

    assert set(cameras) == {"a.jpg", "b.jpg"}
    assert cameras["a.jpg"] == cameras["b.jpg"]


@pytest.mark.parametrize(
    "entry",
    [
        {"K": [[1, 2], [3, 4]]},
        {"K": "800"},
        {"K": [[800, 5, 320], [0, 800, 240], [0, 0, 1]]},
        {"K": K, "dist": [0.1]},
        {"K": [[float("nan"), 0, 320], [0, 800, 240], [0, 0, 1]]},
        {"K": K, "width": "wide", "height": 480},
    ],
)
def test_intrinsics_that_are_none_are_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"a\.jpg"):
        read_gt_cameras(Path("gt.json"), document(a=entry))


@pytest.mark.parametrize(
    ("name", "content", "holds"),
    [
        ("gt.json", document(a={"K": K}), True),
        ("gt.json", document(a={"K": None}), False),
        ("transforms.json", {"fl_x": 800, "frames": []}, True),
        ("transforms.json", {"frames": [{"file_path": "a.jpg", "camera_angle_x": 1.0}]}, True),
        ("transforms.json", {"frames": [{"file_path": "a.jpg"}]}, False),
        ("poses.json", ["no", "poses"], False),
        ("trajectory.txt", "1 2 3 4 5 6 7 8", False),
    ],
)
def test_a_file_of_poses_is_asked_for_intrinsics(tmp_path: Path, name: str, content: object, holds: bool) -> None:
    (tmp_path / name).write_text(json.dumps(content), "utf-8")

    assert holds_cameras(tmp_path / name) is holds


def test_a_folder_of_a_model_holds_cameras_and_another_one_none(tmp_path: Path) -> None:
    (tmp_path / "out" / "sparse" / "0").mkdir(parents=True)
    (tmp_path / "out" / "sparse" / "0" / "cameras.bin").touch()

    assert holds_cameras(tmp_path / "out")
    assert holds_cameras(tmp_path / "out" / "sparse" / "0")
    assert not holds_cameras(tmp_path)
    assert not holds_cameras(tmp_path / "gone.json")


def test_a_photo_that_the_file_does_not_name_has_the_given_camera_where_exif_says_so(tmp_path: Path) -> None:
    file = tmp_path / "gt.json"
    file.write_text(json.dumps(document(a={"K": K})), "utf-8")
    other = Exif(make="Maker", model="Another", focal_length_35mm_mm=28.0)
    images = [photo("a"), photo("b"), photo("c", other), photo("d", Exif())]

    together = group_cameras(images, CameraOptions(file=file))
    apart = group_cameras(images, CameraOptions(file=file, grouping=Grouping.PER_IMAGE))

    given = [group.image_names for group in together.cameras if group.focal_source is FocalSource.GIVEN]
    assert given == [("a.jpg", "b.jpg")]
    assert [group.image_names for group in apart.cameras if group.focal_source is FocalSource.GIVEN] == [("a.jpg",)]
