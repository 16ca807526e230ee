"""Materials painted from noise: stone, wood, plaster, soil, and how a surface point finds its colour.

A sheet is painted in sRGB, repeats every 3 m, and is multiplied by a second pattern, turned and of another
period, so that no two places of a surface look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.scenes.noise import Sheet, cell_sheets, look_up, spectral_sheet

SHEET_M = 3.072
"""Metres from one edge of a sheet to the other."""
DETAIL_M = SHEET_M * 0.618
"""Period of the second pattern; the golden ratio repeats latest together with the first."""

_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)
_TURN = np.array([[0.8, -0.6], [0.6, 0.8]], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A sheet with ever coarser copies of itself, so that far surfaces do not flicker."""

    levels: tuple[UInt8Array, ...]
    """(S, S, C) uint8, S halving from one to the next."""
    period_m: float

    @classmethod
    def of(cls, sheet: UInt8Array, period_m: float) -> Texture:
        """Build the coarser copies of a square sheet."""
        levels = [sheet if sheet.ndim == 3 else sheet[:, :, None]]
        while len(levels[-1]) > 16:
            fine = levels[-1].astype(np.uint16)
            mean = (fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2] + 2) // 4
            levels.append(mean.astype(np.uint8))
        return cls(tuple(levels), period_m)

    def sample(self, uv: FloatArray, footprint_m: FloatArray) -> UInt8Array:
        """Return the (N, C) values at (N, 2) metres, each averaged over about its (N,) footprint."""
        texel = self.period_m / len(self.levels[0])
        level = np.clip(np.log2(np.maximum(footprint_m / texel, 1e-6)), 0, len(self.levels) - 1).astype(np.int8)
        values = np.empty((len(uv), self.levels[0].shape[2]), np.uint8)
        for number in np.unique(level):
            chosen = level == number
            sheet = self.levels[number]
            place = np.mod(uv[chosen] / self.period_m, 1.0) * len(sheet) - 0.5
            values[chosen] = look_up(sheet, place)
        return values


class Palette:
    """All materials of a world; a surface names its material by number."""

    def __init__(self, materials: Sequence[Texture], detail: Texture) -> None:
        self._materials = tuple(materials)
        self._detail = detail

    def albedo(self, material: IntArray, uv: FloatArray, footprint_m: FloatArray) -> FloatArray:
        """Return (N, 3) linear reflectance of surface points by material number and place in metres."""
        colours = np.empty((len(uv), 3), np.uint8)
        for number in np.unique(material):
            chosen = material == number
            colours[chosen] = self._materials[number].sample(uv[chosen], footprint_m[chosen])
        detail = self._detail.sample(uv @ _TURN, footprint_m)[:, 0]
        return _LINEAR[colours] * (0.55 + detail.astype(np.float32) * np.float32(0.9 / 255.0))[:, None]


def _paint(amount: Sheet, *stops: tuple[float, tuple[int, int, int]]) -> FloatArray:
    """Return the (S, S, 3) colour at each amount, between the stops (amount, sRGB)."""
    places = [place for place, _ in stops]
    return np.stack([np.interp(amount, places, [c[i] for _, c in stops]) for i in range(3)], 2).astype(np.float32)


def _finish(colour: FloatArray, height: Sheet, relief: float) -> UInt8Array:
    """Return the sheet lit from one side: bumps of `height` get a bright and a dark flank."""
    lit = 1.0 + relief * (height - np.roll(height, (1, 1), (0, 1)))
    return np.clip(colour * lit[:, :, None], 0, 255).astype(np.uint8)


def granite(size: int, seed: int) -> UInt8Array:
    """Return grey stone of light, dark and reddish grains."""
    grain, depth = cell_sheets(size, seed, 90_000)
    coarse, _ = cell_sheets(size, seed + 1, 9_000)
    cloud = spectral_sheet(size, seed + 2, 1.2)
    colour = _paint(
        0.75 * grain + 0.25 * coarse,
        (0.0, (38, 38, 42)),
        (0.22, (74, 72, 72)),
        (0.3, (128, 124, 118)),
        (0.6, (152, 144, 136)),
        (0.75, (196, 190, 180)),
        (1.0, (226, 222, 214)),
    )
    colour *= (0.7 + 0.5 * cloud)[:, :, None]
    return _finish(colour, spectral_sheet(size, seed + 3, 0.8) + 0.2 * depth, 0.35)


def sandstone(size: int, seed: int) -> UInt8Array:
    """Return warm layered stone with pits."""
    layers = spectral_sheet(size, seed, 1.1, stretch=9.0)
    grain = spectral_sheet(size, seed + 1, 0.6)
    cloud = spectral_sheet(size, seed + 2, 1.5)
    pits = spectral_sheet(size, seed + 3, 0.9, longest=0.02)
    colour = _paint(
        0.45 * layers + 0.25 * grain + 0.3 * cloud,
        (0.15, (112, 82, 56)),
        (0.45, (176, 140, 98)),
        (0.6, (204, 172, 126)),
        (0.85, (232, 208, 168)),
    )
    colour *= np.where(pits < 0.13, 0.5, 1.0)[:, :, None]
    return _finish(colour, 0.5 * grain + 0.6 * pits, 0.7)


def limestone(size: int, seed: int) -> UInt8Array:
    """Return pale stone with cracks, and lichen in grey and ochre."""
    grain = spectral_sheet(size, seed, 0.8)
    cloud = spectral_sheet(size, seed + 1, 1.4)
    _, crack = cell_sheets(size, seed + 2, 700)
    lichen = spectral_sheet(size, seed + 3, 1.3, longest=0.2)
    spots = spectral_sheet(size, seed + 4, 1.0, longest=0.03)
    colour = _paint(0.5 * grain + 0.5 * cloud, (0.1, (118, 112, 100)), (0.5, (178, 172, 156)), (0.9, (222, 218, 204)))
    colour = np.where((lichen + 0.35 * spots > 0.98)[:, :, None], 0.45 * colour + (88, 74, 22), colour)
    colour = np.where((lichen - 0.35 * spots < 0.02)[:, :, None], 0.4 * colour + (34, 36, 34), colour)
    colour *= np.where((crack < 0.035) & (cloud > 0.4), 0.5, 1.0)[:, :, None]
    return _finish(colour, grain, 0.8)


def wood(size: int, seed: int) -> UInt8Array:
    """Return sawn wood, its grain along x."""
    warp = spectral_sheet(size, seed, 1.7, stretch=6.0)
    rows = np.arange(size, dtype=np.float32)[:, None] / size
    rings = 0.5 + 0.5 * np.sin(2.0 * np.pi * (36.0 * rows + 14.0 * warp))
    fibre = spectral_sheet(size, seed + 1, 0.7, stretch=40.0)
    pores = spectral_sheet(size, seed + 2, 0.4, longest=0.05, stretch=14.0)
    stain = spectral_sheet(size, seed + 3, 1.4)
    amount = 0.35 * rings + 0.4 * fibre + 0.25 * stain
    colour = _paint(amount, (0.1, (66, 42, 24)), (0.45, (132, 92, 54)), (0.7, (172, 128, 80)), (0.95, (206, 166, 112)))
    colour *= np.where(pores < 0.16, 0.55, 1.0)[:, :, None]
    return _finish(colour, fibre, 0.6)


def plaster(size: int, seed: int) -> UInt8Array:
    """Return old lime plaster: stained, pocked, cracked."""
    grain = spectral_sheet(size, seed, 0.7)
    stain = spectral_sheet(size, seed + 1, 1.5)
    flake = spectral_sheet(size, seed + 2, 1.2, longest=0.3)
    _, crack = cell_sheets(size, seed + 3, 260)
    colour = _paint(0.35 * grain + 0.65 * stain, (0.1, (146, 124, 96)), (0.5, (206, 190, 162)), (0.9, (236, 228, 210)))
    bare = flake + 0.25 * grain > 0.93
    colour = np.where(bare[:, :, None], _paint(grain, (0.0, (110, 70, 52)), (1.0, (176, 122, 92))), colour)
    colour *= np.where(crack < 0.012, 0.55, 1.0)[:, :, None]
    return _finish(colour, grain + 0.8 * bare, 0.5)


def terracotta(size: int, seed: int) -> UInt8Array:
    """Return fired clay with specks and wash marks along x."""
    grain = spectral_sheet(size, seed, 0.6)
    wash = spectral_sheet(size, seed + 1, 1.2, stretch=14.0)
    specks, _ = cell_sheets(size, seed + 2, 120_000)
    colour = _paint(0.4 * grain + 0.6 * wash, (0.1, (112, 52, 30)), (0.5, (168, 88, 54)), (0.9, (206, 128, 88)))
    colour = np.where(
        (specks > 0.97)[:, :, None], (222, 196, 160), np.where((specks < 0.04)[:, :, None], (58, 30, 22), colour)
    )
    return _finish(colour.astype(np.float32), grain, 0.4)


def soil(size: int, seed: int) -> UInt8Array:
    """Return gravel and earth with tufts of green."""
    pebble, depth = cell_sheets(size, seed, 22_000)
    grain = spectral_sheet(size, seed + 1, 0.6)
    green = spectral_sheet(size, seed + 2, 1.2)
    colour = _paint(pebble, (0.0, (74, 64, 54)), (0.5, (134, 122, 106)), (1.0, (190, 182, 168)))
    colour *= (0.45 + 0.55 * np.minimum(1.0, 2.5 * depth))[:, :, None]
    grass = _paint(grain, (0.0, (38, 48, 18)), (0.5, (78, 92, 38)), (1.0, (140, 150, 76)))
    colour = np.where((green + 0.25 * grain > 0.74)[:, :, None], grass, colour)
    return _finish(colour, grain, 0.6)


MATERIALS: dict[str, Callable[[int, int], UInt8Array]] = {
    "granite": granite,
    "sandstone": sandstone,
    "limestone": limestone,
    "wood": wood,
    "plaster": plaster,
    "terracotta": terracotta,
    "soil": soil,
}
"""Painters by name: (size in texels, seed) to an (S, S, 3) sRGB sheet."""
