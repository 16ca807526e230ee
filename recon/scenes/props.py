"""Things that people leave standing about, one chosen at random."""

from __future__ import annotations

from recon.scenes.meshes import Mesh, joined
from recon.scenes.stonework import ball, block, column
from recon.scenes.woodwork import barrel, crate, plaque, vase
from recon.scenes.workshop import Workshop

STONES = ("granite", "sandstone", "limestone")


def stone_pile(shop: Workshop) -> Mesh:
    """Return two to four blocks on top of each other."""
    parts, top = [], 0.0
    material = STONES[int(shop.random.integers(len(STONES)))]
    for number in range(int(shop.random.integers(2, 5))):
        share = 1.0 - 0.18 * number
        size = (share * shop.uniform(0.6, 0.9), share * shop.uniform(0.45, 0.6), shop.uniform(0.2, 0.34))
        parts.append(block(shop, size, material, 0.018).moved((0, 0, top + size[2] / 2.0), shop.uniform(-25, 25)))
        top += size[2]
    return joined(parts)


def crates(shop: Workshop) -> Mesh:
    """Return a crate, often with a smaller one on it."""
    low = (shop.uniform(0.7, 0.95), shop.uniform(0.55, 0.75), shop.uniform(0.45, 0.65))
    parts = [crate(shop, low, ("label", "stamp"))]
    if shop.random.random() < 0.6:
        high = (shop.uniform(0.4, 0.6), shop.uniform(0.4, 0.5), shop.uniform(0.3, 0.45))
        parts.append(crate(shop, high, ("stamp", "label")).moved((0, 0, low[2] + 0.025), shop.uniform(-20, 20)))
    return joined(parts)


def pedestal(shop: Workshop) -> Mesh:
    """Return a column with a ball on it."""
    height = shop.uniform(0.9, 1.4)
    stone = STONES[int(shop.random.integers(len(STONES)))]
    parts = [column(shop, height, stone), block(shop, (0.84, 0.84, 0.12), stone, 0.008).moved((0, 0, height + 0.06))]
    parts.append(ball(shop, shop.uniform(0.24, 0.33), "granite").moved((0, 0, height + 0.12)))
    return joined(parts)


def stele(shop: Workshop) -> Mesh:
    """Return a standing slab with a carved front."""
    stone = STONES[int(shop.random.integers(len(STONES)))]
    width = shop.uniform(0.6, 0.8)
    slab = block(shop, (width + 0.1, 0.24, width + 0.35), stone, 0.012)
    front = plaque(shop, width, stone).moved((-width / 2.0, -0.13, 0.2))
    return joined([slab.moved((0, 0, width / 2.0 + 0.175)), front])


def rubble(shop: Workshop) -> Mesh:
    """Return a handful of small stones."""
    parts = []
    for _ in range(7):
        size = (shop.uniform(0.07, 0.24), shop.uniform(0.07, 0.24), shop.uniform(0.07, 0.2))
        stone = block(shop, size, STONES[int(shop.random.integers(len(STONES)))], 0.012, 0.5)
        place = (shop.uniform(-0.55, 0.55), shop.uniform(-0.55, 0.55), size[2] * 0.4)
        parts.append(stone.moved(place, shop.uniform(0, 180)))
    return joined(parts)


def any_prop(shop: Workshop) -> Mesh:
    """Return one thing, about a metre wide at most, standing at the origin."""
    makers = (
        stone_pile,
        crates,
        pedestal,
        stele,
        rubble,
        lambda shop: vase(shop, shop.uniform(0.5, 0.85)),
        lambda shop: barrel(shop, shop.uniform(0.75, 1.0), shop.uniform(0.28, 0.36)),
    )
    return makers[int(shop.random.integers(len(makers)))](shop).moved((0, 0, 0), shop.uniform(-30.0, 30.0))
