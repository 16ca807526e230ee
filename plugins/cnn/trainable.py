"""The network as `recon train` sees it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from . import CnnTrainingOptions
from .architecture import NamedNetwork
from .backbones import BackboneTrunk, load_backbone_weights
from .weights import load_weights, save_weights, shipped_weights


class CnnTrainable:
    """Builds, writes and reads networks."""

    early_layers = ("trunk.stem", "trunk.levels.0")
    """What a tuning leaves as it is: edges and corners look alike in all photos."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def build(self, options: CnnTrainingOptions) -> nn.Module:
        """Return a network with fresh weights, the same for the same seed; torch's own seed stays as it is.

        Raises:
            UsageError: MISSING_FILE, there is no file of the backbone's weights.
            ReconError: BAD_WEIGHTS, they do not fit.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            network = NamedNetwork(options.backbone)
        if isinstance(network.trunk, BackboneTrunk):
            if options.backbone_weights is not None:
                load_backbone_weights(network.trunk, options.backbone_weights)
            if options.freeze_backbone:
                network.trunk.freeze()
        return network

    def pretrained(self, options: CnnTrainingOptions) -> Path:
        """Return the weights that a tuning begins with.

        Raises:
            ReconError: MISSING_WEIGHTS.
        """
        return options.weights or shipped_weights(options.backbone)

    def save(self, module: nn.Module, path: Path) -> None:
        """Write the module's weights as safetensors, whole or not at all."""
        save_weights(_named(module), path)

    def load(self, module: nn.Module, path: Path) -> None:
        """Read weights whose names and shapes fit exactly.

        Raises:
            ReconError: BAD_WEIGHTS; MISSING_FILE.
        """
        load_weights(_named(module), path)


def _named(module: nn.Module) -> NamedNetwork:
    if not isinstance(module, NamedNetwork):
        raise TypeError(f"a network built by this plugin is expected, not a {type(module).__name__}")
    return module
