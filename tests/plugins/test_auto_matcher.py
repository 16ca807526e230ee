"""The matcher that decides: `nearest` to the bit for sift, attention for hard pairs alone, and never a download."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recon_plugins.auto_matcher import AutoMatcher, AutoMatcherOptions, recon_feature_matchers
from recon_plugins.lightglue import LIGHTERGLUE
from recon_plugins.nearest import NearestMatcher, NearestOptions

import recon
import recon.testing
from recon.choice import choose_team
from recon.core.options import Settings
from recon.core.registry import load_plugins
from recon.plan import make_plan

(SPEC,) = recon_feature_matchers()


class TestContract(recon.testing.FeatureMatcherContract):
    spec = SPEC


class Attention:
    """Stands for LightGlue: remembers what it was asked, and finds one match."""

    def __init__(self) -> None:
        self.asked = 0

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        self.asked += 1
        return recon.Matches(np.zeros((1, 2), np.uint32))


def matched(
    features1: recon.Features, features2: recon.Features, **options: Any
) -> tuple[recon.Matches, recon.Matches, bool]:
    """Return the matches of `auto`, those of `nearest`, and whether attention was asked."""
    attention = Attention()
    nearest = NearestMatcher(NearestOptions())
    matches = AutoMatcher(AutoMatcherOptions(**options), nearest, attention).match(features1, features2)
    return matches, nearest.match(features1, features2), attention.asked > 0


def copies(total: int, shared: int, corner: float = 1.0, seed: int = 0) -> tuple[recon.Features, recon.Features]:
    """Return two photos of `total` keypoints, of which the first `shared` show the same, in a corner of the photo."""
    features1 = recon.testing.random_features(total, length=64, seed=seed)
    keypoints = features1.keypoints.copy()
    keypoints[:shared] *= corner
    descriptors = recon.testing.random_features(total, length=64, seed=seed + 1).descriptors.copy()
    descriptors[:shared] = features1.descriptors[:shared]
    size = features1.image_size
    return recon.Features(keypoints, features1.descriptors, size), recon.Features(keypoints, descriptors, size)


def test_an_easy_pair_keeps_its_nearest_neighbours() -> None:
    matches, nearest, was_asked = matched(*copies(500, 300))

    assert not was_asked
    assert np.array_equal(matches.indices, nearest.indices)


def test_a_pair_with_few_matches_gets_attention() -> None:
    matches, _, was_asked = matched(*copies(500, 60))

    assert was_asked
    assert len(matches) == 1


def test_a_pair_with_crowded_matches_gets_attention() -> None:
    """Three hundred matches in a corner leave the pose to chance."""
    assert matched(*copies(500, 300, corner=0.2))[2]
    assert not matched(*copies(500, 300, corner=0.2), enough_cells=1)[2]


def test_a_pair_without_overlap_is_not_worth_attention() -> None:
    """Most pairs of a large set show different things, and attention takes a hundred times as long."""
    matches, nearest, was_asked = matched(*copies(500, 4))

    assert not was_asked
    assert np.array_equal(matches.indices, nearest.indices)


def test_photos_without_keypoints_are_not_worth_attention() -> None:
    none = recon.testing.random_features(0, length=64)

    assert matched(none, none)[2] is False


@pytest.mark.photos
def test_sift_is_matched_as_by_nearest(features_of: Callable[..., Mapping[str, recon.Features]]) -> None:
    """`auto` is every run's default: not one match may change."""
    features = list(features_of("temple_ring", 4).values())
    notes: list[str] = []
    auto = SPEC.create(SPEC.options(), recon.RunContext(note=notes.append, extractor="sift"))
    nearest = NearestMatcher(NearestOptions())
    num_matches = 0
    for features1, features2 in itertools.pairwise(features):
        found, wanted = auto.match(features1, features2), nearest.match(features1, features2)
        num_matches += len(found)
        assert np.array_equal(found.indices, wanted.indices)
        assert np.array_equal(found.scores, wanted.scores)

    assert num_matches > 0
    assert notes == ["matcher: nearest, since it fits every extractor and needs no weights"]


def test_sift_needs_neither_torch_nor_kornia() -> None:
    script = """
import sys, recon, recon.testing
from recon_plugins.auto_matcher import recon_feature_matchers
(spec,) = recon_feature_matchers()
features = recon.testing.random_features(50)
spec.create(spec.options(), recon.RunContext(extractor="sift")).match(features, features)
print([name for name in ("torch", "kornia", "cv2") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def missing(name: str) -> Path:
    raise recon.ReconError(f"{name} is not here", code=recon.Cause.MISSING_WEIGHTS)


def test_without_weights_xfeat_is_matched_by_nearest_and_that_is_said() -> None:
    notes: list[str] = []
    auto = SPEC.create(SPEC.options(), recon.RunContext(weights=missing, note=notes.append, extractor="xfeat"))
    features1, features2 = copies(500, 60)

    assert len(auto.match(features1, features2)) > 30
    assert len(notes) == 1
    assert "recon weights get lightglue" in notes[0]


def test_without_kornia_xfeat_is_matched_by_nearest_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr("recon_plugins.auto_matcher.find_spec", lambda name: None)
    SPEC.create(SPEC.options(), recon.RunContext(weights=lambda name: tmp_path, note=notes.append, extractor="xfeat"))

    assert "pip install" in notes[0]


def test_bad_weights_are_told_when_attention_is_wanted(tmp_path: Path) -> None:
    pytest.importorskip("kornia")
    path = tmp_path / LIGHTERGLUE.name
    path.write_bytes(b"no weights")
    auto = SPEC.create(SPEC.options(), recon.RunContext(weights=lambda name: path, extractor="xfeat"))

    with pytest.raises(recon.ReconError) as caught:
        auto.match(*copies(500, 60))
    assert caught.value.code == recon.Cause.BAD_WEIGHTS


@pytest.mark.parametrize("options", [{"enough_matches": 0}, {"enough_cells": 17}, {"max_keypoints": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        AutoMatcherOptions(**options)


# ---- in a run


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the user's cache nor the user's RECON_WEIGHTS may decide a test."""
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("no_weights")
def test_a_run_takes_it_by_default_and_downloads_nothing() -> None:
    notes: list[str] = []
    team = choose_team(make_plan(), load_plugins(), notes.append)

    assert team.matcher.name == "auto"
    assert team.matcher.weights == {}
    assert not any("download" in note for note in notes)
    assert isinstance(team.matcher.create(1, notes.append), AutoMatcher)


@pytest.mark.usefixtures("no_weights")
def test_weights_that_are_at_hand_are_given_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LIGHTERGLUE.name).write_bytes(b"weights")
    monkeypatch.setenv("RECON_WEIGHTS", str(tmp_path))
    team = choose_team(make_plan(), load_plugins(), lambda message: None)

    assert team.matcher.weights == {LIGHTERGLUE.name: tmp_path / LIGHTERGLUE.name}
    assert team.matcher.extractor == "sift"


@pytest.mark.usefixtures("no_weights")
def test_options_of_nearest_choose_nearest() -> None:
    """`--set nearest.ratio=0.9` has to mean something in a run that names no matcher."""
    notes: list[str] = []
    plan = dataclasses.replace(make_plan(), settings=Settings.from_texts(["nearest.ratio=0.9"]))
    team = choose_team(plan, load_plugins(), notes.append)

    assert (team.matcher.name, team.matcher.options.ratio) == ("nearest", 0.9)
    assert any("nearest" in note for note in notes)
