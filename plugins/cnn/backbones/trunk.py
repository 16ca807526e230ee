"""A backbone as the trunk of the network: its levels narrowed, and each value moved to where it is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

from ..network import FINEST_STRIDE, ConvLayer
from .resnet import ResNet, ResNet18, ResNet50
from .vgg import Vgg16

Backbone = Vgg16 | ResNet
BACKBONES: Mapping[str, type[Backbone]] = {each.name: each for each in (Vgg16, ResNet18, ResNet50)}
"""By the names that torchvision gives them."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Of red, green and blue in 0..1, as torchvision's weights were trained with."""
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_DETAIL_CHANNELS = 16
_LATERAL_CHANNELS = {2: 16, 4: 64, 8: 96, 16: 128, 32: 128}
"""Stride of each level, and what is made of its channels: with up to 2048, the heads would be most of the work."""


class LikeImageNet(nn.Module):
    """Makes of a standardised grey image what weights trained on ImageNet expect.

    They were trained with colours less ImageNet's mean, over its standard deviation, which is mean 0 and deviation 1
    over all its photos. So an image of mean 0 and deviation 1 is taken for a grey photo of ImageNet's average
    brightness and contrast. Its three channels differ a little, since ImageNet's average colour is a brown.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, deviation = torch.tensor(_IMAGENET_MEAN), torch.tensor(_IMAGENET_DEVIATION)
        self.register_buffer("scale", (deviation.mean() / deviation)[:, None, None], persistent=False)
        self.register_buffer("shift", ((mean.mean() - mean) / deviation)[:, None, None], persistent=False)

    def forward(self, grey: Tensor) -> Tensor:
        """Return (B, 3, H, W) of (B, 1, H, W)."""
        return grey * self.scale.to(grey.dtype) + self.shift.to(grey.dtype)


class Advance(nn.Module):
    """Reads a level a part of a cell further right and down, linearly between its values; the last ones stay."""

    def __init__(self, cells: float) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, level: Tensor) -> Tensor:
        """Return a level of the same shape."""
        for axis in (2, 3) if self.cells else ():
            last = level.shape[axis] - 1
            following = torch.cat([level.narrow(axis, 1, last), level.narrow(axis, last, 1)], axis)
            level = torch.lerp(level, following, self.cells)
        return level


class BackboneTrunk(nn.Module):
    """A backbone, and beside it the few layers that make five centred levels of moderate width of it.

    The finest level also sees the image at full resolution, as in our own trunk: a keypoint needs what strides and
    maxima drop, and in a frozen backbone nothing could make up for it.
    """

    channels: Mapping[int, int] = {**_LATERAL_CHANNELS, FINEST_STRIDE: _LATERAL_CHANNELS[2] + _DETAIL_CHANNELS}

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.preparation = LikeImageNet()
        self.backbone = backbone
        self.laterals = nn.ModuleDict(
            {
                str(stride): nn.Sequential(
                    nn.Conv2d(backbone.channels[stride], width, 1, bias=False),
                    nn.BatchNorm2d(width),  # VGG has none, and its levels' values differ by orders of magnitude
                    nn.ReLU(inplace=True),
                    Advance(backbone.offsets[stride]),
                )
                for stride, width in _LATERAL_CHANNELS.items()
            }
        )
        self.detail = nn.Sequential(nn.PixelUnshuffle(FINEST_STRIDE), ConvLayer(FINEST_STRIDE**2, _DETAIL_CHANNELS))
        self._is_frozen = False

    def forward(self, grey: Tensor) -> dict[int, Tensor]:
        """Return the levels of a (B, 1, H, W) image of mean 0 and deviation 1: (B, C, H/stride, W/stride) by stride."""
        seen = self.backbone(self.preparation(grey))
        levels = {stride: self.laterals[str(stride)](level) for stride, level in seen.items()}
        levels[FINEST_STRIDE] = torch.cat([levels[FINEST_STRIDE], self.detail(grey)], dim=1)
        return levels

    def freeze(self) -> None:
        """Keep the backbone as it is, the statistics of its normalisations too; the layers beside it go on learning."""
        self._is_frozen = True
        self.backbone.requires_grad_(False)
        self.backbone.eval()

    def train(self, mode: bool = True) -> Self:
        """Go over to training or from it, all but a frozen backbone."""
        super().train(mode)
        if self._is_frozen:
            self.backbone.eval()
        return self
