"""Every photo with every other: nothing is missed, and the work grows with the square of the photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import recon


@dataclass(frozen=True, slots=True)
class ExhaustiveOptions:
    """Nothing to choose."""


class ExhaustivePairs:
    """Pairs each photo with every other."""

    def select(
        self, images: Sequence[recon.ImageFile], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return all pairs."""
        return [recon.ImagePair.of(image1.name, image2.name) for image1, image2 in combinations(images, 2)]


@recon.hookimpl
def recon_pair_selectors() -> list[recon.ComponentSpec[recon.PairSelector]]:
    """Offer `exhaustive`."""
    return [
        recon.ComponentSpec(
            name="exhaustive",
            summary="Every photo with every other",
            options=ExhaustiveOptions,
            create=lambda options, context: ExhaustivePairs(),
            licence="BSD-3-Clause",
        )
    ]
