"""`sift` finds keypoints where they are, in any picture, within its budget and its mask."""

from __future__ import annotations

import numpy as np
import pytest
from recon_plugins.sift import SiftExtractor, SiftOptions, recon_feature_extractors

from recon import Image, RunContext
from recon.testing import FeatureExtractorContract, blank_image, check_features, textured_image

(SPEC,) = recon_feature_extractors()
ENLARGE = ("auto", "always", "never")


class TestEnlarged(FeatureExtractorContract):
    spec = SPEC
    options = {"enlarge": "always"}  # noqa: RUF012 - as the contract declares it


class TestNotEnlarged(FeatureExtractorContract):
    spec = SPEC
    options = {"enlarge": "never"}  # noqa: RUF012 - as the contract declares it


class TestUpright(FeatureExtractorContract):
    spec = SPEC
    options = {"upright": True}  # noqa: RUF012 - as the contract declares it


def extract(image, threads=1, **options):
    return SPEC.create(SiftOptions(**options), RunContext(threads=threads)).extract(image)


def turned_upside_down(image):
    return Image(image.name, np.ascontiguousarray(image.pixels[::-1, ::-1]))


def dot(center, size, radius_px=6.0):
    """Return a grey picture with one bright round spot."""
    rows, columns = np.indices(size[::-1])
    squared = (columns + 0.5 - center[0]) ** 2 + (rows + 0.5 - center[1]) ** 2
    values = 60 + 150 * np.exp(-squared / (2 * radius_px**2))
    return Image("dot.png", np.repeat(np.round(values).astype(np.uint8)[:, :, None], 3, axis=2))


def nearest_rows(found, wanted):
    """Return the row of `found` that is nearest to each of `wanted`, and the offsets."""
    offsets = found[None] - wanted[:, None]
    rows = np.linalg.norm(offsets, axis=2).argmin(axis=1)
    return rows, offsets[np.arange(len(wanted)), rows]


@pytest.mark.parametrize("enlarge", ENLARGE)
@pytest.mark.parametrize("size", [(320, 240), (321, 241), (322, 243)])
def test_turning_the_image_turns_the_keypoints(enlarge, size):
    """Upside down, x becomes width - x: half a pixel of bias would show as one."""
    image = textured_image(*size)
    upright = extract(image, enlarge=enlarge)
    turned = extract(turned_upside_down(image), enlarge=enlarge)

    rows, offsets = nearest_rows(turned.keypoints, np.array(size) - upright.keypoints)
    is_found = np.linalg.norm(offsets, axis=1) < 1
    assert is_found.mean() > 0.9
    assert np.abs(np.median(offsets[is_found], axis=0)).max() < 0.02
    assert np.median(np.linalg.norm(offsets[is_found], axis=1)) < 0.1
    cosines = (upright.descriptors[is_found] * turned.descriptors[rows[is_found]]).sum(axis=1)
    assert np.median(cosines) > 0.95, "descriptors do not turn with the image"


def test_upright_descriptors_do_not_turn_with_the_image():
    """That is their price, and what tells them from each other on level photos."""
    image = textured_image()
    upright = extract(image, upright=True)
    turned = extract(turned_upside_down(image), upright=True)

    rows, _ = nearest_rows(turned.keypoints, np.array(image.size) - upright.keypoints)
    assert np.median((upright.descriptors * turned.descriptors[rows]).sum(axis=1)) < 0.9
    assert not upright.orientations_rad.any()


def test_upright_keypoints_are_no_copies_of_each_other():
    """SIFT gives a place two keypoints where two directions are strong; without directions they are one."""
    features = extract(textured_image(), upright=True)

    places = np.column_stack([features.keypoints, features.scales_px])
    assert len(np.unique(places, axis=0)) == len(features)


@pytest.mark.parametrize("enlarge", ENLARGE)
@pytest.mark.parametrize(
    ("center", "size"), [((80.5, 60.5), (161, 121)), ((80, 60), (160, 120)), ((70.3, 61.8), (163, 125))]
)
def test_the_middle_of_the_first_pixel_is_at_one_half(enlarge, center, size):
    """A spot in the exact middle is at half of the width, whether that is a pixel or a border of two."""
    features = extract(dot(center, size), enlarge=enlarge)

    _, offsets = nearest_rows(features.keypoints, np.array([center]))
    assert np.abs(offsets).max() < 0.05


def test_scales_are_radii_in_pixels_of_the_image():
    """A spot of twice the radius has twice the scale, however much the photo was enlarged."""
    center, size = (100.0, 100.0), (200, 200)
    scales_px = {}
    for enlarge in ("always", "never"):
        for radius_px in (5.0, 10.0):
            features = extract(dot(center, size, radius_px), enlarge=enlarge)
            (row,), _ = nearest_rows(features.keypoints, np.array([center]))
            scales_px[enlarge, radius_px] = features.scales_px[row]

    assert scales_px["always", 10] / scales_px["always", 5] == pytest.approx(2, rel=0.1)
    assert scales_px["never", 10] / scales_px["always", 10] == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("enlarge", ENLARGE)
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3000, 1), (1, 3000), (3000, 4), (6, 2000), (4000, 25)])
def test_tiny_and_narrow_images_are_taken(enlarge, size):
    image = textured_image(*size)

    check_features(extract(image, enlarge=enlarge), image)


def test_an_image_without_keypoints_has_empty_descriptors_of_the_usual_length():
    """Whoever stacks the descriptors of all photos needs no special case."""
    assert extract(blank_image(128)).descriptors.shape == (0, 128)


@pytest.mark.parametrize("max_keypoints", [1, 7, 100])
def test_the_budget_is_used_up_and_not_exceeded(max_keypoints):
    assert len(extract(textured_image(), max_keypoints=max_keypoints)) == max_keypoints


def test_keypoints_are_spread_where_the_budget_is_small():
    """The strongest of all crowd on the half with the higher contrast, and leave the pose to one side."""
    image = textured_image(400, 300)
    pixels = image.pixels.copy()
    pixels[:, :200] = 128 + (pixels[:, :200].astype(int) - 128) // 3
    is_left = extract(Image("uneven.png", pixels), max_keypoints=200).keypoints[:, 0] < 200

    assert 0.35 < is_left.mean() < 0.65


def test_no_keypoint_lies_where_the_mask_is_zero():
    """0 = ignore; the rest is as without a mask, for the whole budget."""
    image = textured_image()
    mask = np.zeros(image.pixels.shape[:2], np.uint8)
    mask[50:200, 31:170] = 255
    features = extract(Image(image.name, image.pixels, mask))

    unmasked = extract(image).keypoints
    columns, rows = unmasked.astype(int).T
    assert len(features) > 50
    assert set(map(tuple, features.keypoints)) == set(map(tuple, unmasked[mask[rows, columns] > 0]))


def test_a_mask_of_zeros_leaves_nothing():
    image = textured_image()

    assert len(extract(Image(image.name, image.pixels, np.zeros((240, 320), np.uint8)))) == 0


def test_a_photo_is_enlarged_only_where_it_has_too_few_keypoints():
    image = textured_image()
    always, never = (extract(image, enlarge=enlarge) for enlarge in ("always", "never"))

    assert len(always) > 1.5 * len(never)
    assert len(extract(image)) == len(always)
    few = {"max_keypoints": len(never)}
    assert np.array_equal(extract(image, **few).keypoints, extract(image, enlarge="never", **few).keypoints)


def test_descriptors_are_roots_of_histograms():
    """RootSIFT: no negative value, and length 1 without another division."""
    descriptors = extract(textured_image()).descriptors

    assert (descriptors >= 0).all()
    assert np.abs(np.linalg.norm(descriptors, axis=1) - 1).max() < 1e-5


def test_the_number_of_threads_changes_nothing():
    """A run resumed on another machine meets the features of the first."""
    image = textured_image(800, 600)
    one, four = extract(image, threads=1), extract(image, threads=4)

    for field in ("keypoints", "descriptors", "scores", "scales_px", "orientations_rad"):
        assert np.array_equal(getattr(one, field), getattr(four, field)), field


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("max_keypoints", (0, -1)),
        ("contrast_threshold", (0.0, -0.1)),
        ("edge_threshold", (0.0, -10.0)),
        ("sigma", (0.0, -1.6)),
        ("octave_layers", (0, 11)),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(option, values):
    for value in values:
        with pytest.raises(ValueError, match=option):
            SiftOptions(**{option: value})


def test_the_component_is_what_the_spec_promises():
    assert isinstance(SPEC.create(SiftOptions(), RunContext()), SiftExtractor)
    assert SPEC.position_tolerance_px == 0.1
