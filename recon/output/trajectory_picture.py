"""Draws camera centres beside the true ones: from above and from the side, the way off of each as a line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.output.picture import save_picture

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_SIZE = (1600, 900)
_MARGIN = 90
_OVERSAMPLING = 2
_PAPER, _INK, _FAINT = (250, 250, 248), (40, 44, 50), (205, 207, 210)
_TRUE, _FOUND, _OFF = (50, 120, 190), (225, 110, 30), (200, 40, 40)
_VISIBLE_PX = 25.0
"""The largest error is drawn at least this long, and all of them enlarged by one factor, which is written beside."""


def draw_trajectories(true: FloatArray, found: FloatArray, path: Path) -> None:
    """Write a picture of two sets of camera centres, row for row.

    Left, along the direction in which the true centres vary least; right, along the one in which they vary second
    least, which is mostly the view from the side.

    Args:
        true: (M, 3), M >= 3.
        found: (M, 3), laid onto the true ones.
        path: PNG, or any format that Pillow knows by its suffix.

    Raises:
        UsageError: BAD_VALUE for a suffix of no picture format.
        OSError: The file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    width, height = (_OVERSAMPLING * side for side in _SIZE)
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(16 * _OVERSAMPLING)
    axes = np.linalg.svd(true - true.mean(axis=0), full_matrices=False)[2]
    half = width // 2
    offs = np.linalg.norm(found - true, axis=1)
    spans = [_Panel.span(true, axes[[0, second]], half, height) for second in (1, 2)]
    scale = min(spans)
    zoom = _round_factor(_VISIBLE_PX * _OVERSAMPLING / max(float(offs.max()) * scale, 1e-12))
    for number, second in enumerate((1, 2)):
        panel = _Panel(draw, true.mean(axis=0), axes[[0, second]], scale, (half * number + half // 2, height // 2))
        panel.draw(true, true + zoom * (found - true))
    draw.line([(half, _MARGIN), (half, height - _MARGIN)], _FAINT, _OVERSAMPLING)
    rmse = float(np.sqrt(np.mean(offs**2)))
    lines = (
        (f"{len(true)} camera centres: true", _TRUE),
        (f"found (RMSE {rmse:.4g}, largest {offs.max():.4g}, in the truth's units)", _FOUND),
        ("way off" + (f", drawn {zoom:g} times as long" if zoom > 1 else ""), _OFF),
    )
    x = 20 * _OVERSAMPLING
    for text, color in lines:
        y = 26 * _OVERSAMPLING
        draw.ellipse([x, y, x + 10 * _OVERSAMPLING, y + 10 * _OVERSAMPLING], color)
        draw.text((x + 18 * _OVERSAMPLING, y - 5 * _OVERSAMPLING), text, _INK, font)
        x += 48 * _OVERSAMPLING + int(draw.textlength(text, font))
    _draw_ruler(draw, scale, (20 * _OVERSAMPLING, height - 30 * _OVERSAMPLING), font)
    pixels = np.asarray(picture.resize(_SIZE, Image.Resampling.BOX), np.uint8)
    save_picture(pixels, path)


class _Panel:
    """One view: points of the world in pixels of the picture."""

    def __init__(
        self, draw: ImageDraw, middle: FloatArray, axes: FloatArray, scale: float, center: tuple[int, int]
    ) -> None:
        self._draw, self._middle, self._axes, self._scale, self._center = draw, middle, axes, scale, center

    @staticmethod
    def span(true: FloatArray, axes: FloatArray, width: int, height: int) -> float:
        """Return the pixels a unit at which the centres fill a panel."""
        extent = 2 * np.abs((true - true.mean(axis=0)) @ axes.T).max(axis=0)
        margin = 2 * _MARGIN * _OVERSAMPLING
        return float(min((width - margin) / max(extent[0], 1e-12), (height - margin) / max(extent[1], 1e-12)))

    def draw(self, true: FloatArray, found: FloatArray) -> None:
        """Draw the path in the order of the rows, each centre, and the way off."""
        places, others = self._project(true), self._project(found)
        self._draw.line([tuple(place) for place in places], _FAINT, 2 * _OVERSAMPLING)
        for place, other in zip(places, others, strict=True):
            self._draw.line([tuple(place), tuple(other)], _OFF, 2 * _OVERSAMPLING)
        for points, color, radius in ((others, _FOUND, 4), (places, _TRUE, 4)):
            for x, y in points:
                reach = radius * _OVERSAMPLING
                self._draw.ellipse([x - reach, y - reach, x + reach, y + reach], color)

    def _project(self, points: FloatArray) -> list[tuple[float, float]]:
        flat = (points - self._middle) @ self._axes.T * self._scale
        return [(self._center[0] + float(x), self._center[1] - float(y)) for x, y in flat]


def _draw_ruler(draw: ImageDraw, scale: float, corner: tuple[int, int], font: object) -> None:
    length = _round_factor(200 * _OVERSAMPLING / scale)
    x, y = corner
    draw.line([(x, y), (x + length * scale, y)], _INK, 2 * _OVERSAMPLING)
    draw.text((x, y - 24 * _OVERSAMPLING), f"{length:g} units", _INK, font)  # type: ignore[arg-type]


def _round_factor(value: float) -> float:
    """Return the largest of 1, 2, 5, 10, ... (or 0.5, 0.2, ...) that is not above a value."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-9)
    return float(max(step * power for step in (5, 2, 1) if step == 1 or step * power <= value * 1.0000001))
