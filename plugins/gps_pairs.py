"""Photos that were taken near each other, by their GPS: for flights and walks with many photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import recon

from .sequential import natural_order

_EARTH_M = 6_371_000.0


@dataclass(frozen=True, slots=True)
class GpsPairsOptions:
    """Options of the `gps` pair selector."""

    neighbours: int = 20
    """Nearest photos that each photo is paired with."""
    max_distance_m: float = 200.0
    """Photos taken farther apart are not paired. Altitudes are not looked at: they are too uncertain."""
    without_gps: int = 10
    """A photo without GPS is paired with so many photos before and after it in the order of the names."""

    def __post_init__(self) -> None:
        for name in ("neighbours", "without_gps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: at least 1")
        if not (math.isfinite(self.max_distance_m) and self.max_distance_m > 0):
            raise ValueError(f"max_distance_m {self.max_distance_m}: above 0")


class GpsPairs:
    """Pairs each photo with those taken nearest to it."""

    def __init__(self, options: GpsPairsOptions, note: Callable[[str], None]) -> None:
        self._options = options
        self._note = note

    def select(
        self, images: Sequence[recon.ImageFile], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return the pairs of near photos; those without GPS, or with one far from all others', by their names."""
        images = sorted(images, key=lambda image: image.name)
        placed = [image for image in images if image.exif.latitude_deg is not None]
        pairs, lonely = self._near(placed)
        unplaced = {image.name for image in images if image.exif.latitude_deg is None} | lonely
        names = natural_order(image.name for image in images)
        for row, name in enumerate(names):
            if name in unplaced:
                around = names[max(row - self._options.without_gps, 0) : row + self._options.without_gps + 1]
                pairs.update(recon.ImagePair.of(name, other) for other in around if other != name)
        if unplaced:
            far = f" ({len(lonely)} of them far from all others)" if lonely else ""
            self._note(
                f"gps: {len(unplaced)} of {len(images)} photos have no position to go by{far}; each is paired with the "
                f"{self._options.without_gps} before and after it by name"
            )
        return sorted(pairs)

    def _near(self, placed: Sequence[recon.ImageFile]) -> tuple[set[recon.ImagePair], set[str]]:
        """Return pairs of near photos, and the names of those that have none near."""
        places = _on_sphere(placed)
        pairs: set[recon.ImagePair] = set()
        lonely: set[str] = set()
        for row, image in enumerate(placed):
            distances = np.linalg.norm(places - places[row], axis=1)
            distances[row] = math.inf
            # Ties (a receiver that repeats itself) go by name, whatever the sort does with them.
            order = np.lexsort((np.arange(len(placed)), distances))[: self._options.neighbours]
            near = [int(other) for other in order if distances[other] <= self._options.max_distance_m]
            pairs.update(recon.ImagePair.of(image.name, placed[other].name) for other in near)
            if not near:
                lonely.add(image.name)
        return pairs, lonely


def _on_sphere(placed: Sequence[recon.ImageFile]) -> np.ndarray:
    """Return (N, 3) metres on a round earth, right to half a per cent: also across the date line."""
    latitude = np.radians([image.exif.latitude_deg or 0.0 for image in placed])
    longitude = np.radians([image.exif.longitude_deg or 0.0 for image in placed])
    across = np.cos(latitude)
    directions = np.column_stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])
    return _EARTH_M * directions.reshape(-1, 3)


@recon.hookimpl
def recon_pair_selectors() -> list[recon.ComponentSpec[recon.PairSelector]]:
    """Offer `gps`."""
    return [
        recon.ComponentSpec(
            name="gps",
            summary="Photos that were taken near each other, by their GPS; without GPS, neighbours by name",
            options=GpsPairsOptions,
            create=lambda options, context: GpsPairs(options, context.note),
            licence="BSD-3-Clause",
        )
    ]
