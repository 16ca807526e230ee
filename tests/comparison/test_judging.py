"""The two witnesses without truth, a second run and matches kept out, and the recommendation."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.comparison.held_out import LEAST_LEFT, choose_pairs, held_out_consistency
from recon.comparison.page import render_page
from recon.comparison.ranking import recommend
from recon.comparison.stability import stability
from recon.comparison.trial import Trial


def turned(model, degrees, only=None):
    """Return a copy with the photo of a name, or the whole world, turned."""
    copy = model.__copy__()
    turn = pycolmap.Rigid3d(pycolmap.Rotation3d(np.radians([0, 0, degrees])), np.zeros(3))
    if only is None:
        copy.transform(pycolmap.Sim3d(2.0, turn.rotation, np.array([1.0, 2.0, 3.0])))
        return copy
    for image_id in copy.reg_image_ids():
        image = copy.image(image_id)
        if image.name == only:
            image.frame.rig_from_world = turn * image.frame.rig_from_world
    return copy


def test_a_model_in_another_frame_and_scale_is_the_same(synthetic_model):
    model = synthetic_model(images=8)
    assert stability(model, turned(model, 40)) == 1.0


def test_a_photo_that_turned_breaks_its_pairs(synthetic_model):
    model = synthetic_model(images=8)
    assert stability(model, turned(model, 5, only="image0003.png")) == pytest.approx(21 / 28)
    assert stability(model, turned(model, 1, only="image0003.png")) == 1.0


def test_a_photo_that_only_one_run_registers_breaks_its_pairs(synthetic_model):
    model = synthetic_model(images=8)
    smaller = model.__copy__()
    lost = smaller.image(min(smaller.reg_image_ids()))
    smaller.deregister_frame(lost.frame_id)

    assert stability(model, smaller) == pytest.approx(21 / 28)


@given(st.integers(3, 12), st.integers(0, 9), st.data())
def test_no_photo_loses_the_pairs_that_it_needs(images, seed, data):
    every = [(a, b) for a in range(1, images) for b in range(a + 1, images + 1)]
    some = data.draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    pair_ids = [pycolmap.image_pair_to_pair_id(a, b) for a, b in some]
    chosen = choose_pairs(pair_ids, seed)

    assert set(chosen) <= set(pair_ids)
    assert len(chosen) <= round(0.1 * len(pair_ids))
    left = [pair for pair, pair_id in zip(some, pair_ids, strict=True) if pair_id not in chosen]
    for end in {end for pair_id in chosen for end in pycolmap.pair_id_to_image_pair(pair_id)}:
        assert sum(end in pair for pair in left) >= LEAST_LEFT


@pytest.fixture
def exact(tmp_path):
    """An exact scene of 8 photos: its database and its model."""
    pycolmap.set_random_seed(0)
    options = pycolmap.SyntheticDatasetOptions(num_rigs=1, num_frames_per_rig=8, num_points3D=200)
    with pycolmap.Database.open(tmp_path / "database.db") as database:
        model = pycolmap.synthesize_dataset(options, database)
    return tmp_path / "database.db", model


def test_matches_kept_out_agree_with_the_true_model_and_not_with_a_wrong_one(exact):
    database, model = exact
    wrong = model.__copy__()
    for k, image_id in enumerate(sorted(wrong.reg_image_ids())):
        image = wrong.image(image_id)
        image.frame.rig_from_world = (
            pycolmap.Rigid3d(pycolmap.Rotation3d(np.radians([5.0 * k, 0, 0])), np.zeros(3)) * image.frame.rig_from_world
        )

    right = held_out_consistency(database, lambda thinned: [model], seed=0)
    assert right is not None
    assert right.pairs == 3  # a tenth of 28
    assert right.share > 0.99
    assert held_out_consistency(database, lambda thinned: [wrong], seed=0).share < 0.5
    assert held_out_consistency(database, lambda thinned: [], seed=0).share == 0.0


def test_the_mapper_does_not_see_the_pairs_kept_out(exact):
    database, model = exact
    seen = []

    def map_models(thinned):
        with pycolmap.Database.open(thinned) as opened:
            seen.append(len(opened.read_two_view_geometry_num_inliers()[0]))
        return [model]

    held_out_consistency(database, map_models, seed=0)
    assert seen == [25]
    with pycolmap.Database.open(database) as opened:
        assert len(opened.read_two_view_geometry_num_inliers()[0]) == 28


def trial(label, registered=10, **fields):
    return Trial(label, f"/tmp/{label}", registered=registered, images=10, **fields)


@pytest.mark.parametrize(
    ("trials", "best", "reason"),
    [
        ([trial("a", 0), trial("b", 0)], None, None),
        ([trial("a", 0), trial("b", 3)], "b", "the only one"),
        ([trial("a", 7), trial("b", 10)], "b", "registers 10 photos, the others at most 7"),
        ([trial("a", stability=1.0, seconds=9), trial("b", stability=0.5)], "a", "a second run repeats its model"),
        (
            [trial("a", held_out_consistency=0.9, seconds=9), trial("b", held_out_consistency=0.8)],
            "a",
            "90 % of the matches kept out agree",
        ),
        ([trial("a", 10, seconds=9.0), trial("b", 9, seconds=2.0)], "b", "the fastest"),
        (
            [trial("a", auc_deg={"3": 90.0}, seconds=9), trial("b", auc_deg={"3": 80.0})],
            "a",
            "AUC@3 of 90.0 against the truth",
        ),
    ],
)
def test_the_recommendation_says_why(trials, best, reason):
    found = recommend(trials)

    assert (found and found.label) == best
    if reason:
        assert reason in found.reason


def test_the_page_escapes_what_comes_from_outside(tmp_path):
    one = Trial("a", str(tmp_path / "a b"), error="<script>alert(1)</script>")
    page = render_page("<b>photos", [one], None, tmp_path)

    assert "<script>" not in page
    assert "<b>photos" not in page
    assert 'href="a%20b/report.html"' in page
