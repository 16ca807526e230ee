"""Pairs become batches: padded, thinned, standardised, and every row where it belongs."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from recon.learning.samples import MAX_POINTS, PairSample, collate

SIZE = 32


def pair_with(points, keypoints=(3, 5), length=4, seed=0):
    """Return a pair whose rows tell which they are."""
    random = np.random.default_rng(seed)
    row = np.arange(points, dtype=np.float32)
    return PairSample(
        images=random.uniform(0.2, 0.9, (2, SIZE, SIZE)).astype(np.float32),
        keypoints1=random.uniform(4, 28, (keypoints[0], 2)).astype(np.float32),
        keypoints2=random.uniform(4, 28, (keypoints[1], 2)).astype(np.float32),
        scores1=random.uniform(0.3, 1, keypoints[0]).astype(np.float32),
        scores2=random.uniform(0.3, 1, keypoints[1]).astype(np.float32),
        points1=np.stack([row, row], axis=1),
        points2=np.stack([row, row], axis=1) + 0.25,
        jacobians=row[:, None, None] + np.eye(2, dtype=np.float32),
        teacher1=np.tile(row[:, None], (1, length)) + 1,
        teacher2=np.tile(row[:, None], (1, length)) + 2,
        homography=np.eye(3) * (seed + 1),
    )


def test_first_crops_come_first_and_second_ones_after_them():
    """Row m of pair b is the same place in crops b and B + b."""
    pairs = [pair_with(4, seed=1), pair_with(4, seed=2)]
    batch = collate(pairs)

    assert batch.images.shape == (4, 1, SIZE, SIZE)
    for row, image in enumerate([pair.images[side] for side in (0, 1) for pair in pairs]):
        assert np.corrcoef(batch.images[row].ravel(), image.ravel())[0, 1] == pytest.approx(1)
    first, second = batch.points.chunk(2)
    assert torch.equal(second, first + 0.25)
    assert torch.equal(batch.teachers.chunk(2)[1], batch.teachers.chunk(2)[0] + 1)
    assert batch.homographies[:, 0, 0].tolist() == [2, 3]


def test_images_have_mean_0_and_standard_deviation_1():
    """Whatever the light and the contrast."""
    pair = pair_with(1)
    batch = collate([pair, replace(pair, images=np.float32(0.4) + pair.images / 5)])

    assert batch.images.dtype == torch.float32
    assert batch.images.mean(dim=(1, 2, 3)).abs().max() < 1e-5
    deviations = batch.images.std(dim=(1, 2, 3))
    assert deviations[[0, 2]].min() > 0.99
    assert ((deviations > 0.95) & (deviations < 1.001)).all()


def test_an_image_of_one_grey_becomes_nothing():
    batch = collate([replace(pair_with(1), images=np.full((2, SIZE, SIZE), 0.7, np.float32))])

    assert batch.images.abs().max() < 1e-3


def test_short_rows_are_padded_and_told():
    batch = collate([pair_with(2, keypoints=(1, 6)), pair_with(5, keypoints=(4, 0))])

    assert batch.is_point.tolist() == [[True, True, False, False, False], [True] * 5]
    assert batch.is_keypoint.sum(dim=1).tolist() == [1, 4, 6, 0]
    assert batch.points.shape == (4, 5, 2)
    assert batch.keypoints.shape == (4, 6, 2)
    assert batch.jacobians.shape == (2, 5, 2, 2)
    assert batch.teachers.shape == (4, 5, 4)
    assert not batch.scores[~batch.is_keypoint].any()
    assert (batch.scores[batch.is_keypoint] > 0).all()
    assert not batch.points[0, 2:].any()


@pytest.mark.parametrize("length", [0, 4])
def test_pairs_with_nothing_in_them_are_a_batch_of_nothing(length):
    """A batch of blank photos teaches nothing, and must not end a training."""
    batch = collate([pair_with(0, keypoints=(0, 0), length=length)] * 2)

    assert not batch.is_point.any()
    assert not batch.is_keypoint.any()
    assert batch.teachers.shape[2] == length
    assert len(batch.points) == len(batch.keypoints) == 4


def test_of_too_many_places_some_are_taken_evenly():
    """The same of both crops; not the first, which would be the best, and leave nothing hard."""
    count = 3 * MAX_POINTS
    batch = collate([pair_with(count), pair_with(7)])
    rows = batch.points[0, :, 0]

    assert batch.points.shape[1] == MAX_POINTS
    assert (rows[0], rows[-1]) == (0, count - 1)
    assert torch.diff(rows).min() >= 2
    assert torch.diff(rows).max() <= 4
    assert torch.equal(batch.points[2, :, 0], rows + 0.25)
    assert torch.equal(batch.jacobians[0, :, 0, 0], rows + 1)
    assert torch.equal(batch.teachers[0, :, 0], rows + 1)
    assert torch.equal(batch.teachers[2, :, 0], rows + 2)


def test_as_many_places_as_fit_are_all_taken():
    assert collate([pair_with(MAX_POINTS)]).points[0, :, 0].tolist() == list(range(MAX_POINTS))


def test_what_is_unknown_stays_unknown():
    pair = pair_with(3)
    batch = collate([replace(pair, jacobians=pair.jacobians * np.nan, homography=pair.homography * np.nan), pair])

    assert batch.jacobians[0].isnan().all()
    assert batch.jacobians[1].isfinite().all()
    assert batch.homographies.isnan().all(dim=2).all(dim=1).tolist() == [True, False]


def test_a_batch_moves_as_a_whole():
    batch = collate([pair_with(3)])
    moved = batch.to(torch.device("meta"))

    for each in fields(batch):
        here, there = getattr(batch, each.name), getattr(moved, each.name)
        assert there.device.type == "meta", each.name
        assert (there.shape, there.dtype) == (here.shape, here.dtype), each.name


@pytest.mark.parametrize("name", ["points2", "jacobians", "teacher1", "teacher2", "images"])
def test_arrays_that_do_not_fit_each_other_are_refused_by_name(name):
    pair = pair_with(4)
    wrong = {name: getattr(pair, name)[:, :-1] if name == "images" else getattr(pair, name)[:-1]}
    with pytest.raises(ValueError, match=f"{name}: expected shape"):
        replace(pair, **wrong)
