"""3x3 convolutions with fewer multiplications (Winograd), by NNPACK, which torch contains on most machines.

On one thread of an AMD processor with AVX-512, 64 channels of a VGA photo take half the time of a direct convolution,
and the whole network four fifths; a value of 1 comes out up to 7e-5 off. torch uses NNPACK by itself only for batches
of 16. OpenVINO 2026.4 takes 0.87 of the time of direct convolutions at VGA and 0.93 at 1600x1200 (bfloat16: 0.78 and
0.89), onnxruntime 1.31 (float32) 0.97 and 0.93: less than this gains, or not enough for a dependency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import cv2
import torch
from torch import Tensor

from .folding import Chain, FoldedLayer, Layer


@dataclass(frozen=True, slots=True, eq=False)
class WinogradLayers:
    """3x3 convolutions of stride 1 in a row, each with bias and ReLU; on one thread, in float32."""

    layers: Sequence[FoldedLayer]

    def __call__(self, x: Tensor) -> Tensor:
        """Return (1, outputs, H, W) of (1, inputs, H, W); both lie in memory pixel by pixel."""
        height, width = x.shape[2:]
        # NNPACK wants channel by channel. OpenCV turns it eight times as fast as torch.
        pixels = x[0].permute(1, 2, 0).reshape(height * width, -1)
        x = torch.from_numpy(cv2.transpose(pixels.numpy())).view(1, -1, height, width)
        for layer in self.layers:
            x = torch._nnpack_spatial_convolution(x, layer.weight, layer.bias, (1, 1), (1, 1)).relu_()
        channels = x[0].flatten(1)
        return torch.from_numpy(cv2.transpose(channels.numpy())).view(1, height, width, -1).permute(0, 3, 1, 2)


def fast_chain(layers: Sequence[FoldedLayer]) -> Layer:
    """Return layers, those by Winograd's algorithm where that is possible."""
    links: list[Layer] = []
    for suits, group in groupby(layers, _suits):
        some = list(group)
        links += [WinogradLayers([_by_channel(layer) for layer in some])] if suits else some
    return Chain(links)


def _suits(layer: FoldedLayer) -> bool:
    is_square = layer.weight.shape[2:] == (3, 3) and layer.stride == 1 and layer.padding == 1 and layer.has_relu
    is_float_on_cpu = layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu"
    # With fewer channels, the transforms cost more than they save.
    return is_square and is_float_on_cpu and min(layer.weight.shape[:2]) >= 24 and is_at_hand()


def _by_channel(layer: FoldedLayer) -> FoldedLayer:
    return FoldedLayer(layer.weight.contiguous(), layer.bias, layer.stride, layer.padding, layer.has_relu)


@cache
def is_at_hand() -> bool:
    """Return whether torch contains NNPACK and the processor suits it; the question also sets it up."""
    return hasattr(torch, "_nnpack_spatial_convolution") and bool(getattr(torch, "_nnpack_available", bool)())
