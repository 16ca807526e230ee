"""The optimiser, and its learning rate at each step."""

from __future__ import annotations

import math

import torch
from torch import nn

from recon.learning.settings import TrainSettings


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Return the rate of a step, the first being 0: up in a line while warming up, then down by half a cosine."""
    if step < settings.warm_up:
        return settings.learning_rate * (step + 1) / settings.warm_up
    progress = (step - settings.warm_up) / max(1, settings.steps - settings.warm_up)
    share = settings.last_rate + (1 - settings.last_rate) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return settings.learning_rate * share


def make_optimiser(module: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return AdamW over what is trained of a module; norms and biases do not decay."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in trained if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of an optimiser the same rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate
