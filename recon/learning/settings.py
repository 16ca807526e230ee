"""What a training is asked for: what decides its result, and apart from that what only decides how it runs here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.core.executor import available_threads

_RANGES: Mapping[str, tuple[float, float]] = {
    "steps": (1, 100_000_000),
    "batch": (1, 4096),
    "learning_rate": (1e-8, 1.0),
    "warm_up": (0, 1_000_000),
    "last_rate": (0.0, 1.0),
    "weight_decay": (0.0, 1.0),
    "max_gradient": (1e-6, 1e6),
    "averaging": (0.0, 0.999999),
    "seed": (0, 2**63 - 1),
    "validation_every": (1, 1_000_000),
    "validation_pairs": (1, 100_000),
    "patience": (1, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What decides the curve of a training, beside data, network and losses."""

    steps: int = 20_000
    batch: int = 8
    """Pairs a step; both crops of all of them go through the network at once."""
    learning_rate: float = 1e-3
    """At its highest: it grows from 0 while warming up, and falls by a cosine from there on."""
    warm_up: int = 300
    """Steps."""
    last_rate: float = 0.01
    """Of the last step, as a share of the highest."""
    weight_decay: float = 1e-4
    """AdamW's; norms and biases are left alone."""
    max_gradient: float = 1.0
    """The gradient is cut to this length."""
    averaging: float = 0.999
    """How much of the average of the weights stays at each step. It is the average that is validated and kept; 0 keeps
    the weights themselves."""
    seed: int = 0
    validation_every: int = 500
    """Steps."""
    validation_pairs: int = 64
    patience: int | None = None
    """Stop after so many validations in a row without a better score."""
    precision: str = "auto"
    """`32`, `bf16`, or `auto`: bf16 where the device is fast at it."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(
                    f"{name.replace('_', ' ')} = {value} is out of range",
                    code=Cause.BAD_VALUE,
                    try_=f"give a number from {low:g} to {high:g}",
                )
        if self.precision not in ("auto", "32", "bf16"):
            raise UsageError(
                f"no precision named {self.precision!r}", code=Cause.BAD_VALUE, try_="use auto, 32 or bf16"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON holds them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Machine:
    """How a training runs here; another machine, or another piece of it, may do otherwise."""

    device: str = "cpu"
    """`cpu`, `cuda:N` or `mps`: already checked to exist."""
    devices: int = 1
    """GPUs, from that one on."""
    threads: int = 1
    """Of the network's own work on the CPU. With one, equal seeds give equal numbers to the last bit."""
    workers: int | None = None
    """Processes that make samples meanwhile; the samples are the same for any number. None: as many as that takes."""
    checkpoint_minutes: float = 10.0
    checkpoint_every: int | None = None
    """Steps between two checkpoints, beside the minutes."""
    time_limit_min: float | None = None
    """This piece ends after so many minutes, with a checkpoint; the same command goes on from there."""
    tensorboard: bool = False

    @property
    def num_workers(self) -> int:
        """How many processes make samples: on a CPU the network is most of the work, on a GPU the data are."""
        if self.workers is not None:
            return self.workers
        if self.device == "cpu":
            return max(1, self.threads // 4)
        return max(1, min(16, (available_threads() - 1) // self.devices))
