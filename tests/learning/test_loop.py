"""Training goes on as if it had never stopped, says when it breaks down, and loses nothing."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.core.errors import Cause, Interrupted, ReconError, UsageError
from recon.core.events import Event, Progress, StageStarted, Warned
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.homographies import HomographySource, WarpOptions
from recon.learning.loop import Task, Trained, train
from recon.learning.samples import PairSample, PairSource
from recon.learning.settings import Machine, TrainSettings
from recon.learning.step import TrainingStep
from recon.learning.validation import HeldOutPairs

SETTINGS = TrainSettings(
    steps=12, batch=2, learning_rate=1e-2, warm_up=3, validation_every=4, validation_pairs=2, averaging=0.9, seed=5
)
MACHINE = Machine(workers=0)


@dataclass
class Outputs:
    keypoint_logits: Tensor
    level: Tensor
    head: nn.Module

    def place(self, positions: Tensor) -> Tensor:
        return positions.floor() + 0.5 + self._seen(positions).float()[..., :2].tanh() / 2

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        values = self.head(self._seen(positions)).float()
        return functional.normalize(values[..., 1:], dim=2), values[..., 0]

    def _seen(self, positions: Tensor) -> Tensor:
        grid = (2 * positions / self.level.shape[2] - 1)[:, None].to(self.level.dtype)
        return functional.grid_sample(self.level, grid, align_corners=False)[:, :, 0].transpose(1, 2)


class TinyNetwork(nn.Module):
    """All that a trainable network has to be, in three layers."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.score = nn.Conv2d(8, 1, 3, padding=1)
        self.head = nn.Linear(8, 9)

    def forward(self, grey: Tensor) -> Outputs:
        level = self.look(grey)
        return Outputs(self.score(level)[:, 0].float(), level, self.head)


@pytest.fixture(scope="module")
def source() -> HomographySource:
    """Return pairs of crops of noise with blobs in it."""
    rng = np.random.default_rng(0)
    grey = cv2.GaussianBlur(rng.random((160, 200)).astype(np.float32), (0, 0), 2)
    grey = ((grey - grey.min()) / np.ptp(grey) * 255).astype(np.uint8)
    keypoints = rng.uniform(8, [192, 152], (300, 2)).astype(np.float32)
    scores = rng.uniform(0.2, 1, 300).astype(np.float32)
    photo = AnnotatedPhoto("noise", grey, keypoints, scores, np.zeros((300, 0), np.float32))
    return HomographySource([photo], WarpOptions(size=64))


@dataclass
class Spoilt:
    """A source whose pairs are no numbers at some steps."""

    source: PairSource
    is_spoilt: Callable[[int], bool]
    calls: int = 0

    def sample(self, rng: np.random.Generator) -> PairSample:
        sample = self.source.sample(rng)
        step = self.calls // SETTINGS.batch
        self.calls += 1
        return replace(sample, images=sample.images * np.float32(np.nan)) if self.is_spoilt(step) else sample


@dataclass
class Run:
    """What a training did."""

    rows: list[dict[str, float]]
    saved: list[dict[str, Tensor]]
    events: list[Event]
    network: nn.Module
    trained: Trained


@pytest.fixture
def run(source: HomographySource, tmp_path: Path) -> Callable[..., Run]:
    """Return a function that trains a tiny network, from the checkpoint of that name where there is one."""

    def go(
        name: str = "checkpoint.pt",
        settings: TrainSettings = SETTINGS,
        machine: Machine = MACHINE,
        pairs: PairSource = source,
        stop_after: int | None = None,
        validate: Callable[[nn.Module], dict[str, float]] | None = None,
    ) -> Run:
        torch.manual_seed(1)
        network = TinyNetwork()
        rows: list[dict[str, float]] = []
        saved: list[dict[str, Tensor]] = []
        events: list[Event] = []
        asked = iter(range(10**6))

        def show(all_rows: list[dict[str, float]]) -> None:
            rows[:] = all_rows

        def save(kept: nn.Module) -> None:
            saved.append({key: value.clone() for key, value in kept.state_dict().items()})

        held_out = HeldOutPairs({"homographies": source}, settings.validation_pairs, settings.seed)
        task = Task(TrainingStep(network), pairs, validate or held_out, save, show)
        trained = train(
            task,
            settings,
            machine,
            tmp_path / name,
            events.append,
            lambda: stop_after is not None and next(asked) >= stop_after,
        )
        return Run(rows, saved, events, network, trained)

    return go


def weights_of(network: nn.Module) -> list[np.ndarray]:
    return [value.numpy() for value in network.state_dict().values()]


def equal(first: nn.Module, second: nn.Module) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(second), strict=True))


def test_a_network_learns(run: Callable[..., Run]) -> None:
    result = run(settings=replace(SETTINGS, steps=60, validation_every=20))

    assert [row["step"] for row in result.rows] == [20, 40, 60]
    assert result.rows[-1]["loss"] < result.rows[0]["loss"]
    assert result.trained.is_finished
    assert {"loss", "keypoints", "descriptors", "score", "homographies.described"} <= set(result.rows[0])


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_the_same_seed_gives_the_same_curve(run: Callable[..., Run], precision: str) -> None:
    settings = replace(SETTINGS, precision=precision)
    first, second = run("one", settings), run("two", settings)

    assert first.rows == second.rows
    assert equal(first.network, second.network)


@pytest.mark.parametrize("stop_after", [0, 1, 5, 11])
def test_an_interrupted_training_goes_on_as_if_it_had_never_stopped(
    run: Callable[..., Run], tmp_path: Path, stop_after: int
) -> None:
    """To the last bit, with one thread: curve, network and what is kept as the best."""
    whole = run("whole")
    with pytest.raises(Interrupted, match=f"after step {stop_after} of 12"):
        run("pieces", stop_after=stop_after)
    assert (tmp_path / "pieces").exists() == (stop_after > 0)

    resumed = run("pieces")

    assert resumed.rows == whole.rows
    assert equal(resumed.network, whole.network)
    assert resumed.trained.standing.best_step == whole.trained.standing.best_step


def test_killed_training_goes_on_from_its_last_checkpoint(run: Callable[..., Run], tmp_path: Path) -> None:
    """What the steps after it did to the best weights is done again, the same."""
    whole = run("whole")

    def die(network: nn.Module) -> dict[str, float]:
        raise KeyError("killed")

    with pytest.raises(KeyError):
        run("pieces", machine=replace(MACHINE, checkpoint_every=3), validate=die)
    assert run("pieces").rows == whole.rows


@pytest.mark.parametrize("workers", [1, 3])
def test_data_are_the_same_for_any_number_of_processes(run: Callable[..., Run], workers: int) -> None:
    alone, helped = run("alone"), run("helped", machine=Machine(workers=workers))

    assert alone.rows == helped.rows


@dataclass
class Broken:
    """A source that fails, or that is killed, in the third step."""

    source: PairSource
    is_killed: bool
    calls: int = 0

    def sample(self, rng: np.random.Generator) -> PairSample:
        self.calls += 1
        if self.calls > 2 * SETTINGS.batch:
            if self.is_killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise ReconError("view.npz is damaged", code=Cause.CORRUPT_FILE, file="view.npz", try_="delete it")
        return self.source.sample(rng)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_source_says_reaches_the_trainer(
    run: Callable[..., Run], source: HomographySource, workers: int
) -> None:
    with pytest.raises(ReconError, match=r"view\.npz is damaged") as caught:
        run(pairs=Broken(source, is_killed=False), machine=Machine(workers=workers))

    assert (caught.value.code, caught.value.file, caught.value.try_) == (Cause.CORRUPT_FILE, "view.npz", "delete it")


def test_a_process_that_was_killed_is_told(run: Callable[..., Run], source: HomographySource) -> None:
    """As the system does when memory runs out."""
    with pytest.raises(ReconError, match="ended from outside") as caught:
        run(pairs=Broken(source, is_killed=True), machine=Machine(workers=1))

    assert caught.value.code is Cause.LOST_WORKER
    assert "--workers" in (caught.value.try_ or "")


def test_steps_are_told_with_their_losses_and_from_where_they_began(run: Callable[..., Run]) -> None:
    with pytest.raises(Interrupted):
        run(stop_after=5)
    events = run().events
    begun = next(each for each in events if isinstance(each, StageStarted))
    told = [each for each in events if isinstance(each, Progress)]

    assert (begun.done, begun.total) == (5, 12)
    assert [each.done for each in told] == [10, 12]
    assert "descriptors" in told[-1].detail


def test_the_time_limit_ends_a_piece_and_the_next_goes_on(run: Callable[..., Run]) -> None:
    whole = run("whole")

    piece = run("pieces", machine=replace(MACHINE, time_limit_min=1e-9))
    following = run("pieces")

    assert not piece.trained.is_finished
    assert following.rows == whole.rows


def test_training_stops_early_when_validation_no_longer_gains(run: Callable[..., Run]) -> None:
    scores = iter([0.5, 0.6, 0.55, 0.58, 0.9])
    settings = replace(SETTINGS, steps=20, patience=2)

    result = run(settings=settings, validate=lambda network: {"score": next(scores)})

    assert result.trained.stopped_early
    assert [row["step"] for row in result.rows] == [4, 8, 12, 16]
    assert result.trained.standing.best_step == 8
    assert len(result.saved) == 2


def test_a_step_without_a_finite_loss_is_passed_over(run: Callable[..., Run], source: HomographySource) -> None:
    """And leaves no trace: statistics of the norms, which it had spoilt, are put back."""
    result = run(pairs=Spoilt(source, lambda step: step == 3))
    warnings = [each.message for each in result.events if isinstance(each, Warned)]

    assert len(warnings) == 1
    assert "step 4" in warnings[0]
    assert "keypoints is nan" in warnings[0]
    assert result.trained.standing.passed_over == 1
    assert all(np.isfinite(value).all() for value in weights_of(result.network))


def test_a_training_that_breaks_down_says_where_and_keeps_its_checkpoint(
    run: Callable[..., Run], source: HomographySource, tmp_path: Path
) -> None:
    pairs = Spoilt(source, lambda step: step >= 6)
    with pytest.raises(ReconError, match=r"step 11: .*descriptors is nan") as caught:
        run(pairs=pairs, machine=replace(MACHINE, checkpoint_every=2))
    assert caught.value.code is Cause.BAD_TRAINING
    assert "--learning-rate" in (caught.value.try_ or "")

    assert run().trained.is_finished  # from the checkpoint of step 6, with data that are whole


def test_a_full_disk_at_a_checkpoint_leaves_the_one_before(
    run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        run(stop_after=5)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ReconError, match="is full") as caught:
            run()
    assert caught.value.code is Cause.DISK_FULL
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert run().trained.is_finished


@pytest.mark.parametrize("damage", ["cut", "pickle", "other"])
def test_a_bad_checkpoint_is_refused_and_never_executed(run: Callable[..., Run], tmp_path: Path, damage: str) -> None:
    path, trap = tmp_path / "checkpoint.pt", tmp_path / "trap"
    with pytest.raises(Interrupted):
        run(stop_after=2)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-2000])
    elif damage == "pickle":
        torch.save(_Trap(str(trap)), path)
    else:
        torch.save({"format": 1, "standing": {}, "module": {}, "average": {}, "optimiser": {}}, path)

    with pytest.raises(ReconError, match="damaged") as caught:
        run()
    assert caught.value.code is Cause.CORRUPT_FILE
    assert not trap.exists()


class _Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return (open, (self.path, "w"))


def test_frozen_parts_stay_as_they_are_down_to_the_statistics_of_their_norms(source: HomographySource) -> None:
    step = TrainingStep(TinyNetwork())
    step.network.look.requires_grad_(False)

    step.train()

    assert not step.network.look.training
    assert step.network.score.training


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("batch", 0), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("precision", "16")],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name.replace("_", " ")):
        replace(SETTINGS, **{name: value})
