"""A mask lies on the photo pixel for pixel, however both are stored, and nothing found on it is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from recon.core.data import Features, Image, ImagePair, MaskFile, PairPositions
from recon.core.errors import Cause, UsageError
from recon.matching.extraction import in_sensor_pixels
from recon.matching.image_pairs import find_positions
from recon.matching.images import list_images, load_image
from recon.matching.mask_pixels import load_mask, without_masked
from recon.matching.masks import with_masks
from recon.testing.samples import image_file

Make = Callable[..., Any]
HALF = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1).repeat(8, axis=0)
"""(8, 16): the left half is ignored."""


def written(picture: PillowImage.Image, path: Path) -> MaskFile:
    picture.save(path)
    return MaskFile(path, *picture.size, digest="")


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp", "jpg"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_zero_is_ignored_in_every_format(tmp_path: Path, suffix: str, mode: str) -> None:
    if suffix in ("jpg", "webp") and mode in ("1", "P"):
        mode = "L"
    mask = written(PillowImage.fromarray(HALF).convert(mode), tmp_path / f"mask.{suffix}")

    np.testing.assert_array_equal(load_mask(mask, (16, 8)), HALF)


@pytest.mark.parametrize("values", [(0, 1), (0, 65535), (0, 7)])
def test_any_other_value_is_kept(tmp_path: Path, values: tuple[int, int]) -> None:
    """Labels as segmentation programs write them, in 8 or 16 bits."""
    depth = np.uint8 if max(values) < 256 else np.uint16
    mask = written(PillowImage.fromarray(np.where(HALF, *values[::-1]).astype(depth)), tmp_path / "mask.png")

    np.testing.assert_array_equal(load_mask(mask, (16, 8)), HALF)


def test_what_is_transparent_is_ignored(tmp_path: Path) -> None:
    """A subject that was cut out."""
    colours = np.full((8, 16, 4), 200, np.uint8)
    colours[..., 3] = HALF

    np.testing.assert_array_equal(
        load_mask(written(PillowImage.fromarray(colours), tmp_path / "mask.png"), (16, 8)), HALF
    )


@given(width=st.integers(1, 40), height=st.integers(1, 40))
def test_a_resized_mask_ignores_the_same_half(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int
) -> None:
    mask = written(PillowImage.fromarray(HALF), tmp_path_factory.mktemp("mask") / "mask.png")

    resized = load_mask(mask, (width, height))
    assert resized.shape == (height, width)
    np.testing.assert_array_equal(resized[0] != 0, np.arange(width) + 0.5 >= width / 2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("max_size", [None, 48])
def test_the_mask_covers_the_same_part_of_a_turned_photo(
    tmp_path: Path, photo: Make, exif: Make, orientation: int, max_size: int | None
) -> None:
    """Sensor pixels of a corner are black in the photo and 0 in the mask; both are shown upright."""
    path = photo("photo.png", exif=exif(orientation=orientation))
    colours = np.full((64, 96, 3), 255, np.uint8)
    colours[:16, :32] = 0
    PillowImage.fromarray(colours).save(path, exif=exif(orientation=orientation))
    (tmp_path / "masks").mkdir()
    PillowImage.fromarray(colours[..., 0]).save(tmp_path / "masks" / "photo.png")

    (image,) = with_masks(list_images(tmp_path / "photos"), tmp_path / "photos", tmp_path / "masks").images
    seen = load_image(image, max_size)
    assert seen.mask is not None
    assert image.orientation == orientation
    np.testing.assert_array_equal(seen.mask, seen.pixels[..., 0])


def test_a_mask_that_is_upright_is_not_turned(tmp_path: Path, photo: Make, exif: Make) -> None:
    photo("photo.png", exif=exif(orientation=6))
    upright = np.full((96, 64), 255, np.uint8)
    upright[:48] = 0
    (tmp_path / "masks").mkdir()
    PillowImage.fromarray(upright).save(tmp_path / "masks" / "photo.png")

    (image,) = with_masks(list_images(tmp_path / "photos"), tmp_path / "photos", tmp_path / "masks").images
    np.testing.assert_array_equal(load_image(image, None).mask, upright)


def test_pixels_that_cannot_be_decoded_are_an_error_that_names_the_mask(tmp_path: Path) -> None:
    mask = written(
        PillowImage.fromarray(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8)), tmp_path / "m.png"
    )
    mask.path.write_bytes(mask.path.read_bytes()[:200])

    with pytest.raises(UsageError, match=r"m\.png cannot be read") as error:
        load_mask(mask, (64, 64))
    assert error.value.code is Cause.CORRUPT_FILE


def test_keypoints_of_an_extractor_that_knows_no_masks_are_dropped() -> None:
    """With everything that belongs to them, row for row."""
    seen = Image("a", np.zeros((8, 16, 3), np.uint8), HALF)
    keypoints = np.array([[1, 1], [7.99, 4], [8, 4], [15.9, 7.9], [16, 8]], np.float32)
    rows = np.arange(5, dtype=np.float32)
    found = Features(keypoints, rows[:, None].copy(), (16, 8), rows.copy(), rows.copy(), rows.copy())

    kept, colours = in_sensor_pixels(found, seen, image_file("a", (32, 16)))
    np.testing.assert_array_equal(kept.keypoints, keypoints[2:] * 2)
    np.testing.assert_array_equal(kept.descriptors[:, 0], [2, 3, 4])
    np.testing.assert_array_equal(kept.scores, [2, 3, 4])
    assert len(colours) == len(kept.scales_px) == len(kept.orientations_rad) == 3
    assert without_masked(found, None) is found


def test_positions_of_an_image_matcher_are_dropped_where_either_photo_is_masked() -> None:
    class Everywhere:
        def match_images(self, image1: Image, image2: Image) -> PairPositions:
            x = np.arange(16, dtype=np.float32)
            return PairPositions(
                np.column_stack([x, x / 4]), np.column_stack([x[::-1], x / 4]), np.ones(16, np.float32)
            )

    grey = np.zeros((8, 16, 3), np.uint8)
    masked, whole = Image("a", grey, HALF), Image("b", grey)
    pair = ImagePair("a", "b")

    assert find_positions(pair, masked, whole, Everywhere()).positions.xy1[:, 0].min() == 8
    assert find_positions(pair, whole, masked, Everywhere()).positions.xy2[:, 0].min() == 8
    assert len(find_positions(pair, masked, masked, Everywhere()).positions.xy1) == 0
