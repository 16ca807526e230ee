"""The network made ready to infer: batch normalisation folded into the convolutions, tensors laid out by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import BasicLayer, XFeatNetwork

_BAND_PIXELS = 480_000
"""In a part of the image: all of one of VGA size, and a quarter of 1600x1200, which is where either is fastest."""
_OVERLAP = 16
"""Rows that the first two blocks see beyond a row of theirs, rounded up to a multiple of 4."""


Layer = Callable[[Tensor], Tensor]
"""(B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldedLayer:
    """A convolution with bias, and perhaps a ReLU."""

    weight: Tensor
    bias: Tensor
    stride: int
    padding: int
    has_relu: bool

    def __call__(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H/stride, W/stride)."""
        if self.weight.shape[2:] == (1, 1):  # a convolution would leave its result in another layout, and convert twice
            return self.of_rows(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)
        return y.relu_() if self.has_relu else y

    def of_rows(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of (..., inputs): what a 1x1 convolution does to pixels."""
        y = functional.linear(x, self.weight.flatten(1), self.bias)
        return y.relu_() if self.has_relu else y


class FoldedNetwork:
    """The trunk in a number format of choice, and both heads, of which the keypoint head stays in float32."""

    def __init__(
        self,
        network: XFeatNetwork,
        device: torch.device,
        dtype: torch.dtype,
        chain: Callable[[Sequence[FoldedLayer]], Layer] | None = None,
    ) -> None:
        """Fold a network.

        Args:
            chain: Puts the layers of a block together, one after the other if not told.
        """

        def folded(block: nn.Sequential) -> Layer:
            return (chain or Chain)([_folded(layer, device, dtype) for layer in block])

        self._dtype = dtype
        self._block1, self._block2 = folded(network.block1), folded(network.block2)
        self._skip1 = _folded(network.skip1[1], device, dtype)
        self._block3, self._block4, self._block5 = (
            folded(network.block3),
            folded(network.block4),
            folded(network.block5),
        )
        self._fusion = folded(network.block_fusion)
        self._reliability = folded(network.heatmap_head)
        self._keypoints = [_folded(layer, device, torch.float32) for layer in network.keypoint_head]

    def features(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of a (H, W) normalised image as pixels in rows, in float32.

        Returns:
            (H/8, W/8, 64) features, not normalised; (H/8, W/8) reliability, 0 to 1.
        """
        x = grey[None, None].to(self._dtype).contiguous(memory_format=torch.channels_last)
        x3 = self._block3(torch.cat([self._fine(*band) for band in _bands(x)], dim=2))
        x4 = self._block4(x3)
        x5 = self._block5(x4)
        size = x3.shape[2:]
        for coarse in (x4, x5):
            x3 += functional.interpolate(coarse, size, mode="bilinear", align_corners=False)
        fused = self._fusion(x3)
        reliability = self._reliability(fused)[0, 0].float().sigmoid()
        return fused[0].permute(1, 2, 0).float().contiguous(), reliability

    def _fine(self, x: Tensor, first: int, last: int) -> Tensor:
        """Return rows `first` to `last` of the 24 channels at stride 4 of a part of an image."""
        x2 = self._block2(self._block1(x) + self._skip1(functional.avg_pool2d(x, 4)))
        return x2[:, :, first:last]

    def keypoint_logits(self, cells: Tensor) -> Tensor:
        """Return (N, 65) logits of (N, 64) normalised pixels of cells."""
        for layer in self._keypoints:
            cells = layer.of_rows(cells)
        return cells


def _bands(x: Tensor) -> Iterator[tuple[Tensor, int, int]]:
    """Yield parts of a (1, 1, H, W) image, and which rows of their maps at stride 4 are right and not given before.

    The first layers have as many values as the image has pixels, or four times: in parts of the image they stay in
    the processor's cache, which halves their time at 1600 px. Rows next to a cut are wrong, and left out.
    """
    height, width = x.shape[2:]
    rows = max(_BAND_PIXELS // width // 32 * 32, 64)
    for top in range(0, height, rows):
        begin, end = max(0, top - _OVERLAP), min(height, top + rows + _OVERLAP)
        yield x[:, :, begin:end], (top - begin) // 4, (min(height, top + rows) - begin) // 4


class Chain:
    """Layers one after the other."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers

    def __call__(self, x: Tensor) -> Tensor:
        """Return what the last makes of it."""
        for layer in self._layers:
            x = layer(x)
        return x


def _folded(layer: nn.Module, device: torch.device, dtype: torch.dtype) -> FoldedLayer:
    if isinstance(layer, BasicLayer):
        convolution, norm = layer.convolution, layer.norm
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        scale = torch.rsqrt(variance.double() + norm.eps)
        weight, bias = convolution.weight.double() * scale[:, None, None, None], -mean.double() * scale
    elif isinstance(layer, nn.Conv2d) and layer.bias is not None:
        convolution, weight, bias = layer, layer.weight, layer.bias
    else:
        raise TypeError(f"cannot fold a {type(layer).__name__}")
    return FoldedLayer(
        weight.to(device, dtype).contiguous(memory_format=torch.channels_last),
        bias.to(device, dtype),
        int(convolution.stride[0]),
        int(convolution.padding[0]),
        isinstance(layer, BasicLayer),
    )
