"""Intrinsics to begin with: COLMAP's parameters, and where each focal length came from."""

from __future__ import annotations

import math
from pathlib import Path

import pycolmap
import pytest

from recon import Cause, Exif, ImageFile, UsageError
from recon.matching.cameras import CameraOptions, FocalSource, Grouping, group_cameras
from recon.matching.images import list_images

ALL_MODELS = sorted(set(pycolmap.CameraModelId.__members__) - {"INVALID"})


def _image(name="a.jpg", size=(640, 480), **exif):
    return ImageFile(name, Path(name), *size, exif=Exif(**exif))


def _camera(image=None, **options):
    (camera,) = group_cameras([image or _image()], CameraOptions(**options)).cameras
    return camera


def test_without_exif_the_focal_length_is_assumed_and_said_to_be():
    camera = _camera()

    assert (camera.model, camera.width, camera.height) == ("SIMPLE_RADIAL", 640, 480)
    assert camera.params == (768.0, 320.0, 240.0, 0.0)
    assert camera.focal_source is FocalSource.DEFAULT
    assert not camera.has_prior_focal_length
    assert not camera.is_fixed
    assert "assumed to be 1.2 x the longer side" in camera.describe()


def test_the_35_mm_equivalent_is_measured_along_the_diagonal():
    """As COLMAP and CIPA do: a 43.27 mm lens sees the diagonal of 35 mm film as its focal length."""
    camera = _camera(_image(focal_length_35mm_mm=43.27))

    assert camera.params[0] == pytest.approx(math.hypot(640, 480))
    assert camera.focal_source is FocalSource.EXIF_35MM
    assert camera.has_prior_focal_length


def test_colmaps_sensor_table_is_asked_where_there_is_no_equivalent():
    """A Canon EOS 10D's sensor is 22.7 mm wide."""
    camera = _camera(_image(make="Canon", model="Canon EOS 10D", focal_length_mm=22.7))

    assert camera.params[0] == pytest.approx(640, rel=1e-3)
    assert camera.focal_source is FocalSource.EXIF_SENSOR_TABLE
    assert camera.has_prior_focal_length


@pytest.mark.parametrize(
    "exif",
    [
        {"make": "Nobody", "model": "Camera that is in no table", "focal_length_mm": 20.0},
        {"model": "Canon EOS 10D", "focal_length_mm": 20.0},
        {"make": "Canon", "model": "Canon EOS 10D"},
        {"focal_length_35mm_mm": 1.0},
        {"focal_length_35mm_mm": 65535.0},
        {"make": "Canon", "model": "Canon EOS 10D", "focal_length_mm": 0.01},
    ],
)
def test_what_exif_does_not_say_or_cannot_mean_is_assumed(exif):
    assert _camera(_image(**exif)).focal_source is FocalSource.DEFAULT


def test_an_impossible_equivalent_gives_way_to_the_sensor_table():
    exif = {"make": "Canon", "model": "Canon EOS 10D", "focal_length_mm": 22.7, "focal_length_35mm_mm": 1.0}

    assert _camera(_image(**exif)).focal_source is FocalSource.EXIF_SENSOR_TABLE


def test_photos_told_to_share_a_camera_take_the_median_focal_length():
    images = [_image(str(focal), focal_length_35mm_mm=float(focal)) for focal in (28, 200, 30)]

    (camera,) = group_cameras([_image("none"), *images], CameraOptions(grouping=Grouping.SINGLE)).cameras

    assert camera.params[0] == pytest.approx(30 / 43.27 * 800)
    assert camera.image_names == ("none", "28", "200", "30")


def test_cameras_are_numbered_from_one_by_their_first_photo():
    cameras = group_cameras([_image("a"), _image("b", (480, 640)), _image("c")], CameraOptions()).cameras

    assert [(camera.camera_id, camera.image_names) for camera in cameras] == [(1, ("a",)), (2, ("b",)), (3, ("c",))]


@pytest.mark.parametrize("model", ALL_MODELS)
def test_every_model_of_colmaps_begins_in_the_middle_of_the_photo(model):
    camera = _camera(_image(size=(640, 320)), model=model.lower())

    assert camera.model == model
    made = pycolmap.Camera(model=model, width=640, height=320, params=list(camera.params))
    assert made.verify_params()
    if not made.is_spherical():
        assert (made.principal_point_x, made.principal_point_y) == (320, 160)
        expected = 768 if camera.focal_source is FocalSource.DEFAULT else math.hypot(640, 320) / 2.9
        assert made.mean_focal_length() == pytest.approx(expected)
    assert camera.describe()


def test_exif_tells_the_focal_length_of_a_fisheye_too():
    camera = _camera(_image(focal_length_35mm_mm=15), model="OPENCV_FISHEYE")

    assert camera.params[:2] == pytest.approx([15 / 43.27 * math.hypot(640, 480)] * 2)
    assert camera.focal_source is FocalSource.EXIF_35MM


def test_a_fisheye_without_exif_is_taken_for_a_wide_one_and_said_to_be():
    """From 1.2 x the longer side nothing is found: that is a telephoto lens."""
    camera = _camera(model="OPENCV_FISHEYE")

    assert camera.focal_source is FocalSource.FISHEYE_DEFAULT
    assert camera.has_prior_focal_length
    assert not camera.is_fixed
    assert "a fisheye of 166 degrees" in camera.describe()


def test_a_picture_that_is_no_whole_sphere_is_refused():
    with pytest.raises(UsageError, match=r"a\.jpg has 640x480 pixels, .* twice as wide as high"):
        _camera(model="EQUIRECTANGULAR")


def test_a_makers_long_name_is_found_in_the_table_of_sensors():
    """The table says NIKON."""
    camera = _camera(_image(make="NIKON CORPORATION", model="NIKON D60", focal_length_mm=23.6))

    assert camera.params[0] == pytest.approx(640, rel=1e-3)


def test_no_photos_have_no_cameras():
    assert group_cameras([], CameraOptions()).cameras == ()


class TestGivenParameters:
    """`--camera-model` and `--camera-params`."""

    PINHOLE = (700.0, 710.0, 321.5, 239.5)

    def test_they_are_kept_in_colmaps_order_and_fixed(self):
        camera = _camera(model="PINHOLE", params=self.PINHOLE)

        assert (camera.model, camera.params, camera.is_fixed) == ("PINHOLE", self.PINHOLE, True)
        assert camera.focal_source is FocalSource.GIVEN
        assert camera.has_prior_focal_length

    def test_they_beat_exif(self):
        assert _camera(_image(focal_length_35mm_mm=35.0), params=(700.0, 320.0, 240.0, 0.1)).params[0] == 700

    def test_without_a_model_they_are_the_default_models(self):
        assert _camera(params=(700.0, 320.0, 240.0, 0.1)).model == "SIMPLE_RADIAL"

    def test_they_may_be_refined_when_told(self):
        assert not _camera(model="PINHOLE", params=self.PINHOLE, refine_intrinsics=True).is_fixed

    def test_what_was_not_given_may_be_fixed_when_told(self):
        assert _camera(refine_intrinsics=False).is_fixed

    @pytest.mark.parametrize("params", [(), (700.0, 320.0, 240.0), (700.0,) * 5])
    def test_another_number_of_them_is_wrong_usage(self, params):
        with pytest.raises(UsageError, match=r"PINHOLE takes 4: fx,fy,cx,cy") as caught:
            _camera(model="PINHOLE", params=params)
        assert (caught.value.code, caught.value.exit_status) == (Cause.BAD_VALUE, 2)

    @pytest.mark.parametrize(
        "params",
        [(0.0, 1.0, 320.0, 240.0), (-700.0, 700.0, 320.0, 240.0), (700.0, math.nan, 1, 1), (1, 1, math.inf, 1)],
    )
    def test_numbers_that_no_camera_has_are_wrong_usage(self, params):
        with pytest.raises(UsageError, match="finite"):
            _camera(model="PINHOLE", params=params)

    def test_parameters_of_a_photo_of_another_size_are_wrong_usage(self):
        """Such as those of a photo that was then made smaller, or turned."""
        with pytest.raises(UsageError, match=r"outside a.jpg of 640x480"):
            _camera(model="PINHOLE", params=(3000.0, 3000.0, 1520.7, 1006.8))

    @pytest.mark.parametrize(("name", "meant"), [("PINHOL", "PINHOLE"), ("simple_radal", "SIMPLE_RADIAL")])
    def test_an_unknown_model_brings_a_suggestion(self, name, meant):
        with pytest.raises(UsageError, match=f"did you mean '{meant}'") as caught:
            _camera(model=name)
        assert "OPENCV_FISHEYE" in caught.value.try_

    def test_invalid_is_no_model(self):
        with pytest.raises(UsageError):
            _camera(model="INVALID")


def _real_cameras(photo_set, name):
    images = list_images(photo_set(name) / "images").images
    return group_cameras(images, CameraOptions())


@pytest.mark.photos
@pytest.mark.parametrize("name", ["lund_door", "berlin", "cyprus"])
def test_focal_lengths_agree_with_colmaps(photo_set, name):
    folder = photo_set(name) / "images"

    for camera in _real_cameras(photo_set, name).cameras:
        theirs = pycolmap.Bitmap.read(folder / camera.image_names[0], as_rgb=True).exif_focal_length()
        assert camera.params[0] == pytest.approx(theirs, rel=1e-3)
        assert camera.focal_source is FocalSource.EXIF_35MM


@pytest.mark.photos
@pytest.mark.parametrize(
    ("name", "num_photos"),
    [
        ("lund_door", [12]),
        ("berlin", [3]),
        ("lund_walk", [29]),
        ("fox", [50]),
        ("bonsai", [252]),
        ("cyprus", [9, 1]),
        ("alamo4", [1] * 4),
        ("reichstag", [1] * 10),
        ("five_places", [1] * 13),
    ],
)
def test_real_photos_share_the_cameras_that_took_them(photo_set, name, num_photos):
    """cyprus has one portrait photo of the same camera, turned by a program that reset its orientation."""
    grouping = _real_cameras(photo_set, name)

    assert [len(camera.image_names) for camera in grouping.cameras] == num_photos
    assert grouping.describe()[0] == grouping.reason
    assert len(grouping.describe()) > 1


@pytest.mark.photos
def test_three_of_alamo4s_cameras_are_known_by_their_sensors_alone(photo_set):
    sources = [camera.focal_source for camera in _real_cameras(photo_set, "alamo4").cameras]

    assert sources.count(FocalSource.EXIF_SENSOR_TABLE) == 3
    assert sources.count(FocalSource.EXIF_35MM) == 1
