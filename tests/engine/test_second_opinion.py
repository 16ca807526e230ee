"""The global engine is asked where the incremental one is in doubt, and replaces only what it does better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered, ModelDone, Noted, ignore
from recon.engine.ladder import LADDER
from recon.engine.second_opinion import AutoMapper, support

PATH = None
STRICT, RELAXED = LADDER[0].name, LADDER[2].name


@dataclass
class Fake:
    """A mapper with a ready answer."""

    models: Sequence[pycolmap.Reconstruction]
    step: str = ""
    asked: list[bool] = field(default_factory=list)

    def map(self, database, options, observer):
        self.asked.append(True)
        for model in self.models:
            done = {"images": model.num_reg_images(), "points3D": model.num_points3D()}
            observer(ModelDone(**done, mean_reprojection_error_px=0.5, step=self.step))
        return list(self.models)


@pytest.fixture
def model(synthesize):
    return synthesize(images=6, points=100)[1]


@pytest.fixture
def richer(synthesize):
    return synthesize(images=6, points=200)[1]


@pytest.fixture
def larger(synthesize):
    return synthesize(images=7, points=300)[1]


def choose(first, second, step=RELAXED, **options):
    events = []
    other = Fake([second])
    models = AutoMapper(Fake([first] if first else [], step), other).map(PATH, MappingOptions(**options), events.append)
    return models, bool(other.asked), events


def test_a_strong_beginning_asks_nobody_else(model, richer):
    models, was_asked, _ = choose(model, richer, STRICT)

    assert models == [model]
    assert not was_asked


def test_a_better_model_of_the_same_photos_is_kept_and_said(model, richer):
    models, _, events = choose(model, richer)

    assert models == [richer]
    assert any("global mapper's model of the same 6 photos" in e.message for e in events if isinstance(e, Noted))


def test_a_worse_one_is_not(model, richer):
    assert choose(richer, model)[0] == [richer]


def test_other_photos_are_never_taken_from_it(model, larger):
    """Where matches mix two places, the global engine joins them all the sooner."""
    assert choose(model, larger)[0] == [model]


def test_nothing_is_asked_after_a_stop_or_without_a_model(model, richer):
    assert choose(model, richer, should_stop=lambda: True)[1] is False
    assert choose(None, richer)[1] is False


def test_the_models_of_both_are_not_counted_twice(model, richer):
    _, _, events = choose(model, richer)

    assert sum(isinstance(event, ModelDone) for event in events) == 1
    assert not any(isinstance(event, ImageRegistered) for event in events)


def test_support_grows_with_observations_and_falls_with_their_error(model, richer):
    exact = support(model)
    for point_id in model.point3D_ids():
        model.point3D(point_id).xyz += 0.01

    assert exact == pytest.approx(model.compute_num_observations(), rel=1e-6)
    assert support(richer) > exact > support(model)


def test_it_maps(synthesize):
    from recon.engine.mapper import IncrementalMapper

    path, truth = synthesize(images=8, points=80)

    (model,) = AutoMapper(IncrementalMapper()).map(path, MappingOptions(), ignore)

    assert model.num_reg_images() == truth.num_reg_images()


def test_many_photos_are_not_mapped_twice(model, richer, monkeypatch):
    """The global engine's time grows faster than the incremental one's."""
    monkeypatch.setattr("recon.engine.second_opinion.MANY_IMAGES", 5)
    models, was_asked, _ = choose(model, richer)

    assert models == [model]
    assert not was_asked
