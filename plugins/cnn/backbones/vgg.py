"""VGG16's convolutions (Simonyan and Zisserman, ICLR 2015), its tensors named as in torchvision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

_WIDTHS = (64, 64, "pool", 128, 128, "pool", *(256,) * 3, "pool", *(512,) * 3, "pool", *(512,) * 3, "pool")


class Vgg16(nn.Module):
    """Thirteen 3x3 convolutions, and a 2x2 maximum after each group; the classifier is left out.

    A maximum of pixels 2k and 2k + 1 lies midway between them: every level is centred.
    """

    name: ClassVar[str] = "vgg16"
    classifier: ClassVar[str] = "classifier."
    """How the names of the tensors begin that are left out."""
    channels: Mapping[int, int] = {2: 128, 4: 256, 8: 512, 16: 512, 32: 512}
    offsets: Mapping[int, float] = dict.fromkeys(channels, 0.0)
    """In cells of a level: how far before its due place each of its values was seen, in x and y alike."""

    _last_of_level: Mapping[int, int] = {8: 2, 15: 4, 22: 8, 29: 16, 30: 32}
    """Number of the layer whose output is a level, and the level's stride."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for width in _WIDTHS:
            if isinstance(width, int):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """Return the levels of a (B, 3, H, W) image by stride: (B, C, H/stride, W/stride) each."""
        levels = {}
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._last_of_level:
                levels[self._last_of_level[number]] = x
        return levels
