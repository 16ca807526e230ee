"""What the makers of objects share: random numbers, materials by name, and how fine a mesh is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.executor import run_in_order
from recon.scenes.noise import solid_noise, spectral_sheet
from recon.scenes.prints import PRINT_M, print_sheet
from recon.scenes.textures import DETAIL_M, MATERIALS, SHEET_M, Palette, Texture

PRINT = "print"
_NAMES = (*MATERIALS, PRINT)


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """The makings of one world; two of the same seed and step make the same objects in the same order."""

    seed: int
    step_m: float
    """Distance of neighbouring vertices of a displaced surface."""
    random: np.random.Generator

    @classmethod
    def open(cls, seed: int, step_m: float) -> Workshop:
        """Return a workshop with fresh random numbers."""
        return cls(seed, step_m, np.random.default_rng((seed, 23)))

    def material(self, name: str) -> int:
        """Return the number of a material."""
        return _NAMES.index(name)

    def uniform(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.random.uniform(low, high))

    def fresh_place(self) -> FloatArray:
        """Return a random place on a sheet, (2,) metres, so that no two faces show the same piece of it."""
        return self.random.uniform(0.0, 100.0, 2)

    def tint(self, spread: float = 0.12) -> FloatArray:
        """Return a (3,) colour factor, mostly of brightness."""
        return (1.0 + self.random.uniform(-spread, spread)) * (1.0 + self.random.uniform(-spread, spread, 3) * 0.25)

    def fresh_offset(self) -> FloatArray:
        """Return a random place in noise, (3,)."""
        return self.random.uniform(0.0, 500.0, 3)

    def bumps(
        self, points: FloatArray, wavelength: float, octaves: int = 3, offset: FloatArray | None = None
    ) -> FloatArray:
        """Return noise of about -1 to 1 at (..., 3) points; different for each call unless `offset` is given."""
        moved = points.reshape(-1, 3) + (self.fresh_offset() if offset is None else offset)
        return solid_noise(moved, self.seed, wavelength, octaves).reshape(points.shape[:-1])


def palette(seed: int, texel_m: float, threads: int = 1) -> Palette:
    """Paint all materials at about `texel_m` metres a texel."""
    size = 2 ** int(np.clip(np.round(np.log2(SHEET_M / texel_m)), 8, 12))

    def paint(number: int) -> Texture:
        if number == len(MATERIALS):
            return Texture.of(print_sheet(min(size, 2048), seed), PRINT_M)
        return Texture.of(list(MATERIALS.values())[number](size, seed + 100 * number), SHEET_M)

    sheets = list(run_in_order(paint, range(len(_NAMES)), threads=threads))
    detail = spectral_sheet(size, seed + 999, 0.9)
    return Palette(sheets, Texture.of((detail * 255).astype(np.uint8), DETAIL_M))
