"""ResNet-18 and ResNet-50 (He et al., CVPR 2016), their tensors named as in torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

_STRIDES = (4, 8, 16, 32)
"""Of the four layers, each a row of blocks."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H/stride, W/stride)."""
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y))
        return torch.relu(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, beside a shortcut; it is the 3x3 one that has the stride."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H/stride, W/stride)."""
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return torch.relu(y + self.downsample(x))


class ResNet(nn.Module):
    """A 7x7 convolution, a maximum and four rows of blocks; the classifier is left out.

    All that halves here has an odd kernel, whose output k is centred on input 2k: pixel k of a level of stride s
    sees what lies around pixel s k of the image, and not around s k + (s - 1) / 2, where it is due.
    """

    name: ClassVar[str]
    classifier: ClassVar[str] = "fc."
    """How the names of the tensors begin that are left out."""
    channels: Mapping[int, int]
    offsets: Mapping[int, float] = {stride: (stride - 1) / (2 * stride) for stride in (2, *_STRIDES)}
    """In cells of a level: how far before its due place each of its values was seen, in x and y alike."""

    block: ClassVar[type[BasicBlock] | type[Bottleneck]]
    depths: ClassVar[tuple[int, int, int, int]]
    """Blocks a row."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = {2: 64}
        inputs = 64
        for number, (stride, depth) in enumerate(zip(_STRIDES, self.depths, strict=True)):
            row = []
            for place in range(depth):
                width = 64 << number
                row.append(self.block(inputs, width, 2 if number and not place else 1))
                inputs = width * self.block.expansion
            self.add_module(f"layer{number + 1}", nn.Sequential(*row))
            channels[stride] = inputs
        self.channels = channels

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """Return the levels of a (B, 3, H, W) image by stride: (B, C, H/stride, W/stride) each."""
        x = self.bn1(self.conv1(x)).relu()
        levels = {2: x}
        x = self.maxpool(x)
        for number, stride in enumerate(_STRIDES, 1):
            x = self.get_submodule(f"layer{number}")(x)
            levels[stride] = x
        return levels


class ResNet18(ResNet):
    """Two blocks of two convolutions a row."""

    name = "resnet18"
    block = BasicBlock
    depths = (2, 2, 2, 2)


class ResNet50(ResNet):
    """Three to six blocks of three convolutions a row."""

    name = "resnet50"
    block = Bottleneck
    depths = (3, 4, 6, 3)


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
