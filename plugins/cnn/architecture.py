"""Which network a name means."""

from __future__ import annotations

from torch import nn

from .network import CnnNetwork, Trunk

OWN = "own"


class NamedNetwork(CnnNetwork):
    """A network that knows the name of its trunk, so that weights of another are told apart."""

    def __init__(self, backbone: str) -> None:
        super().__init__(_trunk(backbone))
        self.backbone: str = backbone


def _trunk(backbone: str) -> nn.Module:
    if backbone == OWN:
        return Trunk()
    from .backbones import create_trunk

    return create_trunk(backbone)
