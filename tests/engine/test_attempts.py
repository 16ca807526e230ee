"""Where a model begins weakly, several are compared, and the best is kept, whichever came first."""

from __future__ import annotations

from dataclasses import replace

import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import Noted, ignore
from recon.engine import attempts as attempts_module
from recon.engine.attempts import best_attempt, num_attempts, worth
from recon.engine.checkpoint import MOST_ATTEMPTS, Checkpoint
from recon.engine.growth import Growth
from recon.engine.ladder import LADDER
from recon.engine.refinement import GrowthEffort

STRICT, WEAK = LADDER[0], replace(LADDER[1], min_num_inliers=20)


@pytest.fixture
def cache(synthesize):
    path, _ = synthesize(images=8, points=200)
    with pycolmap.Database.open(path) as database:
        return pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())


def attempt(cache, steps, events=None, **options):
    told = MappingOptions(**options)
    observer = ignore if events is None else events.append
    growth = Growth(cache, told, GrowthEffort(), ignore)
    return growth, best_attempt(growth, steps, 8, told, Checkpoint(None), observer)


def count_grown(monkeypatch, spoil=lambda number, model: None):
    """Count the models that are grown; `spoil` may harm one by its number."""
    grown = []

    def grow(growth, step, start=None):
        result = original(growth, step, start)
        if result is not None:
            spoil(len(grown), result.model)
            grown.append(result.model.compute_num_observations())
        return result

    original = Growth.grow
    monkeypatch.setattr(Growth, "grow", grow)
    return grown


def test_a_strong_beginning_is_attempted_once(cache, monkeypatch):
    grown = count_grown(monkeypatch)
    growth, found = attempt(cache, (STRICT, WEAK))

    assert len(grown) == 1
    assert found.best.step is STRICT
    assert growth.num_registered == 8


@pytest.mark.parametrize("best", [0, 2, 4])
def test_the_best_is_kept_whichever_came_first(cache, monkeypatch, best):
    def spoil(number, model):
        if number != best:
            for point_id in sorted(model.point3D_ids())[: 30 + number]:
                model.delete_point3D(point_id)

    grown, events = count_grown(monkeypatch, spoil), []
    growth, found = attempt(cache, (WEAK,), events)

    assert len(grown) == MOST_ATTEMPTS
    assert found.best.model.compute_num_observations() == max(grown) == grown[best]
    assert growth.num_registered == 8
    assert next(event.message for event in events if isinstance(event, Noted)).startswith("best of 5 models")


def test_a_stop_in_a_later_attempt_keeps_the_earlier_one(cache, monkeypatch):
    grown = count_grown(monkeypatch)
    asked = []

    def should_stop():
        asked.append(True)
        return bool(grown) and len(asked) > asked_by_then + 4

    asked_by_then = 200
    _, found = attempt(cache, (WEAK,), should_stop=should_stop)

    assert found is not None
    assert found.best.model.num_reg_images() == 8


def test_looser_steps_add_attempts_only_where_they_count_the_same_points(cache, monkeypatch):
    grown = count_grown(monkeypatch)
    one_pair = replace(WEAK, name="one pair", min_num_inliers=25)
    other_points = replace(WEAK, name="other points", two_view_tracks=True)
    tried = []

    def begin(growth, step):
        tried.append(step.name)
        return original(growth, step) if tried.count(step.name) == 1 else None

    original = Growth._begin
    monkeypatch.setattr(Growth, "_begin", begin)
    _, found = attempt(cache, (one_pair, WEAK, other_points))

    assert len(grown) == 2
    assert other_points.name not in tried
    assert [step.name for step in found.steps_left] == ["one pair", WEAK.name, "other points"]


def test_no_pair_is_no_model(cache):
    assert attempt(cache, (replace(STRICT, min_num_inliers=10_000),))[1] is None


def test_models_below_the_smallest_size_are_none(cache):
    assert attempt(cache, (WEAK,), min_model_size=9)[1] is None


def test_large_sets_get_one_more_and_strict_steps_none():
    assert num_attempts(LADDER[0], 10) == 1
    assert num_attempts(LADDER[1], 10) == MOST_ATTEMPTS
    assert num_attempts(LADDER[-1], attempts_module.MANY_IMAGES + 1) == 2


def test_worth_counts_observations_and_images(synthesize):
    _, few = synthesize(images=4, points=100)
    _, more_points = synthesize(images=4, points=110)
    _, more_images = synthesize(images=5, points=100)

    assert worth(few) < worth(more_points) < worth(more_images)
