"""The fine matcher: from the descriptors of two matched cells to where in the first lies what the second shows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..xfeat.network import STRIDE

_SHARPNESS = 3.0
"""What the logits are multiplied by before the softmax (upstream's)."""


class FineMatcher:
    """Five dense layers, batch normalisation folded into them."""

    def __init__(self, layers: nn.Sequential, device: torch.device, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._layers = [(w.to(device, dtype), b.to(device, dtype)) for w, b in _folded(layers)]
        bins = torch.arange(STRIDE * STRIDE, device=device)
        self._places = torch.stack([bins % STRIDE, bins // STRIDE], dim=1).float() - STRIDE / 2

    def __call__(self, descriptors1: Tensor, descriptors2: Tensor) -> tuple[Tensor, Tensor]:
        """Return upstream's offsets in cell 1 and how sure they are.

        Args:
            descriptors1: (M, 64), not normalised.
            descriptors2: (M, 64) of the cells matched with them.

        Returns:
            (M, 2) x and y in pixels of the feature map's image, -4 to 3; (M,) 0 to 1.
        """
        x = torch.cat([descriptors1, descriptors2], dim=1).to(self._dtype)
        for weight, bias in self._layers[:-1]:
            x = functional.linear(x, weight, bias).relu_()
        shares = (_SHARPNESS * functional.linear(x, *self._layers[-1]).float()).softmax(dim=1)
        return shares @ self._places, shares.amax(dim=1)


def _folded(layers: nn.Sequential) -> list[tuple[Tensor, Tensor]]:
    """Return weight and bias of each dense layer, the normalisation after it included."""
    folded: list[tuple[Tensor, Tensor]] = []
    for layer in layers:
        if isinstance(layer, nn.Linear):
            folded.append((layer.weight, layer.bias))
        elif isinstance(layer, nn.BatchNorm1d):
            if layer.running_var is None or layer.running_mean is None:
                raise TypeError("the fine matcher was made to train")
            scale = torch.rsqrt(layer.running_var + layer.eps)
            weight, bias = folded.pop()
            folded.append((weight * scale[:, None], (bias - layer.running_mean) * scale))
    return folded
