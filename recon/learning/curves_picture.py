"""Draws the curves of trainings: a panel a quantity over the steps, one colour a training."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.learning.axes import Axis, axis_of, is_drawable, short_number
from recon.learning.curves import STEP, Row, quantities
from recon.workspace.atomic import replacing, storage_errors

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    _Font = FreeTypeFont | ImageFont

_Colour = tuple[int, int, int]

SCORE = "score"
"""The quantity whose highest value tells which weights are kept."""
_SCALE = 2
"""Everything is drawn so many times as large and made smaller, which smooths the lines."""
_PANEL = (400, 250)
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 34, 16, 26
"""Pixels around the field of a panel."""
_INSET = 0.03
"""Of the field on each side that stays free of lines."""
_MARGIN, _HEADER_LINE = 8, 26
_PAPER, _INK, _FAINT, _GREY = (250, 250, 248), (40, 44, 50), (222, 223, 226), (120, 124, 130)
_COLOURS: tuple[_Colour, ...] = ((31, 105, 180), (225, 110, 30), (40, 140, 80), (150, 80, 170), (190, 40, 60))


@dataclass(frozen=True, slots=True)
class _Fonts:
    title: _Font
    small: _Font


def draw_curves(trainings: Mapping[str, Sequence[Row]], path: Path) -> None:
    """Write a PNG picture of the curves of one training, or of several on the same axes.

    A dot marks the step of the highest `score`, and each panel tells the last value. A value that is not finite leaves
    a gap; positive values over two powers of ten and more stand on a logarithmic axis.

    Args:
        trainings: The rows by the name of the training; that of a single one may be empty.

    Raises:
        ReconError: DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    from PIL import Image, ImageDraw, ImageFont

    names = list(dict.fromkeys(name for rows in trainings.values() for name in quantities(rows)))
    columns = max(2, min(4, math.ceil(math.sqrt(len(names)))))
    header = 2 * _MARGIN + len(trainings) * _HEADER_LINE
    size = columns * _PANEL[0], header + math.ceil(len(names) / columns) * _PANEL[1]
    picture = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), _PAPER)
    draw = ImageDraw.Draw(picture)
    fonts = _Fonts(ImageFont.load_default(15 * _SCALE), ImageFont.load_default(12 * _SCALE))
    _draw_header(draw, trainings, fonts.title)
    steps = axis_of([0, *(row[STEP] for rows in trainings.values() for row in rows)], may_be_logarithmic=False)
    for number, name in enumerate(names):
        corner = number % columns * _PANEL[0] * _SCALE, (header + number // columns * _PANEL[1]) * _SCALE
        _Panel(draw, fonts, corner, steps).draw(name, trainings)
    content = io.BytesIO()
    picture.resize(size, Image.Resampling.BOX).save(content, "PNG")
    with storage_errors(path.parent), replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


class _Panel:
    """The place of one quantity in the picture, and the drawing there."""

    def __init__(self, draw: ImageDraw, fonts: _Fonts, corner: tuple[int, int], steps: Axis) -> None:
        self._draw, self._fonts, self._steps = draw, fonts, steps
        self._left, self._top = corner[0] + _LEFT * _SCALE, corner[1] + _TOP * _SCALE
        self._right = corner[0] + (_PANEL[0] - _RIGHT) * _SCALE
        self._bottom = corner[1] + (_PANEL[1] - _BOTTOM) * _SCALE

    def draw(self, name: str, trainings: Mapping[str, Sequence[Row]]) -> None:
        """Draw a quantity of each training that measured it."""
        values = axis_of([row[name] for rows in trainings.values() for row in rows if name in row])
        self._draw.text((self._left, self._top - 9 * _SCALE), name, _INK, self._fonts.title, anchor="ls")
        self._draw_grid(values)
        told = float(self._right)
        for rows, colour in reversed(list(zip(trainings.values(), _colours(), strict=False))):
            measured = [row for row in rows if name in row]
            if measured:
                self._draw_line(name, measured, values, colour)
                text = f"{measured[-1][name]:.4g}"
                self._draw.text((told, self._top - 9 * _SCALE), text, colour, self._fonts.title, anchor="rs")
                told -= self._draw.textlength(text, self._fonts.title) + 10 * _SCALE

    def _draw_grid(self, values: Axis) -> None:
        for tick in values.ticks:
            y = self._y(values, tick)
            self._draw.line([(self._left, y), (self._right, y)], _FAINT, _SCALE)
            self._draw.text((self._left - 6 * _SCALE, y), short_number(tick), _GREY, self._fonts.small, anchor="rm")
        for tick in self._steps.ticks:
            x = self._x(tick)
            self._draw.line([(x, self._top), (x, self._bottom)], _FAINT, _SCALE)
            self._draw.text((x, self._bottom + 5 * _SCALE), short_number(tick), _GREY, self._fonts.small, anchor="ma")
        self._draw.rectangle([self._left, self._top, self._right, self._bottom], outline=_GREY, width=_SCALE)

    def _draw_line(self, name: str, rows: Sequence[Row], values: Axis, colour: _Colour) -> None:
        piece: list[tuple[float, float]] = []
        for row in rows:
            if is_drawable(row[name]):
                piece.append((self._x(row[STEP]), self._y(values, row[name])))
                continue
            self._draw_piece(piece, colour)
            piece = []
        self._draw_piece(piece, colour)
        best = best_row(rows)
        if best is not None and is_drawable(best[name]):
            self._draw_dot((self._x(best[STEP]), self._y(values, best[name])), 4, colour)

    def _draw_piece(self, piece: Sequence[tuple[float, float]], colour: _Colour) -> None:
        if len(piece) == 1:
            self._draw_dot(piece[0], 2, colour)
        elif piece:
            self._draw.line(list(piece), colour, 2 * _SCALE, joint="curve")

    def _draw_dot(self, place: tuple[float, float], radius: int, colour: _Colour) -> None:
        x, y = place
        reach = radius * _SCALE
        self._draw.ellipse([x - reach, y - reach, x + reach, y + reach], colour)

    def _x(self, step: float) -> float:
        margin = _INSET * (self._right - self._left)
        return self._left + margin + self._steps.place(step) * (self._right - self._left - 2 * margin)

    def _y(self, values: Axis, value: float) -> float:
        margin = _INSET * (self._bottom - self._top)
        return self._bottom - margin - values.place(value) * (self._bottom - self._top - 2 * margin)


def best_row(rows: Sequence[Row]) -> Row | None:
    """Return the first row of the highest `score`: that of the weights which are kept. None where there is no score."""
    scored = [row for row in rows if SCORE in row and is_drawable(row[SCORE])]
    return max(scored, key=lambda row: row[SCORE], default=None)


def _colours() -> Iterator[_Colour]:
    return itertools.cycle(_COLOURS)


def _draw_header(draw: ImageDraw, trainings: Mapping[str, Sequence[Row]], font: _Font) -> None:
    x, y = _LEFT * _SCALE, (_MARGIN + _HEADER_LINE / 2) * _SCALE
    for (name, rows), colour in zip(trainings.items(), _colours(), strict=False):
        best = best_row(rows)
        told = f"{rows[-1][STEP]:,.0f} steps" if rows else "no validation yet"
        told += f", best score {best[SCORE]:.4g} after {best[STEP]:,.0f} (dots)" if best is not None else ""
        text = f"{name}: {told}" if name else told
        draw.line([(x, y), (x + 22 * _SCALE, y)], colour, 3 * _SCALE)
        draw.text((x + 30 * _SCALE, y), text, _INK, font, anchor="lm")
        y += _HEADER_LINE * _SCALE
