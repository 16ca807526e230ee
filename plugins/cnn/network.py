"""The network: a trunk of anti-aliased levels, keypoints at full resolution, descriptors read at their very places.

Positions are pixels of the image, and the centre of the top-left pixel is (0.5, 0.5): position x lies at
x / stride - 0.5 of a level of any stride, since every level's downsampling is centred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

DESCRIPTOR_LENGTH = 64
SIZE_STEP = 32
"""Sides have to be multiples of it."""
FINEST_STRIDE = 2
"""Of the level whose pixels each hold the scores of a square of pixels of the image."""
TRUNK_CHANNELS = {2: 16, 4: 32, 8: 48, 16: 64, 32: 64}
"""Stride of each level of our own trunk, and its channels."""
_HEAD_CHANNELS = 16
_HIDDEN_CHANNELS = 160
_RARE = -4.0
"""Logit of a keypoint before training: of a hundred pixels, about one has one (as in RetinaNet, Lin et al., 2017)."""
PATCH_RADIUS = 5
"""Pixels around a keypoint's that say where between them it lies."""
_REACH_PX = 1.5
"""How far from its pixel's centre a keypoint can be moved, across and down."""


class ConvLayer(nn.Sequential):
    """A 3x3 convolution, batch normalisation and ReLU; size and stride are kept."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class BlurPool(nn.Module):
    """Halves an image after a binomial filter, so that a shift of the input shifts the output (Zhang, ICML 2019).

    The filter has 4x4 values (1, 3, 3, 1), and so output pixel k is centred between pixels 2k and 2k + 1.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = (line[:, None] * line)[None, None].repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H/2, W/2)."""
        padded = functional.pad(x.float(), (1, 1, 1, 1), mode="replicate")
        # In bfloat16, oneDNN's gradient of a depthwise convolution takes five times as long.
        with torch.autocast(x.device.type, enabled=False):
            blurred = functional.conv2d(padded, self.kernel, stride=2, groups=x.shape[1])
        return blurred.to(x.dtype)


class Trunk(nn.Module):
    """Our own trunk: five levels, each twice as coarse as the one before."""

    channels: Mapping[int, int] = TRUNK_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        # Each 2x2 pixels become four channels: half the size, and nothing is lost or aliased.
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), ConvLayer(4, 16), ConvLayer(16, 16))
        widths = list(TRUNK_CHANNELS.values())
        self.levels = nn.ModuleList(
            nn.Sequential(BlurPool(finer), ConvLayer(finer, coarser), ConvLayer(coarser, coarser))
            for finer, coarser in pairwise(widths)
        )

    def forward(self, grey: Tensor) -> dict[int, Tensor]:
        """Return the levels of a (B, 1, H, W) image by stride: (B, C, H/stride, W/stride) each."""
        x = self.stem(grey)
        levels = {FINEST_STRIDE: x}
        for level in self.levels:
            x = level(x)
            levels[2 * max(levels)] = x
        return levels


class KeypointHead(nn.Module):
    """Scores every pixel of the image, from the finest level and what two coarser ones know of its surroundings."""

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__()
        self.strides = (2, 4, 8)
        self.projections = nn.ModuleList(nn.Conv2d(channels[stride], _HEAD_CHANNELS, 1) for stride in self.strides)
        self.mix = ConvLayer(_HEAD_CHANNELS, _HEAD_CHANNELS)
        self.score = nn.Conv2d(_HEAD_CHANNELS, FINEST_STRIDE**2, 3, padding=1)
        nn.init.constant_(self.score.bias, _RARE)  # type: ignore[arg-type]

    def forward(self, levels: Mapping[int, Tensor]) -> Tensor:
        """Return (B, H, W) logits."""
        x, *coarser = (
            projection(levels[stride]) for stride, projection in zip(self.strides, self.projections, strict=True)
        )
        for each in coarser:
            x = x + functional.interpolate(each, x.shape[2:], mode="bilinear", align_corners=False)
        return functional.pixel_shuffle(self.score(self.mix(x.relu())), FINEST_STRIDE)[:, 0]


class PlacingHead(nn.Module):
    """Places keypoints between the pixels: an MLP of the image's own pixels around each.

    It sees the image at full resolution and on no grid, so that a shift of the image shifts what it says, and a
    keypoint found one pixel aside is brought to the same place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear((2 * PATCH_RADIUS + 1) ** 2, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 2)
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Return (..., 2) offsets in pixels from the centres of (..., 121) patches, row by row of each."""
        patches = patches - patches.mean(dim=-1, keepdim=True)
        patches = patches / (patches.std(dim=-1, keepdim=True, correction=0) + 1e-2)
        return self.of_standardised(patches)

    def of_standardised(self, patches: Tensor) -> Tensor:
        """Return what `forward` does, of patches of mean 0 and standard deviation 1."""
        return _REACH_PX * torch.tanh(self.layers(patches))


class DescriptorHead(nn.Module):
    """Describes places of the image, and tells how far to rely on each: an MLP of what all but the finest level see."""

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__()
        self.strides = tuple(stride for stride in channels if stride > FINEST_STRIDE)
        inputs = sum(channels[stride] for stride in self.strides)
        self.hidden = nn.Linear(inputs, _HIDDEN_CHANNELS)
        self.descriptor = nn.Linear(_HIDDEN_CHANNELS, DESCRIPTOR_LENGTH)
        self.reliability = nn.Linear(_HIDDEN_CHANNELS, 1)

    def forward(self, levels: Mapping[int, Tensor], positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the descriptors and reliability logits of (B, N, 2) positions: (B, N, 64) of length 1, (B, N)."""
        seen = torch.cat([sampled(levels[stride], positions, stride) for stride in self.strides], dim=2)
        hidden = self.hidden(seen).relu()
        descriptors = functional.normalize(self.descriptor(hidden).float(), dim=2)
        return descriptors, self.reliability(hidden)[..., 0].float()


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What the network makes of images."""

    keypoint_logits: Tensor
    """(B, H, W): the larger, the likelier a keypoint."""
    grey: Tensor
    """(B, 1, H, W): what the network was given."""
    levels: Mapping[int, Tensor]
    head: DescriptorHead
    placing: PlacingHead

    def place(self, positions: Tensor) -> Tensor:
        """Return where exactly the keypoints lie whose pixels (B, N, 2) positions fall into."""
        height, width = self.grey.shape[2:]
        limit = positions.new_tensor([width - 1, height - 1])
        pixels = torch.minimum(positions.floor().clamp(min=0), limit)
        with torch.autocast(self.grey.device.type, enabled=False):  # fractions of pixels need more than 8 bits
            return pixels + 0.5 + self.placing(patches(self.grey.float(), pixels.long()))  # type: ignore[no-any-return]

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the descriptors and reliability logits of (B, N, 2) positions: (B, N, 64) of length 1, (B, N)."""
        return self.head(self.levels, positions)  # type: ignore[no-any-return]


class CnnNetwork(nn.Module):
    """Trunk and heads."""

    def __init__(self, trunk: nn.Module | None = None) -> None:
        super().__init__()
        self.trunk = trunk or Trunk()
        channels: Mapping[int, int] = self.trunk.channels  # type: ignore[assignment]
        self.keypoints = KeypointHead(channels)
        self.placing = PlacingHead()
        self.description = DescriptorHead(channels)

    def forward(self, grey: Tensor) -> Outputs:
        """Return the outputs for (B, 1, H, W) normalised images; H and W are multiples of 32."""
        levels = self.trunk(grey)
        return Outputs(self.keypoints(levels).float(), grey, levels, self.description, self.placing)


def patches(grey: Tensor, pixels: Tensor) -> Tensor:
    """Return (B, N, 121) pixels around (B, N, 2) whole pixels; beyond the border the last one is repeated."""
    padded = functional.pad(grey, (PATCH_RADIUS,) * 4, mode="replicate")[:, 0]
    line = torch.arange(2 * PATCH_RADIUS + 1, device=grey.device)
    steps = (line[:, None] * padded.shape[2] + line).flatten()
    places = (pixels[..., 1] * padded.shape[2] + pixels[..., 0])[..., None] + steps
    return padded.flatten(1).gather(1, places.flatten(1)).view(places.shape)


def sampled(level: Tensor, positions: Tensor, stride: int) -> Tensor:
    """Return (B, N, C) values of a (B, C, h, w) level at (B, N, 2) positions, between its pixels bilinearly.

    As `grid_sample` with its border repeated, but with levels that lie in memory pixel by pixel a gradient in a
    quarter of the time.
    """
    images, channels, height, width = level.shape
    places = positions / stride - 0.5
    x, y = places[..., 0].clamp(0, width - 1), places[..., 1].clamp(0, height - 1)
    left, top = x.floor().clamp(max=max(width - 2, 0)), y.floor().clamp(max=max(height - 2, 0))
    right, low = (x - left).clamp(max=width - 1), (y - top).clamp(max=height - 1)
    image = torch.arange(images, device=level.device)[:, None] * (height * width)
    corner = image + top.long() * width + left.long()
    across, down = int(width > 1), width * int(height > 1)
    corners = torch.stack([corner, corner + across, corner + down, corner + down + across], dim=2)
    shares = torch.stack([(1 - right) * (1 - low), right * (1 - low), (1 - right) * low, right * low], dim=2)
    pixels = level.permute(0, 2, 3, 1).reshape(-1, channels)
    values = pixels.index_select(0, corners.flatten()).view(*corners.shape, channels)
    return (values * shares[..., None]).sum(dim=2)


def normalised(grey: Tensor) -> Tensor:
    """Return (B, 1, H, W) images, each brought to mean 0 and standard deviation 1."""
    mean = grey.mean(dim=(2, 3), keepdim=True)
    deviation = grey.std(dim=(2, 3), keepdim=True, correction=0)
    return (grey - mean) / (deviation + 1e-3)
