"""The running average of a network's weights: steadier than the weights of any one step."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class AveragedNetwork:
    """A copy of a network that follows it slowly, batch statistics included."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step; the first steps, far from any good, are soon forgotten."""
        decay = min(self._decay, (1 + step) / (10 + step))
        mine = self.network.state_dict()
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                mine[name].lerp_(value, 1 - decay)
            else:
                mine[name].copy_(value)


class BatchStatistics:
    """The running statistics of a network's norms, as they were before a step that may prove bad."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._kept: list[Tensor] = []

    def keep(self) -> None:
        """Remember them."""
        self._kept = [buffer.detach().clone() for buffer in self._network.buffers()]

    @torch.no_grad()
    def put_back(self) -> None:
        """Undo what the step did to them."""
        for buffer, kept in zip(self._network.buffers(), self._kept, strict=True):
            buffer.copy_(kept)
