"""Each loss is least where what it teaches is reached, and counts what is unknown for nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.learning.losses import LossOptions, TeacherMap, losses
from recon.learning.samples import Batch, PairSample, collate

SIZE, PLACES, LENGTH = 64, 12, 16
TERMS = {"keypoints", "positions", "consistency", "descriptors", "reliability"}
TEACHER_TERMS = {"teacher_descriptors", "teacher_similarities"}
PLAIN = LossOptions(**dict.fromkeys(TERMS | TEACHER_TERMS, 1.0))


@dataclass
class Told:
    """Outputs of a network that are given."""

    keypoint_logits: Tensor
    places: Tensor
    descriptors: Tensor
    reliability: Tensor

    def place(self, positions: Tensor) -> Tensor:
        assert positions.shape == self.places.shape
        return self.places

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        return functional.normalize(self.descriptors, dim=2), self.reliability


def pair_of(seed=0, places=PLACES, keypoints=9, length=LENGTH):
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(8.0, 56, 12), np.arange(8.0, 56, 12)), axis=2).reshape(-1, 2)
    first, second = (grid + random.uniform(0, 3, grid.shape) for _ in range(2))
    teacher = np.eye(LENGTH)[: len(grid)]
    return PairSample(
        images=random.random((2, SIZE, SIZE)).astype(np.float32),
        keypoints1=first[:keypoints],
        keypoints2=second[:keypoints],
        scores1=np.linspace(1, 0.5, len(grid))[:keypoints],
        scores2=np.linspace(0.4, 0.9, len(grid))[:keypoints],
        points1=first[:places],
        points2=second[:places],
        jacobians=np.eye(2) + random.uniform(-0.3, 0.3, (places, 2, 2)),
        teacher1=teacher[:places, :length],
        teacher2=teacher[:places, :length],
        homography=np.eye(3),
    )


@pytest.fixture
def batch() -> Batch:
    """Return two pairs, of which one has fewer places."""
    return collate([pair_of(1), pair_of(2, places=PLACES - 3)])


def perfect(batch: Batch) -> Told:
    """Return outputs of which nothing could be better, but for the reliability."""
    logits = torch.full((len(batch.images), SIZE, SIZE), -40.0)
    return Told(
        keypoint_logits=logits,
        places=batch.points.clone(),
        descriptors=torch.eye(batch.points.shape[1], LENGTH).repeat(len(batch.points), 1, 1),
        reliability=torch.full(batch.points.shape[:2], 40.0),
    )


def rough(batch: Batch, seed=0) -> Told:
    """Return outputs at random, from which gradients are asked."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    count, places = batch.points.shape[:2]
    outputs = Told(
        normal(count, SIZE, SIZE), batch.points + normal(count, places, 2), normal(count, places, LENGTH),
        normal(count, places),
    )  # fmt: skip
    for each in (outputs.keypoint_logits, outputs.places, outputs.descriptors, outputs.reliability):
        each.requires_grad_()
    return outputs


def plain(outputs: Told, batch: Batch, teacher_map: nn.Module | None = None, options=PLAIN) -> dict[str, float]:
    return {name: float(term.detach()) for name, term in losses(outputs, batch, teacher_map, options).items()}


def test_perfect_descriptors_places_and_reliabilities_lose_nothing(batch):
    """Orthogonal descriptors leave what the temperature makes of no similarity at all."""
    found = plain(perfect(batch), batch)

    assert found["positions"] == found["consistency"] == 0
    assert found["descriptors"] == pytest.approx(math.log(1 + (PLACES - 1) * math.exp(-20)), abs=1e-6)
    assert found["reliability"] < 1e-6


def bells(batch: Batch) -> Tensor:
    """Return (2B, H, W): the score of a keypoint in its pixel, less of it in the 24 around, by their distance."""
    target = torch.zeros(len(batch.images), SIZE, SIZE)
    for image, keypoints in enumerate(batch.keypoints):
        for (x, y), score in zip(keypoints.tolist(), batch.scores[image].tolist(), strict=True):
            for row in range(int(y) - 2, int(y) + 3):
                for column in range(int(x) - 2, int(x) + 3):
                    square = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2
                    value = score * math.exp(-square / (2 * 0.8**2))
                    target[image, row, column] = max(float(target[image, row, column]), value)
    return target


def test_logits_of_the_targets_lose_nothing_and_others_do(batch):
    target = bells(batch)
    logits = target.logit(eps=1e-7)
    right, nothing, everything = (
        plain(replace(perfect(batch), keypoint_logits=each), batch)["keypoints"]
        for each in (logits, torch.full_like(logits, -16), torch.full_like(logits, 3))
    )
    shifted = plain(replace(perfect(batch), keypoint_logits=logits.roll(1, dims=2)), batch)["keypoints"]

    assert right < 1e-3
    assert shifted > 0.1
    assert 0.1 < nothing < everything


def test_logits_fall_to_the_targets(batch):
    """A few steps downhill end at the teacher's keypoints."""
    logits = torch.full((len(batch.images), SIZE, SIZE), -2.0, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        losses(replace(perfect(batch), keypoint_logits=logits), batch, None)["keypoints"].backward()
        optimizer.step()

    assert (logits.sigmoid() - bells(batch)).abs().max() < 0.15


def test_places_are_asked_for_from_pixels_around(batch):
    """Up to a pixel aside: wherever nearby a keypoint is found, it is to be brought to one place."""
    asked: list[Tensor] = []

    class Asking(Told):
        def place(self, positions: Tensor) -> Tensor:
            asked.append(positions)
            return self.places

    outputs = perfect(batch)
    losses(Asking(outputs.keypoint_logits, outputs.places, outputs.descriptors, outputs.reliability), batch, None)

    aside = (asked[0] - batch.points).abs()
    assert aside.max() <= 1
    assert aside.max(dim=0).values.min() > 0
    assert aside.mean() == pytest.approx(0.5, abs=0.1)


def test_places_that_move_along_from_crop_to_crop_are_consistent(batch):
    """They need not be the teacher's; that costs the positions."""
    first = torch.randn(2, PLACES, 2, generator=torch.Generator().manual_seed(0))
    second = (batch.jacobians @ first[..., None])[..., 0]
    along, still = (
        plain(replace(perfect(batch), places=batch.points + torch.cat([first, each])), batch)
        for each in (second, torch.zeros_like(second))
    )

    assert along["consistency"] < 1e-9
    assert still["consistency"] > 0.1
    assert along["positions"] > still["positions"] > 0.1


def test_positions_are_mean_squares_of_the_places_there_are(batch):
    places = batch.points + torch.tensor([0.5, 0.0])
    places[1, PLACES - 3 :] += 99  # padding
    found = plain(replace(perfect(batch), places=places), batch)

    assert found["positions"] == pytest.approx(0.125)


def test_places_whose_jacobian_is_unknown_count_for_nothing(batch):
    """As if they were not there, in value and in gradient."""
    outputs = rough(batch)
    partly = batch.jacobians.clone()
    partly[:, ::2] = torch.nan
    unknown = torch.isnan(partly).all(dim=3).all(dim=2)
    term = losses(outputs, replace(batch, jacobians=partly), None, PLAIN)["consistency"]
    term.backward()
    without = losses(outputs, replace(batch, is_point=batch.is_point & ~unknown), None, PLAIN)["consistency"]

    assert float(term.detach()) == pytest.approx(float(without.detach()))
    assert float(term.detach()) > 0
    assert outputs.places.grad is not None
    assert outputs.places.grad.isfinite().all()
    assert not outputs.places.grad[unknown.repeat(2, 1)].any()


def test_where_no_jacobian_is_known_nothing_is_inconsistent(batch):
    outputs = rough(batch)
    found = losses(outputs, replace(batch, jacobians=batch.jacobians * torch.nan), None)
    sum(found.values()).backward()

    assert found["consistency"] == 0
    assert outputs.places.grad.isfinite().all()


def test_descriptors_in_a_wrong_order_lose_more(batch):
    outputs = perfect(batch)
    wrong = outputs.descriptors.clone()
    wrong[:2] = wrong[:2].roll(1, dims=1)
    noisy = functional.normalize(outputs.descriptors + 0.5 * rough(batch).descriptors.detach(), dim=2)
    right, somewhat, not_at_all = (
        plain(replace(outputs, descriptors=each), batch)["descriptors"] for each in (outputs.descriptors, noisy, wrong)
    )

    assert right < somewhat < not_at_all
    assert not_at_all > 10


def test_descriptors_of_places_that_are_not_there_count_for_nothing(batch):
    outputs = rough(batch)
    changed = outputs.descriptors.detach().clone()
    changed[[1, 3], PLACES - 3 :] = 7.0
    before, after = (plain(each, batch) for each in (outputs, replace(outputs, descriptors=changed)))

    assert before == pytest.approx(after)


def test_reliability_is_what_the_descriptors_deserve(batch):
    """Told high for wrong ones, or low for right ones, it loses."""
    outputs = perfect(batch)
    wrong = outputs.descriptors.clone()
    wrong[:2] = wrong[:2].roll(1, dims=1)
    low = -outputs.reliability

    found = {
        (what, how): plain(replace(outputs, descriptors=descriptors, reliability=reliability), batch)["reliability"]
        for what, descriptors in (("right", outputs.descriptors), ("wrong", wrong))
        for how, reliability in (("high", outputs.reliability), ("low", low))
    }
    assert max(found["right", "high"], found["wrong", "low"]) < 1e-6
    assert min(found["right", "low"], found["wrong", "high"]) == pytest.approx(40)


class Identity(nn.Module):
    def forward(self, descriptors: Tensor) -> Tensor:
        return descriptors


@pytest.fixture
def full_batch() -> Batch:
    """Return two pairs with all their places, and a teacher that takes some for others."""
    batch = collate([pair_of(1), pair_of(2)])
    noise = torch.randn(batch.teachers.shape, generator=torch.Generator().manual_seed(0))
    return replace(batch, teachers=functional.normalize(batch.teachers + 0.3 * noise, dim=2))


def test_descriptors_like_the_teachers_have_nothing_left_to_learn_from_it(full_batch):
    taught = replace(perfect(full_batch), descriptors=full_batch.teachers)
    found = plain(taught, full_batch, Identity())

    assert found["teacher_descriptors"] == pytest.approx(0, abs=1e-6)
    assert found["teacher_similarities"] == pytest.approx(0, abs=1e-5)


def test_what_counts_are_the_teachers_similarities_not_its_axes(full_batch):
    """A student in a space turned against the teacher's says the same about what is like what."""
    turn = torch.linalg.qr(torch.randn(LENGTH, LENGTH, generator=torch.Generator().manual_seed(1)))[0]
    turned, other = (
        plain(replace(perfect(full_batch), descriptors=each), full_batch, Identity())
        for each in (full_batch.teachers @ turn, perfect(full_batch).descriptors)
    )

    assert turned["teacher_similarities"] == pytest.approx(0, abs=1e-5)
    assert turned["teacher_descriptors"] > 0.5
    assert other["teacher_similarities"] > 1e-3


def test_a_linear_map_finds_the_teachers_axes(full_batch):
    """And its space may have another length."""
    teacher_map = TeacherMap(LENGTH, LENGTH + 5)
    turn = torch.linalg.qr(torch.randn(LENGTH + 5, LENGTH, generator=torch.Generator().manual_seed(1)))[0]
    with torch.no_grad():
        teacher_map.weight.copy_(turn)
    taught = replace(full_batch, teachers=full_batch.teachers @ turn.T)
    found = plain(replace(perfect(full_batch), descriptors=full_batch.teachers), taught, teacher_map)

    assert found["teacher_descriptors"] == pytest.approx(0, abs=1e-6)
    assert found["teacher_similarities"] == pytest.approx(0, abs=1e-5)


def test_places_without_a_teachers_descriptor_count_for_nothing(full_batch):
    """Half the places of a model are no keypoints of the teacher's."""
    teachers = full_batch.teachers.clone()
    teachers[:, ::2] = 0
    outputs = rough(full_batch)
    untaught = replace(full_batch, teachers=teachers)
    losses(outputs, untaught, Identity())["teacher_descriptors"].backward()
    taught = replace(perfect(full_batch), descriptors=full_batch.teachers)

    assert plain(taught, untaught, Identity())["teacher_descriptors"] == pytest.approx(0, abs=1e-6)
    assert not outputs.descriptors.grad[:, ::2].any()
    assert outputs.descriptors.grad[:, 1::2].any()


@pytest.mark.parametrize("length", [0, LENGTH])
def test_terms_of_a_teacher_are_there_where_there_is_one(length):
    batch = collate([pair_of(length=length)])

    assert set(losses(rough(batch), batch, None)) == TERMS
    with_map = set(losses(rough(batch), batch, TeacherMap(LENGTH, LENGTH)))
    assert with_map == (TERMS | TEACHER_TERMS if length else TERMS)


@pytest.mark.parametrize(
    ("places", "keypoints"), [(PLACES, 9), (0, 9), (PLACES, 0), (0, 0), (1, 1)], ids=lambda count: str(count)
)
@pytest.mark.parametrize("is_taught", [True, False])
def test_losses_and_gradients_are_finite_with_anything_missing(places, keypoints, is_taught):
    batch = collate([pair_of(places=places, keypoints=keypoints)] * 2)
    outputs = rough(batch)
    found = losses(outputs, batch, TeacherMap(LENGTH, LENGTH) if is_taught else None)
    sum(found.values()).backward()

    assert all(term.ndim == 0 and term.isfinite() for term in found.values())
    for each in (outputs.keypoint_logits, outputs.places, outputs.descriptors, outputs.reliability):
        assert each.grad is not None
        assert each.grad.isfinite().all()


REACHED = {
    "keypoints": {"keypoint_logits"},
    "positions": {"places"},
    "consistency": {"places"},
    "descriptors": {"descriptors"},
    "reliability": {"reliability"},
    "teacher_descriptors": {"descriptors"},
    "teacher_similarities": {"descriptors"},
}


@pytest.mark.parametrize("name", REACHED)
def test_each_term_teaches_what_it_is_about_and_nothing_else(name, full_batch):
    """Reliability learns from descriptors, and must not make them worse to be right."""
    outputs = rough(full_batch)
    losses(outputs, full_batch, Identity())[name].backward()
    gradients = {
        each: getattr(outputs, each).grad for each in ("keypoint_logits", "places", "descriptors", "reliability")
    }

    assert {each for each, gradient in gradients.items() if gradient is not None and gradient.any()} == REACHED[name]


def test_the_teachers_map_learns_too(full_batch):
    teacher_map = TeacherMap(LENGTH, LENGTH)
    losses(rough(full_batch), full_batch, teacher_map)["teacher_descriptors"].backward()

    assert teacher_map.weight.grad is not None
    assert teacher_map.weight.grad.any()


@pytest.mark.parametrize("name", REACHED)
def test_a_weight_multiplies_its_term_alone(name, full_batch):
    outputs = rough(full_batch)
    once, thrice = (
        plain_of(outputs, full_batch, options) for options in (PLAIN, replace(PLAIN, **{name: 3.0}))
    )  # fmt: skip
    expected = {each: value * (3 if each == name else 1) for each, value in once.items()}

    assert thrice == pytest.approx(expected)


def plain_of(outputs: Told, batch: Batch, options: LossOptions) -> dict[str, float]:
    torch.manual_seed(0)
    return plain(outputs, batch, Identity(), options)
