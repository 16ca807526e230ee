"""The network made ready to infer on a CPU: normalisation folded into the convolutions, tensors laid out by pixel.

It computes what `CnnNetwork` does with our own trunk, in another order where that saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..xfeat.folding import Chain, FoldedLayer, Layer
from .bands import bands
from .network import FINEST_STRIDE, SIZE_STEP, BlurPool, CnnNetwork, ConvLayer, KeypointHead, Trunk

_BAND_PIXELS = 600_000
"""Of the image in a band: all of one of VGA size. In one piece, a photo of 12 megapixels takes over a gigabyte, and one
of 1600x1200 already more than the system leaves to a program that has freed it. To ask for it again each time takes
longer than the rows that bands compute twice: in bands, 1600x1200 takes a tenth to a fifth less time."""
_TRUNK_HALO = 16
"""Rows of the image next to a cut in which the two finest levels are wrong."""
_HEAD_HALO = 8
"""Likewise for the keypoint head."""


class FoldedNetwork:
    """Trunk and keypoint head."""

    def __init__(
        self, network: CnnNetwork, dtype: torch.dtype, chain: Callable[[Sequence[FoldedLayer]], Layer] = Chain
    ) -> None:
        """Fold a network whose trunk is ours.

        Args:
            chain: Puts layers that follow each other together.
        """
        trunk = cast(Trunk, network.trunk)
        self._dtype = dtype
        self._stem = chain([_folded(layer, dtype) for layer in list(trunk.stem)[1:]])
        levels = [list(cast(nn.Sequential, level)) for level in trunk.levels]
        self._blurs = [_FoldedBlur(cast(BlurPool, level[0]).kernel.to(dtype)) for level in levels]
        self._levels = [chain([_folded(layer, dtype) for layer in level[1:]]) for level in levels]
        self._head = _FoldedHead(network.keypoints, dtype)

    def __call__(self, grey: Tensor) -> tuple[Tensor, Mapping[int, Tensor]]:
        """Return the (H, W) keypoint logits of a (H, W) normalised image, and its levels, (h, w, C), by stride."""
        levels = self._finest_levels(grey)
        x = levels[2 * FINEST_STRIDE]
        for blur, level in zip(self._blurs[1:], self._levels[1:], strict=True):
            x = level(blur(x))
            levels[2 * max(levels)] = x
        logits = []
        for band in bands(grey.shape[0], grey.shape[1], _BAND_PIXELS, _HEAD_HALO, SIZE_STEP):
            seen = {stride: levels[stride][:, :, band.seen(stride)] for stride in self._head.strides}
            logits.append(self._head(seen)[band.of_seen(1)])
        return torch.cat(logits), {stride: level[0].permute(1, 2, 0) for stride, level in levels.items()}

    def _finest_levels(self, grey: Tensor) -> dict[int, Tensor]:
        """Return the two finest levels of a (H, W) image: (1, C, h, w) by stride, laid out by pixel."""
        parts: dict[int, list[Tensor]] = {FINEST_STRIDE: [], 2 * FINEST_STRIDE: []}
        for band in bands(grey.shape[0], grey.shape[1], _BAND_PIXELS, _TRUNK_HALO, SIZE_STEP):
            finest = self._stem(_squares(grey[band.seen(1)]).to(self._dtype))
            for level, stride in zip((finest, self._levels[0](self._blurs[0](finest))), parts, strict=True):
                parts[stride].append(level[:, :, band.of_seen(stride)])
        return {stride: levels[0] if len(levels) == 1 else torch.cat(levels, 2) for stride, levels in parts.items()}


def _squares(grey: Tensor) -> Tensor:
    """Return (1, 4, H/2, W/2) of (H, W): each 2x2 pixels, row by row, next to each other in memory.

    Two neighbours are copied as one number: ten times as fast as `pixel_unshuffle`.
    """
    twos = grey.numpy().view(np.complex64)
    squares = np.empty((len(twos) // 2, twos.shape[1], 2), np.complex64)
    squares[:, :, 0], squares[:, :, 1] = twos[0::2], twos[1::2]
    return torch.from_numpy(squares.view(np.float32)).permute(2, 0, 1)[None]


@dataclass(frozen=True, slots=True, eq=False)
class _FoldedBlur:
    """A filter of each channel by itself that halves an image."""

    kernel: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return (1, C, H/2, W/2)."""
        padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv2d(padded, self.kernel, stride=2, groups=len(self.kernel))


class _FoldedHead:
    """The keypoint head.

    Levels are enlarged in float32, which is faster than in bfloat16 too. And the last layer is in float32: in eight
    bits neighbours have equal logits, and either is a peak. On temple_ring that cost a tenth of the matches.
    """

    def __init__(self, head: KeypointHead, dtype: torch.dtype) -> None:
        self.strides = head.strides
        self._dtype = dtype
        finest, *coarser = (cast(nn.Conv2d, layer) for layer in head.projections)
        self._finest = finest.weight.flatten(1).t().to(dtype).contiguous()
        # Enlarging leaves a constant as it is: all biases go where there are fewest pixels.
        bias = sum((_bias(layer) for layer in coarser), start=_bias(finest))
        biases = [*[torch.zeros_like(bias)] * (len(coarser) - 1), bias]
        self._coarser = [
            (layer.weight.flatten(1).to(dtype), bias.to(dtype)) for layer, bias in zip(coarser, biases, strict=True)
        ]
        self._mix = _folded(head.mix, dtype)
        self._score = _score_of_squares(head.score)

    def __call__(self, levels: Mapping[int, Tensor]) -> Tensor:
        """Return (H, W) float32 logits."""
        finest, *coarser = (levels[stride].permute(0, 2, 3, 1) for stride in self.strides)
        height, width = finest.shape[1:3]
        total: Tensor | None = None
        for level, (weight, bias) in zip(coarser, self._coarser, strict=True):
            projected = functional.linear(level, weight, bias).float().permute(0, 3, 1, 2)
            enlarged = functional.interpolate(projected, (height, width), mode="bilinear", align_corners=False)
            total = enlarged if total is None else total.add_(enlarged)
        assert total is not None
        rows = total[0].permute(1, 2, 0).flatten(0, 1).to(self._dtype)
        rows.addmm_(finest.flatten(0, 2), self._finest).relu_()
        mixed = self._mix(rows.view(1, height, width, -1).permute(0, 3, 1, 2))
        return _unfolded(self._score(mixed.float()))


def _score_of_squares(score: nn.Conv2d) -> FoldedLayer:
    """Return a convolution that scores four by four pixels of the image at once.

    That is two by two pixels of the finest level: four outputs each would leave most of the processor's lanes empty.
    A 4x4 kernel of stride 2 holds the 3x3 kernel at four places.
    """
    outputs, inputs, side, _ = score.weight.shape
    weight = torch.zeros(2, 2, outputs, inputs, side + 1, side + 1)
    for down in range(2):
        for across in range(2):
            weight[down, across, :, :, down : down + side, across : across + side] = score.weight
    # Outputs in the order of the pixels: rows of two squares, each of two rows.
    step = FINEST_STRIDE
    weight = weight.view(2, 2, step, step, inputs, side + 1, side + 1).transpose(1, 2).flatten(0, 3)
    bias = _bias(score).view(1, 1, step, step).expand(2, 2, step, step).transpose(1, 2).flatten()
    return FoldedLayer(weight.contiguous(memory_format=torch.channels_last), bias, 2, 1, has_relu=False)


def _unfolded(squares: Tensor) -> Tensor:
    """Return (H, W) float32 values of (1, 16, H/4, W/4): the four by four pixels of each square, row by row."""
    side = 2 * FINEST_STRIDE
    height, width = squares.shape[2:]
    picture = torch.empty(height, side, width, side)
    picture.copy_(squares[0].permute(1, 2, 0).float().view(height, width, side, side).transpose(1, 2))
    return picture.view(height * side, width * side)


def _folded(layer: nn.Module, dtype: torch.dtype) -> FoldedLayer:
    convolution, norm, _ = cast(ConvLayer, layer)
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
    weight = convolution.weight.double() * scale[:, None, None, None]
    bias = norm.bias.double() - norm.running_mean.double() * scale
    return FoldedLayer(
        weight.to(dtype).contiguous(memory_format=torch.channels_last), bias.to(dtype), 1, 1, has_relu=True
    )


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
