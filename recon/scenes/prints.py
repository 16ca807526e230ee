"""Printed and painted sheets: a poster, a map, a crate's label, and the band of a vase, drawn by us.

They lie on one sheet, the print sheet; `PRINTS` says where, in metres from its top-left corner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.errors import Cause, ReconError
from recon.scenes.noise import spectral_sheet

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

PRINT_M = 2.048
"""Metres from one edge of the print sheet to the other."""

PRINTS = {
    "poster": (0.0, 0.0, 0.7, 1.0),
    "map": (0.75, 0.0, 1.0, 0.8),
    "label": (0.75, 0.85, 0.5, 0.32),
    "stamp": (1.3, 0.85, 0.4, 0.3),
    "vase": (0.0, 1.25, 2.048, 0.75),
}
"""Left, top, width, height of each print, in metres."""

_WORDS = (
    "stone", "light", "baseline", "ridge", "parallax", "lantern", "meridian", "quarry", "pigment", "cedar", "arch",
    "aperture", "well", "harbour", "lens", "chalk", "courtyard", "epipole", "mortar", "timber", "shutter", "gable",
    "cistern", "plumb", "survey", "datum", "keystone", "olive", "vault", "ferry",
)  # fmt: skip
_INK = (34, 30, 38)


def print_sheet(size: int, seed: int) -> UInt8Array:
    """Return the (S, S, 3) sRGB print sheet."""
    from PIL import Image, ImageDraw

    full = 2048
    canvas = Image.new("RGB", (full, full), (186, 110, 70))
    draw = ImageDraw.Draw(canvas)
    random = np.random.default_rng((seed, 11))
    _poster(draw, random, _pixels("poster"))
    _label(draw, random, _pixels("label"), "FRAGILE", "LOT 0417-B  ·  KEEP DRY")
    _label(draw, random, _pixels("stamp"), "RECON", "PORT OF ORIGIN 43.7 N")
    _vase(draw, random, _pixels("vase"))
    sheet = np.array(canvas)
    left, top, right, bottom = _pixels("map")
    sheet[top:bottom, left:right] = _map(bottom - top, right - left, seed)
    return _worn(np.asarray(Image.fromarray(sheet).resize((size, size), Image.Resampling.BOX)), seed)


def _pixels(name: str) -> tuple[int, int, int, int]:
    left, top, width, height = (round(value * 1000) for value in PRINTS[name])
    return left, top, left + width, top + height


def _font(height: int) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(height)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ReconError(
            "making scenes needs Pillow with FreeType, and this Pillow has none",
            code=Cause.MISSING_LIBRARY,
            try_="pip install --force-reinstall pillow",
        )
    return font


def _lines_of_text(draw: ImageDraw, random: np.random.Generator, frame: tuple[int, int, int, int], height: int) -> None:
    left, y, right, bottom = frame
    font = _font(height)
    while y + height < bottom:
        line = " ".join(random.choice(_WORDS) for _ in range(24))
        while draw.textlength(line, font) > right - left:
            line = line[: line.rindex(" ")]
        draw.text((left, y), line, _INK, font)
        y += round(height * 1.25)


def _poster(draw: ImageDraw, random: np.random.Generator, frame: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = frame
    draw.rectangle(frame, (232, 220, 192))
    draw.rectangle((left + 14, top + 14, right - 14, bottom - 14), outline=(150, 40, 32), width=6)
    draw.text((left + 40, top + 26), "RECON", (150, 40, 32), _font(180))
    draw.text((left + 44, top + 222), "photos in, three dimensions out", _INK, _font(40))
    scene = (left + 40, top + 290, right - 40, top + 690)
    draw.rectangle(scene, (222, 150, 74))
    draw.ellipse((left + 400, top + 320, left + 560, top + 480), (246, 224, 150))
    for shade in range(5):
        ridge = [(scene[0], scene[3])]
        for x in range(scene[0], scene[2] + 1, 20):
            ridge.append((x, int(top + 440 + 50 * shade - random.uniform(0, 95))))
        ridge.append((scene[2], scene[3]))
        draw.polygon(ridge, (150 - 26 * shade, 72 - 8 * shade, 60 + 4 * shade))
    for _ in range(26):
        bird_x, bird_y = random.uniform(scene[0], scene[2] - 30), random.uniform(scene[1], scene[1] + 120)
        draw.arc((bird_x, bird_y, bird_x + 26, bird_y + 14), 190, 350, _INK, 3)
    _lines_of_text(draw, random, (left + 44, top + 710, right - 44, bottom - 30), 26)


def _label(
    draw: ImageDraw, random: np.random.Generator, frame: tuple[int, int, int, int], title: str, line: str
) -> None:
    left, top, right, bottom = frame
    width = right - left
    draw.rectangle(frame, (226, 214, 186))
    draw.rectangle((left + 8, top + 8, right - 8, bottom - 8), outline=_INK, width=5)
    draw.text((left + 24, top + 14), title, (160, 34, 28), _font(width // 5))
    draw.text((left + 24, top + 34 + width // 5), line, _INK, _font(width // 16))
    y = top + 50 + width // 5 + width // 16
    x = left + 24
    while x < right - 150:  # a bar code
        bar = int(random.integers(2, 9))
        draw.rectangle((x, y, x + bar, bottom - 24), _INK)
        x += bar + int(random.integers(3, 10))
    draw.ellipse((right - 120, y, right - 30, y + 90), outline=(40, 60, 130), width=6)
    draw.line((right - 100, y + 64, right - 60, y + 20, right - 48, y + 70), (40, 60, 130), 6)


def _vase(draw: ImageDraw, random: np.random.Generator, frame: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = frame
    draw.rectangle(frame, (184, 104, 64))
    y = top + 20
    while y < bottom - 60:
        band = int(random.integers(24, 80))
        ink = (42, 28, 26) if random.random() < 0.6 else (226, 206, 168)
        draw.line((left, y, right, y), ink, 5)
        x = left
        while x < right:  # a row of marks, each by hand
            wide = int(random.integers(18, 60))
            a, b = sorted(random.integers(y + 6, y + band, 2).tolist())
            kind = int(random.integers(0, 5))
            if kind == 0:
                draw.polygon([(x, y + band), (x + wide // 2, a), (x + wide, y + band)], ink)
            elif kind == 1:
                draw.ellipse((x + 3, a, x + wide - 3, b + 4), outline=ink, width=5)
            elif kind == 2:
                draw.line([(x, b), (x + wide // 3, a), (x + wide // 2, b), (x + wide, a)], ink, 5)
            elif kind == 3:
                draw.rectangle((x + 4, a, x + wide - 6, b + 2), ink)
            else:
                draw.arc((x, y + 8, x + wide, y + band), 0, 270, ink, 6)
            x += wide
        y += band + int(random.integers(8, 26))


def _map(rows: int, columns: int, seed: int) -> UInt8Array:
    """Return contour lines of a made-up country, with rivers of colour between."""
    height = spectral_sheet(1024, seed + 5, 2.7)[:rows, :columns]
    fine = spectral_sheet(1024, seed + 6, 1.2)[:rows, :columns]
    ground = height + 0.03 * fine
    stops = (0.0, 0.35, 0.5, 0.75, 1.06)
    colours = np.array([(126, 158, 176), (170, 190, 188), (190, 198, 150), (206, 180, 128), (168, 122, 90)])
    colour = np.stack([np.interp(ground, stops, colours[:, i]) for i in range(3)], 2)
    step = np.floor(ground * 40)
    edge = (step != np.roll(step, 1, 0)) | (step != np.roll(step, 1, 1))
    bold = np.floor(ground * 8) != np.floor(np.roll(ground, 1, 0) * 8)
    colour[edge] *= 0.6
    colour[bold] *= 0.5
    colour[:14] = colour[-14:] = (60, 44, 36)
    colour[:, :14] = colour[:, -14:] = (60, 44, 36)
    return colour.astype(np.uint8)


def _worn(sheet: UInt8Array, seed: int) -> UInt8Array:
    """Return the sheet with faded patches, fibres and scratches."""
    size = len(sheet)
    fade: FloatArray = spectral_sheet(size, seed + 8, 1.3)
    fibre = spectral_sheet(size, seed + 9, 0.5, stretch=3.0)
    worn = sheet * (0.72 + 0.4 * fade)[:, :, None] + (fibre * 30.0 - 15.0)[:, :, None]
    scratch = (spectral_sheet(size, seed + 10, 0.7, longest=0.1, stretch=25.0) < 0.04)[:, :, None]
    return np.asarray(np.clip(np.where(scratch, worn * 0.5 + 90, worn), 0, 255), np.uint8)
