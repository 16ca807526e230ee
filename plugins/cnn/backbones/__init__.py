"""Networks that others have trained on ImageNet, as trunks of the `cnn` network: frozen, or tuned with the rest."""

from __future__ import annotations

from torch import nn

import recon

from .trunk import BACKBONES, BackboneTrunk
from .weights import load_backbone_weights

__all__ = ["BACKBONES", "BackboneTrunk", "create_trunk", "load_backbone_weights"]


def create_trunk(name: str) -> BackboneTrunk:
    """Return a trunk with a backbone of random weights, drawn from torch's generator.

    Raises:
        UsageError: BAD_VALUE, no backbone has this name.
    """
    if name not in BACKBONES:
        raise recon.UsageError(
            f"there is no backbone named {name!r}",
            code=recon.Cause.BAD_VALUE,
            try_=f"choose one of {', '.join(BACKBONES)}",
        )
    trunk = BackboneTrunk(BACKBONES[name]())
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return trunk
