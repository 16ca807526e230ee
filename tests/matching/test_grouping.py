"""Who shares a camera with whom, and the sentence that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon import Exif, ImageFile, UsageError
from recon.matching.grouping import Grouping, share_cameras

D60 = Exif(make="NIKON", model="D60", lens="18-55 mm", focal_length_mm=29.0, focal_length_35mm_mm=43.0)


def _image(name, size=(640, 480), exif=D60, orientation=1):
    return ImageFile(name, Path(name), *size, orientation, exif=exif)


def _shared(images, grouping=Grouping.AUTO, has_given_params=False):
    shared = share_cameras(images, grouping, has_given_params=has_given_params)
    assert sorted(image.name for group in shared.groups for image in group) == sorted(it.name for it in images)
    assert shared.reason.startswith(f"{len(images)} photo")
    assert not shared.reason.endswith(".")
    return [[image.name for image in group] for group in shared.groups], shared.reason


def test_photos_of_equal_size_make_model_lens_and_focal_length_share_a_camera():
    groups, reason = _shared([_image("a"), _image("b"), _image("c")])

    assert groups == [["a", "b", "c"]]
    assert reason == "3 photos share one camera: same size, make, model, lens and focal length"


@pytest.mark.parametrize(
    "other",
    [
        _image("b", size=(480, 640)),
        _image("b", exif=Exif("CANON", "D60", "18-55 mm", 29.0, 43.0)),
        _image("b", exif=Exif("NIKON", "D90", "18-55 mm", 29.0, 43.0)),
        _image("b", exif=Exif("NIKON", "D60", "35 mm", 29.0, 43.0)),
        _image("b", exif=Exif("NIKON", "D60", "18-55 mm", 30.0, 43.0)),
        _image("b", exif=Exif("NIKON", "D60", None, 29.0, 43.0)),
        _image("b", exif=Exif()),
    ],
    ids=["size", "make", "model", "lens", "focal length", "no lens", "no EXIF"],
)
def test_a_photo_that_differs_in_one_of_them_has_its_own(other):
    assert _shared([_image("a"), other, _image("c")])[0] == [["a", "c"], ["b"]]


def test_a_lens_that_no_photo_names_keeps_no_photos_apart():
    """Older cameras and those with a fixed lens write none; apart, lund_door calibrates far worse."""
    no_lens = Exif("NIKON", "D60", None, 29.0, 43.0)

    groups, reason = _shared([_image("a", exif=no_lens), _image("b", exif=no_lens)])

    assert groups == [["a", "b"]]
    assert reason == "2 photos share one camera: same size, make, model and focal length (EXIF names no lens)"


def test_orientation_plays_no_part():
    """The sensor is the same, however the camera was held."""
    assert _shared([_image("a"), _image("b", orientation=6)])[0] == [["a", "b"]]


def test_without_exif_photos_of_one_size_share_a_camera():
    """The frames of a film."""
    groups, reason = _shared([_image("a", exif=Exif()), _image("b", exif=Exif(taken_at="2020:01:01 00:00:00"))])

    assert groups == [["a", "b"]]
    assert reason == "2 photos share one camera: none has EXIF, and all are of one size"


def test_without_exif_photos_of_different_sizes_have_a_camera_each():
    images = [_image("a", exif=Exif()), _image("b", exif=Exif()), _image("c", (480, 640), Exif())]

    groups, reason = _shared(images)

    assert groups == [["a"], ["b"], ["c"]]
    assert reason == "3 photos have a camera each: no EXIF, and of different sizes"


def test_a_set_without_make_and_model_but_of_one_lens_and_focal_length_shares_a_camera():
    """A phone's photos after a tool has cleaned them."""
    cleaned = Exif(focal_length_mm=4.28, focal_length_35mm_mm=35.0)

    assert _shared([_image("a", exif=cleaned), _image("b", exif=cleaned)])[0] == [["a", "b"]]


def test_a_set_without_make_and_model_and_of_several_focal_lengths_has_a_camera_each():
    exifs = [Exif(focal_length_mm=4.0), Exif(focal_length_mm=4.0), Exif(focal_length_mm=6.0)]

    groups, reason = _shared([_image(str(number), exif=exif) for number, exif in enumerate(exifs)])

    assert len(groups) == 3
    assert "EXIF lacks make, model or focal length" in reason


def test_a_mixed_set_says_who_has_its_own_and_why():
    images = [_image("a"), _image("b"), _image("c", exif=Exif()), _image("d", exif=Exif())]

    groups, reason = _shared(images)

    assert groups == [["a", "b"], ["c"], ["d"]]
    assert reason == "4 photos have 3 cameras, by what EXIF says; 2 photos have a camera each: without EXIF"


def test_one_photo_has_one_camera():
    assert _shared([_image("a", exif=Exif())]) == ([["a"]], "1 photo has one camera")


class TestAsTold:
    """`--single-camera`, `--camera-per-image`, `--camera-per-folder`."""

    IMAGES = (_image("x/a"), _image("x/b", exif=Exif()), _image("y/c"), _image("d"))

    def test_all_share_one(self):
        groups, reason = _shared(self.IMAGES, Grouping.SINGLE)

        assert groups == [["x/a", "x/b", "y/c", "d"]]
        assert reason == "4 photos share one camera, as told"

    def test_each_has_its_own(self):
        assert len(_shared(self.IMAGES, Grouping.PER_IMAGE)[0]) == 4

    def test_each_folder_has_one(self):
        groups, reason = _shared(self.IMAGES, Grouping.PER_FOLDER)

        assert groups == [["x/a", "x/b"], ["y/c"], ["d"]]
        assert reason == "4 photos have 3 cameras, one a folder, as told"

    @pytest.mark.parametrize("grouping", [Grouping.SINGLE, Grouping.PER_FOLDER])
    def test_different_sizes_cannot_share(self, grouping):
        with pytest.raises(UsageError, match="x/a has 640x480 pixels and x/b 480x640") as caught:
            share_cameras([_image("x/a"), _image("x/b", (480, 640))], grouping, has_given_params=False)
        assert "--image-list" in caught.value.try_

    def test_given_parameters_make_one_camera_of_each_size(self):
        images = [_image("a"), _image("b", exif=Exif()), _image("c", (480, 640))]

        assert _shared(images, has_given_params=True)[0] == [["a", "b"], ["c"]]
