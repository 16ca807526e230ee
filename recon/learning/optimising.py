"""One step after the other: a network made better by each, unless a step's losses are no numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from recon.learning.averaging import AveragedNetwork, BatchStatistics
from recon.learning.following import mean_of_all
from recon.learning.samples import Batch
from recon.learning.schedule import learning_rate, make_optimiser, set_learning_rate
from recon.learning.settings import TrainSettings
from recon.learning.step import SealedBatch, TrainingStep

if TYPE_CHECKING:
    from lightning_fabric import Fabric

GRADIENT = "the gradient"
TOTAL = "loss"


class Optimising:
    """A network in training, its optimiser, and its running average."""

    def __init__(self, step: TrainingStep, settings: TrainSettings, fabric: Fabric) -> None:
        self._settings, self._fabric = settings, fabric
        # There before the optimiser, whose state has to be where the weights are; half the time on a CPU.
        self._module = step.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = AveragedNetwork(self._module.network, settings.averaging)
        self._optimiser = make_optimiser(self._module, settings)
        self._statistics = BatchStatistics(self._module)
        self._wrapped: Any = None
        self._wrapped_optimiser: Any = None

    @property
    def average(self) -> nn.Module:
        """The average of the network over its steps: what is validated and kept."""
        return self._average.network

    @property
    def num_trained(self) -> int:
        """How many weights of the network are trained."""
        return sum(each.numel() for each in self._module.network.parameters() if each.requires_grad)

    def states(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return the states of the module, of the average and of the optimiser."""
        return self._module.state_dict(), self._average.network.state_dict(), self._optimiser.state_dict()

    def load_states(self, module: dict[str, Any], average: dict[str, Any], optimiser: dict[str, Any]) -> None:
        """Go on from such states.

        Raises:
            RuntimeError, ValueError, KeyError: They are of another network.
        """
        self._module.load_state_dict(module)
        self._average.network.load_state_dict(average)
        self._optimiser.load_state_dict(optimiser)

    def begin(self) -> None:
        """Make ready for the first step, once the states are loaded."""
        if self._fabric.world_size > 1 and self._fabric.device.type == "cuda":
            self._module = nn.SyncBatchNorm.convert_sync_batchnorm(self._module)  # type: ignore[no-untyped-call]
        self._wrapped, self._wrapped_optimiser = self._fabric.setup(self._module, self._optimiser)

    def take(self, batch: Batch, step: int) -> dict[str, float]:
        """Make the step of a number, and return its losses by name, their sum, and the length of the gradient.

        Where one of them is no finite number, nothing is changed, not even the statistics of the norms.
        """
        torch.manual_seed(int(np.random.SeedSequence([self._settings.seed, step]).generate_state(1)[0]))
        self._wrapped.train()
        self._statistics.keep()
        set_learning_rate(self._optimiser, learning_rate(step, self._settings))
        terms: dict[str, Tensor] = self._wrapped(SealedBatch(batch.to(self._fabric.device)))
        total = torch.stack(list(terms.values())).sum()
        self._wrapped_optimiser.zero_grad()
        self._fabric.backward(total)
        length: Tensor | None = self._fabric.clip_gradients(
            self._wrapped, self._wrapped_optimiser, max_norm=self._settings.max_gradient, error_if_nonfinite=False
        )
        assert length is not None  # all strategies of Fabric but some for sharded models tell it
        told = torch.stack([total.detach(), *(term.detach() for term in terms.values()), length])
        values = dict(zip([TOTAL, *terms, GRADIENT], mean_of_all(self._fabric, told).tolist(), strict=True))
        if is_finite(values):
            self._wrapped_optimiser.step()
            self._average.follow(self._module.network, step)
        else:
            self._statistics.put_back()
        return values


def is_finite(values: Mapping[str, float]) -> bool:
    """Whether all values are numbers that mean something."""
    return all(math.isfinite(value) for value in values.values())
