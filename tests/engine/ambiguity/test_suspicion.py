"""A house with two fronts that look the same: the pairs that mix them up are found, and no others anywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from recon.core.components import MappingOptions
from recon.core.events import ignore
from recon.engine.ambiguity import assess_database, drop_pairs, resting_on
from recon.engine.mapper import IncrementalMapper
from recon.engine.models import order_models


def listed(pairs):
    return {(pair.image1, pair.image2) for pair in pairs}


def rotation_errors_deg(model, truth):
    poses = {model.image(image_id).name: model.image(image_id).cam_from_world() for image_id in model.reg_image_ids()}
    return np.degrees(
        [
            (
                poses[name2].rotation
                * poses[name1].rotation.inverse()
                * truth[name1].rotation
                * truth[name2].rotation.inverse()
            ).angle()
            for name1, name2 in itertools.combinations(sorted(poses), 2)
        ]
    )


def best_model(database):
    return order_models(IncrementalMapper().map(database, MappingOptions(min_model_size=3), ignore))[0]


@pytest.mark.parametrize("knows_focal_length", [True, False])
def test_two_fronts_that_look_the_same_are_told_apart(photograph_house, knows_focal_length):
    house = photograph_house(twin=True, knows_focal_length=knows_focal_length)
    false = {pair for pair, is_false in house.is_false.items() if is_false}

    suspicious = listed(assess_database(house.database))

    assert len(false) > 20
    assert suspicious <= false
    assert len(suspicious) >= 0.9 * len(false)


@pytest.mark.parametrize("knows_focal_length", [True, False])
def test_a_house_with_four_different_sides_raises_no_alarm(photograph_house, knows_focal_length):
    house = photograph_house(twin=False, knows_focal_length=knows_focal_length)

    assert not any(house.is_false.values())
    assert assess_database(house.database) == []


def test_the_model_is_right_without_them(photograph_house):
    """No photo is lost with them."""
    house = photograph_house(twin=True)

    drop_pairs(house.database, listed(assess_database(house.database)))
    model = best_model(house.database)

    assert model.num_reg_images() == len(house.truth)
    assert np.max(rotation_errors_deg(model, house.truth)) < 1


def test_dropped_pairs_are_not_found_again(photograph_house):
    house = photograph_house(twin=True)

    drop_pairs(house.database, listed(assess_database(house.database)))

    assert assess_database(house.database) == []


def test_points_that_only_they_join_are_counted(photograph_house):
    house = photograph_house(twin=True)
    model = best_model(house.database)

    resting = resting_on(house.database, model, listed(assess_database(house.database)))

    assert 0 < resting.points < resting.num_points == model.num_points3D()
    assert resting.observations >= 2 * resting.points


def test_nothing_rests_on_no_pairs(photograph_house):
    house = photograph_house(twin=False)

    resting = resting_on(house.database, best_model(house.database), set())

    assert (resting.observations, resting.photos) == (0, 0)


def test_the_evidence_is_told_in_numbers(photograph_house):
    pair = assess_database(photograph_house(twin=True).database)[0]

    assert f"{pair.image1} - {pair.image2}: {pair.inliers} inliers" in pair.describe()
    assert pair.found <= 0.7
    assert pair.path - pair.path_in_sight > 0.1
    assert pair.loop_error_deg > 90
    assert pair.loop_photos >= 4
    assert pair.as_dict()["inliers"] == pair.inliers
