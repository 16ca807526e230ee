"""Measures of a network: all there is to reach for one that knows the truth, hardly anything for one that guesses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recon.learning.crops import around, mapped
from recon.learning.measures import KEYPOINTS, measured
from recon.learning.samples import PairSample

SIZE = 192
MEASURES = {"described", "matches", "precision", "within_half_px", "error_px"}
HOMOGRAPHY = np.linalg.inv(around(np.array([97.0, 95.0]), 1.02, 0.2, SIZE))


def places() -> np.ndarray:
    """Return (300, 2) places that both crops show, off the pixels' centres."""
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(15)), axis=2).reshape(-1, 2) * [7.0, 8.0]
    shaken = grid + np.random.default_rng(0).uniform(-0.4, 0.4, grid.shape)
    assert len(grid) == KEYPOINTS
    return shaken - shaken.mean(axis=0) + SIZE / 2


def pair_of(homography: np.ndarray = HOMOGRAPHY, points: int = 60) -> PairSample:
    points1 = places()[:: KEYPOINTS // points] if points else np.zeros((0, 2))
    return PairSample(
        images=np.random.default_rng(0).random((2, SIZE, SIZE)).astype(np.float32),
        keypoints1=np.zeros((0, 2)),
        keypoints2=np.zeros((0, 2)),
        scores1=np.zeros(0),
        scores2=np.zeros(0),
        points1=points1,
        points2=mapped(HOMOGRAPHY, points1),
        jacobians=np.zeros((len(points1), 2, 2)),
        teacher1=np.zeros((len(points1), 0)),
        teacher2=np.zeros((len(points1), 0)),
        homography=homography,
    )


@dataclass
class Truth:
    """Outputs for a batch of pairs under the one homography."""

    keypoint_logits: Tensor
    shown: Tensor
    """(2B, 300, 2)"""
    aside: float
    order: Tensor
    """(300,) the descriptor of each place of the second crops."""

    def nearest(self, positions: Tensor) -> Tensor:
        """Return (2B, N) which places are meant, by where they are or by where they are said to be."""
        said = self.shown + torch.tensor([self.aside, 0.0])
        return torch.cdist(positions, torch.cat([self.shown, said], dim=1)).argmin(dim=2) % KEYPOINTS

    def place(self, positions: Tensor) -> Tensor:
        found = self.shown.gather(1, self.nearest(positions)[..., None].expand(-1, -1, 2)).clone()
        found[len(found) // 2 :, :, 0] += self.aside
        return found

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        names = self.nearest(positions)
        names[len(names) // 2 :] = self.order[names[len(names) // 2 :]]
        return torch.eye(KEYPOINTS)[names], torch.zeros(names.shape)


class Knowing(nn.Module):
    """A network that knows the places, and says them as far aside and in as wrong an order as it is told."""

    def __init__(self, aside: float = 0.0, num_wrong: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.modes: list[bool] = []
        self._aside = aside
        self._order = torch.arange(KEYPOINTS)
        self._order[:num_wrong] = self._order[:num_wrong].roll(num_wrong // 2)

    def forward(self, images: Tensor) -> Truth:
        self.modes.append(self.training)
        assert not torch.is_grad_enabled()
        pairs = len(images) // 2
        first = torch.from_numpy(places()).float()
        second = torch.from_numpy(mapped(HOMOGRAPHY, places())).float()
        logits = torch.full((len(images), SIZE, SIZE), -9.0)
        for rows, shown in ((slice(None, pairs), first), (slice(pairs, None), second)):
            columns, lines = shown.floor().long().T
            logits[rows, lines, columns] = 5.0
        return Truth(logits, torch.stack([first] * pairs + [second] * pairs), self._aside, self._order)


def test_a_network_that_knows_the_truth_reaches_all_there_is():
    assert measured(Knowing(), [pair_of()] * 3, batch=2) == pytest.approx(
        {"described": 1.0, "matches": KEYPOINTS, "precision": 1.0, "within_half_px": 1.0, "error_px": 0.0}, abs=1e-4
    )


@pytest.mark.parametrize(("aside", "within", "precision"), [(0.4, 1, 1), (0.6, 0, 1), (2.9, 0, 1), (3.1, 0, 0)])
def test_how_far_matches_are_aside_is_told(aside, within, precision):
    """In pixels of the second crop; three are the end of what is right."""
    found = measured(Knowing(aside), [pair_of()])

    assert found["within_half_px"] == within
    assert found["precision"] == precision
    assert found["matches"] == precision * KEYPOINTS
    assert found["error_px"] == pytest.approx(aside if precision else 3.0, abs=1e-3)
    assert found["described"] == 1


def test_wrong_matches_are_told_by_their_share():
    found = measured(Knowing(num_wrong=60), [pair_of(points=150)])

    assert found["described"] == pytest.approx(0.8)
    assert found["precision"] == pytest.approx(0.8)
    assert found["matches"] == pytest.approx(0.8 * KEYPOINTS)
    assert found["error_px"] == pytest.approx(0, abs=1e-4), "an error of the right ones"


class Guessing(nn.Module):
    """A network that finds something anywhere and describes it anyhow."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self._random = torch.Generator().manual_seed(0)

    def forward(self, images: Tensor) -> Guess:
        return Guess(torch.randn(len(images), SIZE, SIZE, generator=self._random), self._random)


@dataclass
class Guess:
    keypoint_logits: Tensor
    random: torch.Generator

    def place(self, positions: Tensor) -> Tensor:
        return positions

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        descriptors = torch.randn(*positions.shape[:2], 64, generator=self.random)
        return nn.functional.normalize(descriptors, dim=2), torch.zeros(positions.shape[:2])


@dataclass
class Directed(Guess):
    """Describes two places by directions in a plane."""

    degrees: tuple[tuple[float, float], tuple[float, float]]

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        angles = torch.tensor(self.degrees).deg2rad()
        if positions.shape[1] == KEYPOINTS:
            return super().describe(positions)
        return torch.stack([angles.cos(), angles.sin()], dim=2), torch.zeros(angles.shape)


@pytest.mark.parametrize("is_swapped", [False, True])
def test_what_is_nearest_from_one_side_only_is_not_described(is_swapped):
    """The first crop's place at 15 degrees is nearest to either of the second's, whose first has another."""
    degrees = ((-60.0, 15.0), (0.0, 20.0))

    class Network(Guessing):
        def forward(self, images: Tensor) -> Directed:
            logits = torch.randn(len(images), SIZE, SIZE, generator=self._random)
            return Directed(logits, self._random, degrees[::-1] if is_swapped else degrees)

    assert measured(Network(), [pair_of(points=2)])["described"] == 0.5


def test_a_network_that_guesses_reaches_next_to_nothing():
    found = measured(Guessing(), [pair_of()] * 4)

    assert set(found) == MEASURES
    assert found["described"] < 0.1
    assert found["precision"] < 0.03
    assert found["matches"] < 3
    assert found["within_half_px"] < 0.01


def test_what_the_second_crop_does_not_show_is_no_wrong_match():
    """Nobody could have matched it."""
    away = np.array([[1.0, 0, 80], [0, 1, 0], [0, 0, 1]]) @ HOMOGRAPHY
    shown = (mapped(away, places())[:, 0] < SIZE).mean()
    assert 0.2 < shown < 0.8
    found = measured(Knowing(aside=80), [pair_of(away)])

    assert found["precision"] == 1
    assert found["matches"] == pytest.approx(shown * KEYPOINTS)


def test_without_a_homography_descriptors_alone_are_measured():
    """Of the points of a model nobody knows where else they should be."""
    unknown = replace(pair_of(), homography=np.full((3, 3), np.nan))

    assert measured(Knowing(), [unknown]) == {"described": 1.0}
    assert set(measured(Knowing(), [unknown, pair_of()])) == MEASURES


def test_pairs_without_places_count_for_nothing():
    nothing = pair_of(points=0)

    assert measured(Knowing(), [nothing])["described"] == 0
    assert measured(Knowing(), [nothing, pair_of()])["described"] == 1
    assert measured(Knowing(), []) == {"described": 0}


def test_pairs_are_measured_alike_however_many_at_once():
    pairs = [pair_of(points=points) for points in (60, 30, 100)]

    assert measured(Knowing(num_wrong=60), pairs, batch=1) == pytest.approx(measured(Knowing(num_wrong=60), pairs))


@pytest.mark.parametrize("mode", [True, False])
def test_a_network_is_measured_in_evaluation_and_left_in_its_mode(mode):
    network = Knowing().train(mode)
    measured(network, [pair_of()])

    assert network.modes == [False]
    assert network.training is mode


def test_the_mode_is_put_back_after_an_error_too():
    class Failing(Knowing):
        def forward(self, images: Tensor) -> Truth:
            raise RuntimeError("no memory")

    network = Failing().train()
    with pytest.raises(RuntimeError, match="no memory"):
        measured(network, [pair_of()])

    assert network.training
