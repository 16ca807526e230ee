"""Intrinsics in files: each format says what it says, each photo gets its own, and contradictions are refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pycolmap
import pytest

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.cameras import CameraGrouping, CameraOptions, FocalSource, group_cameras

LENS = "1 OPENCV 640 480 500 501 320 240 -0.1 0.01 0 0"


def images(*names: str, size: tuple[int, int] = (640, 480)) -> list[ImageFile]:
    return [ImageFile(name, Path("/photos") / name, *size) for name in names]


def grouped(file: Path, *names: str, **options: Any) -> CameraGrouping:
    return group_cameras(images(*names), CameraOptions(file=file, **options))


def models(grouping: CameraGrouping) -> list[tuple[str, tuple[str, ...]]]:
    return [(camera.model, camera.image_names) for camera in grouping.cameras]


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# COLMAP\n" + "".join(f"{line}\n" for line in lines), "utf-8")
    return path


def transforms(path: Path, frames: list[Mapping[str, Any]], **values: Any) -> Path:
    path.write_text(json.dumps({**values, "frames": frames}), "utf-8")
    return path


def test_one_camera_in_a_file_is_that_of_all_photos_and_stays_fixed(tmp_path: Path) -> None:
    grouping = grouped(written(tmp_path / "cameras.txt", LENS), "a.jpg", "b/c.jpg")

    (camera,) = grouping.cameras
    assert camera.model == "OPENCV"
    assert camera.params == (500, 501, 320, 240, -0.1, 0.01, 0, 0)
    assert camera.image_names == ("a.jpg", "b/c.jpg")
    assert camera.is_fixed
    assert camera.has_prior_focal_length
    assert camera.focal_source is FocalSource.GIVEN
    assert grouping.reason == f"2 photos have one camera given in {tmp_path / 'cameras.txt'}"


def test_given_intrinsics_may_be_refined_all_the_same(tmp_path: Path) -> None:
    file = written(tmp_path / "cameras.txt", LENS)

    assert not grouped(file, "a.jpg", refine_intrinsics=True).cameras[0].is_fixed


@pytest.mark.parametrize("suffix", ["txt", "bin"])
def test_colmaps_images_say_which_photo_has_which_camera(tmp_path: Path, suffix: str) -> None:
    """Names may have spaces, and images no points; a photo that is not named falls back to EXIF, with a note."""
    model = pycolmap.Reconstruction()
    cameras = (("PINHOLE", [500.0, 500, 320, 240]), ("OPENCV_FISHEYE", [300.0, 300, 320, 240, 0.1, 0, 0, 0]))
    for number, (name, params) in enumerate(cameras, 1):
        camera = pycolmap.Camera(model=name, width=640, height=480, params=params, camera_id=number)
        model.add_camera_with_trivial_rig(camera)
    for number, name in enumerate(("a b.jpg", "sub/c.jpg", "d.jpg"), 1):
        image = pycolmap.Image(name=name, camera_id=1 + number % 2, image_id=number)
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    model.write_text(tmp_path) if suffix == "txt" else model.write_binary(tmp_path)

    grouping = grouped(tmp_path, "a b.jpg", "d.jpg", "other.jpg", "sub/c.jpg")
    assert models(grouping) == [
        ("OPENCV_FISHEYE", ("a b.jpg", "d.jpg")),
        ("SIMPLE_RADIAL", ("other.jpg",)),
        ("PINHOLE", ("sub/c.jpg",)),
    ]
    assert "the others are not in it: 1 photo has one camera" in grouping.reason
    assert grouping.cameras[1].focal_source is FocalSource.DEFAULT


def test_a_camera_in_a_subfolder_is_that_of_its_photos(tmp_path: Path) -> None:
    """The nearest counts, and hidden folders do not."""
    written(tmp_path / "cameras.txt", LENS)
    written(tmp_path / "left" / "cameras.txt", "1 PINHOLE 640 480 700 700 320 240")
    written(tmp_path / ".right" / "cameras.txt", "1 PINHOLE 640 480 900 900 320 240")

    assert models(grouped(tmp_path, "a.jpg", "left/b.jpg", "left/more/c.jpg", "leftover/d.jpg")) == [
        ("OPENCV", ("a.jpg", "leftover/d.jpg")),
        ("PINHOLE", ("left/b.jpg", "left/more/c.jpg")),
    ]


def test_several_cameras_without_images_go_by_size(tmp_path: Path) -> None:
    file = written(tmp_path / "cameras.txt", LENS, "2 PINHOLE 480 640 500 500 240 320")
    photos = [*images("a.jpg"), *images("b.jpg", size=(480, 640))]

    assert models(group_cameras(photos, CameraOptions(file=file))) == [("OPENCV", ("a.jpg",)), ("PINHOLE", ("b.jpg",))]


def test_a_workspace_gives_the_cameras_of_its_best_model(tmp_path: Path) -> None:
    written(tmp_path / "sparse" / "0" / "cameras.txt", LENS)
    written(tmp_path / "sparse" / "1" / "cameras.txt", "1 PINHOLE 640 480 900 900 320 240")

    assert models(grouped(tmp_path, "a.jpg")) == [("OPENCV", ("a.jpg",))]


@pytest.mark.parametrize(
    ("values", "model", "params"),
    [
        ({"fl_x": 500, "fl_y": 510, "cx": 321, "cy": 242}, "PINHOLE", (500, 510, 321, 242)),
        ({"fl_x": 500, "w": 640, "h": 480}, "PINHOLE", (500, 500, 320, 240)),
        ({"camera_angle_x": 2 * math.atan(0.5), "w": 640, "h": 480}, "PINHOLE", (640, 640, 320, 240)),
        (
            {"fl_x": 500, "cx": 320, "cy": 240, "k1": -0.1, "k2": 0.02, "p1": 0.001, "p2": 0.002},
            "OPENCV",
            (500, 500, 320, 240, -0.1, 0.02, 0.001, 0.002),
        ),
        (
            {"fl_x": 500, "cx": 320, "cy": 240, "k1": -0.1, "k3": 0.03},
            "FULL_OPENCV",
            (500, 500, 320, 240, -0.1, 0, 0, 0, 0.03, 0, 0, 0),
        ),
        (
            {"fl_x": 300, "cx": 320, "cy": 240, "camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k4": 0.04},
            "OPENCV_FISHEYE",
            (300, 300, 320, 240, 0.1, 0, 0, 0.04),
        ),
    ],
)
def test_transforms_become_colmaps_cameras(
    tmp_path: Path, values: dict[str, Any], model: str, params: tuple[float, ...]
) -> None:
    """Its principal points are COLMAP's as they stand: nerfstudio adds half a pixel to a pixel's number as well."""
    file = transforms(tmp_path / "transforms.json", [{"file_path": "images/a.jpg"}], **values)

    (camera,) = grouped(file, "a.jpg").cameras
    assert camera.model == model
    assert camera.params == pytest.approx(params)


def test_frames_of_one_lens_share_a_camera_and_may_have_their_own(tmp_path: Path) -> None:
    own = {"file_path": "./images/c", "fl_x": 700}
    frames = [{"file_path": "./images/a"}, {"file_path": "./images/b.jpg"}, own]
    file = transforms(tmp_path / "transforms.json", frames, fl_x=500, cx=320, cy=240)

    grouping = grouped(file, "a.jpg", "b.jpg", "c.jpg")
    assert [(camera.params[0], camera.image_names) for camera in grouping.cameras] == [
        (500, ("a.jpg", "b.jpg")),
        (700, ("c.jpg",)),
    ]


def test_what_a_model_exported_for_nerfstudio_comes_back(tmp_path: Path, synthetic_model: Any) -> None:
    """Our own exporter writes the other way."""
    from recon.output.nerfstudio import write_nerfstudio

    model = synthetic_model(images=4)
    write_nerfstudio(model, tmp_path / "out", None)
    camera = next(iter(model.cameras.values()))
    names = sorted(image.name for image in model.images.values())
    photos = images(*names, size=(camera.width, camera.height))

    (group, *rest) = group_cameras(photos, CameraOptions(file=tmp_path / "out")).cameras
    assert not rest
    assert group.params[:4] == pytest.approx(
        (camera.focal_length_x, camera.focal_length_y, camera.principal_point_x, camera.principal_point_y)
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "1 OPENCV 320 240 500 501 160 120 0 0 0 0",
            r"camera 1 of .* is for 320x240 pixels, and not for a\.jpg of 640x480",
        ),
        ("1 PINHOLE 480 640 500 501 240 320", "as it is shown upright"),
        ("1 PINHOLE 640 480 -500 501 320 240", "focal lengths above 0"),
        ("1 PINHOLE 640 480 nan 501 320 240", "must be finite"),
        ("1 PINHOLE 640 480 500 320 240", "has 3 values"),
        ("1 PINHOLE 640 480 500 500 3200 240", r"principal point at \(3200, 240\), outside a\.jpg"),
        ("1 PINHOL 640 480 500 500 320 240", r"no camera model named 'PINHOL'; did you mean"),
        ("1 PINHOLE 640", "line 2 is no camera"),
        ("one PINHOLE 640 480 500 500 320 240", "line 2 is no camera"),
        ("1 EQUIRECTANGULAR 640 480 1000 500", "a sphere of 1000x500"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        grouped(written(tmp_path / "cameras.txt", line), "a.jpg")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("no json", "no JSON"),
        ("[]", "no list of frames"),
        ('{"frames": []}', "no list of frames"),
        ('{"frames": [{"file_path": 3}]}', "no file_path"),
        ('{"frames": [{"file_path": "a.jpg"}]}', "neither fl_x nor camera_angle_x"),
        ('{"fl_x": "x", "frames": [{"file_path": "a.jpg"}]}', "has 'x' as fl_x"),
        ('{"fl_x": 500, "frames": [{"file_path": "a.jpg"}]}', "lacks w"),
        ('{"fl_x": 5, "cx": 1, "cy": 1, "k4": 1, "frames": [{"file_path": "a.jpg"}]}', "distortion k4"),
        ('{"fl_x": 5, "camera_model": "ORTHO", "frames": [{"file_path": "a.jpg"}]}', "ORTHO"),
        ('{"fl_x": 0, "cx": 1, "cy": 1, "frames": [{"file_path": "a.jpg"}]}', "focal lengths above 0"),
        (
            '{"fl_x": 500, "cx": 1, "cy": 1, "w": 320, "h": 240, "frames": [{"file_path": "a.jpg"}]}',
            "for 320x240 pixels",
        ),
    ],
)
def test_damaged_transforms_are_refused(tmp_path: Path, document: str, message: str) -> None:
    (tmp_path / "transforms.json").write_text(document)

    with pytest.raises(UsageError, match=message):
        grouped(tmp_path, "a.jpg")


def test_a_damaged_binary_file_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\xff" * 40, (1).to_bytes(8, "little") + b"\1\0\0\0\x63\0\0\0" + bytes(16)):
        (tmp_path / "cameras.bin").write_bytes(content)
        with pytest.raises(UsageError) as error:
            grouped(tmp_path, "a.jpg")
        assert error.value.code is Cause.CORRUPT_FILE


def test_a_file_that_knows_none_of_the_photos_is_refused(tmp_path: Path) -> None:
    file = transforms(tmp_path / "transforms.json", [{"file_path": "x.jpg"}], fl_x=500, cx=320, cy=240)

    with pytest.raises(UsageError, match=r"a camera for none of the photos: it does not know a\.jpg"):
        grouped(file, "a.jpg")


def test_a_name_that_fits_two_photos_is_refused(tmp_path: Path) -> None:
    file = transforms(tmp_path / "transforms.json", [{"file_path": "a.jpg"}], fl_x=500, cx=320, cy=240)

    with pytest.raises(UsageError, match=r"a\.jpg may be left/a\.jpg or right/a\.jpg"):
        grouped(file, "left/a.jpg", "right/a.jpg")


def test_a_photo_without_camera_in_images_of_unknown_cameras_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "cameras.txt", LENS)
    written(tmp_path / "images.txt", "1 1 0 0 0 0 0 0 7 a.jpg", "")

    with pytest.raises(UsageError, match=r"a\.jpg has camera 7, which cameras\.txt does not have"):
        grouped(tmp_path, "a.jpg")


def test_two_cameras_of_one_size_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"2 cameras, 2 of them of 640x480 pixels"):
        grouped(written(tmp_path / "cameras.txt", LENS, LENS.replace("1 ", "2 ", 1)), "a.jpg")


def test_parameters_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    file = written(tmp_path / "cameras.txt", LENS)

    with pytest.raises(UsageError, match="both give the intrinsics"):
        grouped(file, "a.jpg", params=(1.0, 2.0, 3.0, 4.0))


@pytest.mark.parametrize("what", ["nothing", "empty"])
def test_nothing_to_read_is_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError) as error:
        grouped(tmp_path / what, "a.jpg")
    assert error.value.code is Cause.MISSING_FILE
