"""A crop shows what its map says, where it says it, and keeps the best keypoints that fall into it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.learning.annotate import AnnotatedPhoto
from recon.learning.crops import MARGIN_PX, around, bent, crop, inside, jacobians, keypoints_in, mapped

SIZE = 64


@st.composite
def homographies(draw):
    """Return a map from a crop to a photo of some hundred pixels."""
    center = np.array([draw(st.floats(-50, 400)), draw(st.floats(-50, 400))])
    zoom, angle, seed = draw(st.floats(0.3, 4)), draw(st.floats(-4, 4)), draw(st.integers(0, 10_000))
    return around(center, zoom, angle, SIZE) @ bent(SIZE, draw(st.floats(0, 0.15)), np.random.default_rng(seed))


places = st.integers(0, 10_000).map(lambda seed: np.random.default_rng(seed).uniform(0, SIZE, (20, 2)))


@settings(max_examples=25, deadline=None)
@given(homographies(), places)
def test_the_inverse_map_brings_places_back(homography, positions):
    back = mapped(np.linalg.inv(homography), mapped(homography, positions))

    assert np.abs(back - positions).max() < 1e-6


@settings(max_examples=25, deadline=None)
@given(homographies(), homographies(), places)
def test_the_product_of_maps_is_one_after_the_other(first, second, positions):
    back = np.linalg.inv(first)  # into the same crop again, so that no place lies behind the second map's horizon
    onward = mapped(second, mapped(back, mapped(first, positions)))

    np.testing.assert_allclose(onward, mapped(second @ back @ first, positions), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(homographies(), places)
def test_jacobians_are_what_small_steps_make(homography, positions):
    step = 1e-4
    moved = [mapped(homography, positions + each) - mapped(homography, positions - each) for each in step * np.eye(2)]

    np.testing.assert_allclose(jacobians(homography, positions), np.stack(moved, axis=2) / (2 * step), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(homographies(), places)
def test_jacobians_of_the_inverse_map_are_inverse(homography, positions):
    there = jacobians(homography, positions)
    back = jacobians(np.linalg.inv(homography), mapped(homography, positions))

    np.testing.assert_allclose(back @ there, np.broadcast_to(np.eye(2), there.shape), atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi])
def test_a_crop_around_a_place_has_it_in_the_middle(angle):
    """Turned by the angle, and zoomed as told."""
    photo_from_crop = around(np.array([100.0, 70.0]), 1.5, angle, SIZE)
    middle = np.full((1, 2), SIZE / 2)

    np.testing.assert_allclose(mapped(photo_from_crop, middle), [[100, 70]])
    right = mapped(photo_from_crop, middle + np.array([1, 0]))[0]
    np.testing.assert_allclose(right - [100, 70], [1.5 * np.cos(angle), 1.5 * np.sin(angle)], atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.15), st.integers(0, 10_000))
def test_bending_moves_no_corner_further_than_told(strength, seed):
    corners = np.array([[0, 0], [SIZE, 0], [SIZE, SIZE], [0, SIZE]], float)
    moved = mapped(bent(SIZE, strength, np.random.default_rng(seed)), corners)

    assert np.abs(moved - corners).max() <= strength * SIZE + 1e-3


def photo_of_a_blob(width, height, at, sigma):
    y, x = np.mgrid[:height, :width] + 0.5
    return np.round(255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2))).astype(np.uint8)


def centre_of_mass(image):
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


BLOBS = [
    pytest.param(size, zoom, id=f"{size[0]}x{size[1]}-{zoom}")
    for size in ((300, 200), (301, 203), (303, 201))
    for zoom in (0.6, 1.0, 1.25, 1.5, 2.0, 2.9)
]  # fmt: skip


@pytest.mark.parametrize(("size", "zoom"), BLOBS)
@pytest.mark.parametrize("corner", ["first", "last"])
def test_a_blob_appears_where_the_map_says(size, zoom, corner):
    """To a twentieth of a pixel, also where the photo is halved on the way: half a pixel would be learnt as such."""
    blob = np.array({"first": (31.3, 29.8), "last": (size[0] - 30.2, size[1] - 28.4)}[corner])
    photo_from_crop = around(blob + 4.3 * zoom, zoom, 0.3, SIZE) @ bent(SIZE, 0.05, np.random.default_rng(1))

    found = crop(photo_of_a_blob(*size, blob, 2.5 * max(zoom, 1)), photo_from_crop, SIZE, outside=0)

    expected = mapped(np.linalg.inv(photo_from_crop), blob[None])[0]
    assert np.abs(centre_of_mass(found) - expected).max() < 0.05


def test_what_lies_outside_the_photo_is_of_the_grey_asked_for(made_photo):
    photo = made_photo(80, 60)
    away = crop(photo.grey, around(np.array([500.0, 500.0]), 1, 0, SIZE), SIZE, outside=0.4)
    across = crop(photo.grey, around(np.array([80.0, 30.0]), 1, 0, SIZE), SIZE, outside=0.4)

    assert np.allclose(away, 0.4, atol=1 / 255)
    assert np.allclose(across[:, 33:], 0.4, atol=1 / 255)
    assert across[2:-2, :32].std() > 0.05


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (7, 300), (301, 5)])
@pytest.mark.parametrize("zoom", [0.3, 2.0, 500.0])
def test_a_photo_of_a_few_pixels_can_be_cropped(size, zoom, made_photo):
    photo = made_photo(*size, count=0)
    found = crop(photo.grey, around(np.array(size) / 2, zoom, 0.1, SIZE), SIZE, outside=0.5)

    assert (found.shape, found.dtype) == ((SIZE, SIZE), np.float32)
    assert found.min() >= 0
    assert found.max() <= 1


def test_fine_texture_does_not_alias():
    """A chessboard of single pixels, seen from afar, is grey."""
    chessboard = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)

    assert crop(chessboard, around(np.array([128.0, 128.0]), 1.9, 0.2, SIZE), SIZE, outside=0.5).std() < 0.01


def test_the_edge_of_a_crop_is_not_inside():
    edge = float(MARGIN_PX)
    positions = np.array([[edge, 20], [edge + 0.1, 20], [20, SIZE - edge], [20, SIZE - edge - 0.1], [-9, 20], [20, 99]])

    assert inside(positions, SIZE).tolist() == [False, True, False, True, False, False]


def photo_with(keypoints, scores):
    return AnnotatedPhoto(
        name="photo.png",
        grey=np.zeros((200, 300), np.uint8),
        keypoints=np.asarray(keypoints, np.float32).reshape(-1, 2),
        scores=np.asarray(scores, np.float32),
        descriptors=np.zeros((len(scores), 0), np.float32),
    )


@settings(max_examples=25, deadline=None)
@given(homographies(), st.integers(0, 10_000), st.sampled_from([0, 1, 30, 3000]))
def test_the_best_keypoint_of_each_cell_is_kept(photo_from_crop, seed, count):
    """Inside the margin, one of each 4x4 pixels, and as many as a crop of its size is due."""
    random = np.random.default_rng(seed)
    photo = photo_with(mapped(photo_from_crop, random.uniform(-9, SIZE + 9, (count, 2))), random.random(count))
    crop_from_photo = np.linalg.inv(photo_from_crop)

    rows, positions = keypoints_in(photo, crop_from_photo, SIZE)

    everywhere = mapped(crop_from_photo, photo.keypoints.astype(float))
    best: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(inside(everywhere, SIZE)):
        cell = tuple((everywhere[row] // 4).astype(int))
        if cell not in best or photo.scores[row] > photo.scores[best[cell]]:
            best[cell] = row
    expected = sorted(best.values(), key=lambda row: -photo.scores[row])[: SIZE * SIZE // 192]
    assert rows.tolist() == expected
    np.testing.assert_allclose(positions, everywhere[rows].reshape(-1, 2), atol=1e-3)
    assert positions.dtype == np.float32


def test_keypoints_are_in_the_order_of_their_scores():
    rows, positions = keypoints_in(photo_with([[10, 10], [20, 20], [30, 30]], [0.3, 0.9, 0.6]), np.eye(3), SIZE)

    assert rows.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(positions, [[20, 20], [30, 30], [10, 10]])
