"""Each photo finds its mask, whatever convention named it, and a mask that cannot be meant is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.images import ImageListing, list_images
from recon.matching.masks import report_masks, with_masks

Make = Callable[..., Any]


@pytest.fixture
def mask(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a mask whose left part is ignored."""

    def write(name: str, width: int = 96, height: int = 64, ignored: float = 0.25, folder: str = "masks") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.full((height, width), 255, np.uint8)
        values[:, : round(width * ignored)] = 0
        PillowImage.fromarray(values).save(path)
        return path

    return write


def listed(tmp_path: Path, masks: str = "masks") -> ImageListing:
    photos = tmp_path / "photos"
    return with_masks(list_images(photos), photos, tmp_path / masks)


def masks_of(listing: ImageListing) -> dict[str, str | None]:
    return {image.name: None if image.mask is None else image.mask.path.name for image in listing.images}


@pytest.mark.parametrize(
    "name", ["a/photo.jpg.png", "a/photo.png", "a/photo.tif", "a/photo.jpg", "a/photo_mask.png", "a/PHOTO.JPG.png"]
)
def test_every_common_name_is_found(tmp_path: Path, photo: Make, mask: Make, name: str) -> None:
    photo("a/photo.jpg")
    photo("photo.jpg")
    mask(name)

    assert masks_of(listed(tmp_path)) == {"a/photo.jpg": Path(name).name, "photo.jpg": None}


def test_colmaps_name_goes_first(tmp_path: Path, photo: Make, mask: Make) -> None:
    """`photo.png` may belong to `photo.tif`."""
    photo("photo.jpg")
    mask("photo.png")
    mask("photo.jpg.png")

    assert masks_of(listed(tmp_path)) == {"photo.jpg": "photo.jpg.png"}


@pytest.mark.parametrize("place", ["photos", "photos/masks"])
def test_masks_among_the_photos_are_no_photos(tmp_path: Path, photo: Make, mask: Make, place: str) -> None:
    photo("photo.jpg")
    photo("other.png")
    mask("photo.jpg.png", folder=place)
    mask("other.png.png", folder=place)

    assert masks_of(listed(tmp_path, place)) == {"other.png": "other.png.png", "photo.jpg": "photo.jpg.png"}


def test_photos_of_one_stem_are_not_each_others_masks(tmp_path: Path, photo: Make, mask: Make) -> None:
    photo("photo.jpg")
    photo("photo.png")
    mask("photo.jpg.png", folder="photos")

    assert masks_of(listed(tmp_path, "photos")) == {"photo.jpg": "photo.jpg.png", "photo.png": None}


@pytest.mark.parametrize(("size", "is_upright"), [((96, 64), False), ((64, 96), True), ((32, 48), True)])
def test_the_upright_size_of_a_turned_photo_is_taken_too(
    tmp_path: Path, photo: Make, exif: Make, mask: Make, size: tuple[int, int], is_upright: bool
) -> None:
    photo("photo.jpg", exif=exif(orientation=6))
    mask("photo.png", *size)

    (image,) = listed(tmp_path).images
    assert image.mask is not None
    assert image.mask.is_upright == is_upright


@pytest.mark.parametrize("orientation", [1, 3])
def test_a_mask_of_another_shape_is_refused_by_name(
    tmp_path: Path, photo: Make, exif: Make, mask: Make, orientation: int
) -> None:
    photo("photo.jpg", exif=exif(orientation=orientation))
    mask("photo.png", 64, 96)

    with pytest.raises(UsageError, match=r"photo\.png has 64x96 pixels, and photo\.jpg has 96x64") as error:
        listed(tmp_path)
    assert error.value.code is Cause.BAD_VALUE


def test_names_that_match_nothing_are_refused_with_the_expected_ones(tmp_path: Path, photo: Make, mask: Make) -> None:
    photo("a/photo.jpg")
    mask("photo.png")

    with pytest.raises(UsageError, match=r"none of the 1 pictures .* a/photo\.jpg\.png or a/photo\.png"):
        listed(tmp_path)


def test_an_empty_and_a_missing_folder_are_refused(tmp_path: Path, photo: Make) -> None:
    photo("photo.jpg")
    (tmp_path / "masks").mkdir()

    with pytest.raises(UsageError, match="holds no picture"):
        listed(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        listed(tmp_path, "elsewhere")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_refused_by_name(tmp_path: Path, photo: Make, content: bytes) -> None:
    photo("photo.jpg")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "photo.png").write_bytes(content)

    with pytest.raises(UsageError, match=r"photo\.png cannot be read") as error:
        listed(tmp_path)
    assert error.value.code is Cause.CORRUPT_FILE


def test_a_link_is_a_file_and_a_linked_folder_is_passed_over(tmp_path: Path, photo: Make, mask: Make) -> None:
    """A link to a folder could lead anywhere, or in circles."""
    photo("a/photo.jpg")
    photo("b/photo.jpg")
    real = mask("photo.png", folder="real")
    (tmp_path / "masks" / "a").mkdir(parents=True)
    (tmp_path / "masks" / "a" / "photo.png").symlink_to(real)
    (tmp_path / "masks" / "b").symlink_to(real.parent)

    assert masks_of(listed(tmp_path)) == {"a/photo.jpg": "photo.png", "b/photo.jpg": None}


def test_a_changed_mask_changes_what_is_seen_of_its_photo_only(tmp_path: Path, photo: Make, mask: Make) -> None:
    photo("a.jpg")
    photo("b.jpg", seed=1)
    mask("a.png")
    mask("b.png")
    before = {image.name: image.shown for image in listed(tmp_path).images}
    mask("a.png", ignored=0.5)
    after = {image.name: image.shown for image in listed(tmp_path).images}

    assert before["a.jpg"] != after["a.jpg"]
    assert before["b.jpg"] == after["b.jpg"]


def test_without_masks_keys_stay_what_they_were() -> None:
    """Results kept by an earlier version are found again."""
    assert ImageFile("a.jpg", Path("a.jpg"), 10, 10, digest="d").shown == ("d", 1)


def test_the_report_says_what_0_means_and_how_much_is_masked(tmp_path: Path, photo: Make, mask: Make) -> None:
    for name in ("a", "b", "c"):
        photo(f"{name}.jpg")
    mask("a.png")
    mask("b.png", 192, 128, ignored=0.75)

    report = report_masks(listed(tmp_path).images)
    assert report.summary == (
        "masks: 0 = ignored; 50% of the pixels of 2 photos are masked; 1 photo has no mask (c.jpg); "
        "1 of another size than the photo are resized (b.jpg)"
    )
    assert report.warnings == ()


def test_masks_that_leave_nothing_are_suspected_to_mean_the_opposite(tmp_path: Path, photo: Make, mask: Make) -> None:
    photo("a.jpg")
    photo("b.jpg")
    mask("a.png", ignored=1)
    mask("b.png", ignored=0.97)

    opposite, empty = report_masks(listed(tmp_path).images).warnings
    assert "invert the masks" in opposite
    assert "1 photo ignore every pixel (a.jpg)" in empty
