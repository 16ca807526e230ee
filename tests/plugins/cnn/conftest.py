"""Networks of random weights: what holds for any weights is tested on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from recon_plugins.cnn.architecture import NamedNetwork
from recon_plugins.cnn.weights import save_weights


@pytest.fixture(scope="session")
def random_network() -> Callable[..., NamedNetwork]:
    """Return a function: a network of random weights, whose every layer passes its signal on."""

    def make(seed: int = 0, backbone: str = "own") -> NamedNetwork:
        random = torch.Generator().manual_seed(seed)
        network = NamedNetwork(backbone).eval().requires_grad_(False)
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
                tensor.uniform_(0.5, 1.5, generator=random)
            elif name.endswith("bias") or name.endswith("running_mean"):
                tensor.normal_(0, 0.2, generator=random)
            elif tensor.is_floating_point():
                tensor.normal_(0, (1.5 / max(1, tensor[0].numel())) ** 0.5, generator=random)
        return network

    return make


@pytest.fixture(scope="session")
def weights(random_network: Callable[..., NamedNetwork], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of random weights."""
    path = tmp_path_factory.mktemp("cnn") / "random.safetensors"
    save_weights(random_network(), path)
    return path
