"""The network of XFeat (Potje et al., CVPR 2024), its tensors named as in the published weight file.

H and W are multiples of 32 throughout; maps of stride 8 have H/8 rows and W/8 columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .weights import load_exactly, read_tensors

STRIDE = 8
"""Pixels across a cell of the feature map."""
SIZE_STEP = 32
"""Width and height of the input are multiples of this: the coarsest map has that stride."""


class BasicLayer(nn.Module):
    """Convolution without bias, batch normalisation without scale and shift, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.layer = nn.Sequential(convolution, nn.BatchNorm2d(outputs, affine=False), nn.ReLU(inplace=True))

    @property
    def convolution(self) -> nn.Conv2d:
        """The convolution, without bias."""
        return cast(nn.Conv2d, self.layer[0])

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The normalisation behind it."""
        return cast(nn.BatchNorm2d, self.layer[1])

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H/stride, W/stride)."""
        y: Tensor = self.layer(x)
        return y


class XFeatNetwork(nn.Module):
    """Dense features, keypoint logits and reliability of an image, and the matcher that refines coarse matches."""

    def __init__(self) -> None:
        super().__init__()
        self.skip1 = nn.Sequential(nn.AvgPool2d(4, stride=4), nn.Conv2d(1, 24, 1))
        self.block1 = nn.Sequential(
            BasicLayer(1, 4), BasicLayer(4, 8, stride=2), BasicLayer(8, 8), BasicLayer(8, 24, stride=2)
        )
        self.block2 = nn.Sequential(BasicLayer(24, 24), BasicLayer(24, 24))
        self.block3 = nn.Sequential(BasicLayer(24, 64, stride=2), BasicLayer(64, 64), BasicLayer(64, 64, 1))
        self.block4 = nn.Sequential(BasicLayer(64, 64, stride=2), BasicLayer(64, 64), BasicLayer(64, 64))
        self.block5 = nn.Sequential(
            BasicLayer(64, 128, stride=2), BasicLayer(128, 128), BasicLayer(128, 128), BasicLayer(128, 64, 1)
        )
        self.block_fusion = nn.Sequential(BasicLayer(64, 64), BasicLayer(64, 64), nn.Conv2d(64, 64, 1))
        self.heatmap_head = nn.Sequential(BasicLayer(64, 64, 1), BasicLayer(64, 64, 1), nn.Conv2d(64, 1, 1))
        self.keypoint_head = nn.Sequential(
            BasicLayer(64, 64, 1), BasicLayer(64, 64, 1), BasicLayer(64, 64, 1), nn.Conv2d(64, 65, 1)
        )
        self.fine_matcher = nn.Sequential(
            *(layer for inputs in (128, 512, 512, 512) for layer in _dense_layers(inputs)), nn.Linear(512, 64)
        )
        """(N, 128), two coarse descriptors side by side -> (N, 64) logits of the offset within a cell."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the feature map, the keypoint logits and the reliability of images.

        Args:
            x: (B, C, H, W), values in [0, 1]; channels are averaged.

        Returns:
            (B, 64, H/8, W/8) features, not normalised; (B, 65, H/8, W/8) logits of the keypoint being at pixel
            `8 dy + dx` of the cell, or (the last) nowhere in it; (B, 1, H/8, W/8) reliability, 0 to 1.
        """
        grey = normalised(x)
        features = self.features(grey)
        return features, self.keypoint_logits(grey), self.reliability(features)

    def features(self, grey: Tensor) -> Tensor:
        """Return the (B, 64, H/8, W/8) feature map of (B, 1, H, W) normalised images."""
        x2 = self.block2(self.block1(grey) + self.skip1(grey))
        x3 = self.block3(x2)
        x4 = self.block4(x3)
        x5 = self.block5(x4)
        fused: Tensor = self.block_fusion(x3 + _enlarged(x4, x3) + _enlarged(x5, x3))
        return fused

    def reliability(self, features: Tensor) -> Tensor:
        """Return (B, 1, H/8, W/8) in [0, 1] of a feature map."""
        return torch.sigmoid(self.heatmap_head(features))

    def keypoint_logits(self, grey: Tensor) -> Tensor:
        """Return the (B, 65, H/8, W/8) logits of (B, 1, H, W) normalised images: each cell sees its own 8x8 pixels."""
        logits: Tensor = self.keypoint_head(functional.pixel_unshuffle(grey, STRIDE))
        return logits


def normalised(x: Tensor) -> Tensor:
    """Return the (B, 1, H, W) mean of the channels, each image brought to mean 0 and standard deviation 1."""
    grey = x.mean(dim=1, keepdim=True)
    variance, mean = torch.var_mean(grey, dim=(2, 3), correction=0, keepdim=True)
    return (grey - mean) * torch.rsqrt(variance + 1e-5)  # as InstanceNorm2d


def resized(x: Tensor) -> Tensor:
    """Return (B, C, H', W') images whose sides are the next smaller multiples of 32, at least 32.

    Position p of the result, centre of the top-left pixel (0.5, 0.5), is p * (W/W', H/H') in the image.
    """
    height, width = (max(SIZE_STEP, side // SIZE_STEP * SIZE_STEP) for side in x.shape[2:])
    if (height, width) == tuple(x.shape[2:]):
        return x
    return functional.interpolate(x, (height, width), mode="bilinear", align_corners=False)


def load_network(path: Path) -> XFeatNetwork:
    """Return the network with the weights of a file, on the CPU, ready to infer.

    Raises:
        ReconError: BAD_WEIGHTS, the file is damaged, or its tensors do not fit exactly.
    """
    network = XFeatNetwork()
    load_exactly(network, read_tensors(path, "xfeat"), path, "xfeat")
    return network.eval().requires_grad_(False)


def _dense_layers(inputs: int) -> tuple[nn.Module, ...]:
    return nn.Linear(inputs, 512), nn.BatchNorm1d(512, affine=False), nn.ReLU(inplace=True)


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)
