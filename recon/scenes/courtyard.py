"""The courtyard of the sample set: a well before a wall with a door, and what people left standing there."""

from __future__ import annotations

import numpy as np

from recon.scenes.masonry import Niche, coping, paving, wall
from recon.scenes.meshes import Mesh, joined
from recon.scenes.props import rubble
from recon.scenes.stonework import ball, block, column, ring, turned
from recon.scenes.woodwork import barrel, crate, plank, plaque, sign, vase
from recon.scenes.workshop import Workshop
from recon.scenes.world import Place, Viewpoint


def courtyard(shop: Workshop, photos: int) -> Place:
    """Return the courtyard and that many viewpoints: up to about 40 differ enough to be worth it."""
    return Place(_build(shop), _viewpoints(shop, photos))


def _build(shop: Workshop) -> Mesh:
    """Return the scene, its well at the origin, open towards -y."""
    return joined(
        [
            paving(shop, (11.0, 9.0), "limestone").moved((0, -0.5, 0)),
            *_walls(shop),
            well(shop).moved((-0.2, 0.4, 0)),
            *_left(shop),
            *_right(shop),
        ]
    )


def _walls(shop: Workshop) -> list[Mesh]:
    door = Niche(centre=3.5, width=1.1, height=2.05, depth=0.32)
    back, right, left = (-4.2, 3.0, 0.0), (4.0, 3.2, 0.0), (-4.0, -3.0, 0.0)
    return [
        wall(shop, 8.4, 2.9, "sandstone", door).moved(back),
        coping(shop, 8.4, 2.9, "granite").moved(back),
        wall(shop, 6.2, 2.3, "plaster", course=0.5).moved(right, -90.0),
        coping(shop, 6.2, 2.3, "limestone").moved(right, -90.0),
        wall(shop, 6.2, 2.0, "granite", course=0.34).moved(left, 90.0),
        coping(shop, 6.2, 2.0, "sandstone").moved(left, 90.0),
        plaque(shop, 0.95, "limestone").moved((0.75, 2.97, 1.15)),
        sign(shop, "poster", 0.72).moved((-2.75, 2.93, 0.95)),
        sign(shop, "map", 1.1).moved((3.93, 1.9, 0.9), -90.0),
    ]


def well(shop: Workshop) -> Mesh:
    """Return a round stone well with a beam on two posts, and a bucket on its rim."""
    parts = [ring(shop, 0.78, 0.24, 0.26, 13, "granite").moved((0, 0, 0.24 * row)) for row in range(3)]
    parts.append(ring(shop, 0.8, 0.12, 0.36, 10, "limestone").moved((0, 0, 0.72)))
    parts.append(turned(shop, [(0.62, 0.1), (0.0, 0.1)], "soil"))
    for side in (-1.0, 1.0):
        parts.append(plank(shop, (0.13, 0.15, 2.1)).moved((side * 0.98, 0, 1.05)))
    parts.append(plank(shop, (2.4, 0.16, 0.14)).moved((0, 0, 2.16)))
    roller = turned(shop, [(0.0, 0.0), (0.09, 0.0), (0.09, 1.84), (0.0, 1.84)], "wood", bump_m=0.004)
    parts.append(roller.tilted(np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])).moved((-0.92, 0, 1.55)))
    shape = [(0.11, 0.0), (0.15, 0.3), (0.13, 0.3), (0.1, 0.04), (0.0, 0.04)]
    bucket = turned(shop, shape, "wood", flutes=14, flute_m=0.004)
    parts.append(bucket.moved((0.42, -0.66, 0.84)))
    return joined(parts)


def _left(shop: Workshop) -> list[Mesh]:
    parts = [
        crate(shop, (0.95, 0.7, 0.62), ("label", "stamp")).moved((-2.3, 1.2, 0), -14.0),
        crate(shop, (0.6, 0.5, 0.45), ("stamp", "label")).moved((-2.4, 1.25, 0.645), 11.0),
        barrel(shop, 0.95, 0.34).moved((-3.2, 2.2, 0)),
        vase(shop, 0.75).moved((-2.05, -0.75, 0)),
    ]
    for x, y, turn in ((-3.3, 0.2, 20.0), (-3.0, -1.2, -35.0), (-3.45, -0.6, 5.0)):
        size = (shop.uniform(0.35, 0.6), shop.uniform(0.3, 0.4), shop.uniform(0.25, 0.34))
        parts.append(block(shop, size, "sandstone", 0.02).moved((x, y, size[2] / 2.0), turn))
    return parts


def _right(shop: Workshop) -> list[Mesh]:
    parts = [
        column(shop, 1.36, "limestone").moved((2.15, 1.35, 0)),
        block(shop, (0.84, 0.84, 0.12), "limestone", 0.008).moved((2.15, 1.35, 1.42), 8.0),
        ball(shop, 0.33, "granite").moved((2.15, 1.35, 1.48)),
        vase(shop, 0.5).moved((3.35, 2.3, 0)),
        rubble(shop).moved((1.9, -0.9, 0)),
        rubble(shop).moved((2.8, -1.4, 0)),
    ]
    top = 0.0
    for length, depth, height, turn in ((0.9, 0.55, 0.34, 12.0), (0.75, 0.5, 0.3, -9.0), (0.5, 0.42, 0.26, 24.0)):
        stone = block(shop, (length, depth, height), "sandstone", 0.018)
        parts.append(stone.moved((2.9, -0.35, top + height / 2.0), turn))
        top += height
    return parts


def _viewpoints(shop: Workshop, photos: int) -> tuple[Viewpoint, ...]:
    """Return places on an arc before the open side: about two thirds at eye height, the rest higher and nearer."""
    low = max(1, round(photos * 0.65))
    places = []
    for number in range(photos):
        is_low = number < low
        share = number / max(1, low - 1) if is_low else (number - low + 0.5) / max(1, photos - low)
        angle = np.deg2rad(-90.0 + (-48.0 + 96.0 * share if is_low else 36.0 - 72.0 * share))
        radius = (4.7 if is_low else 3.5) + shop.uniform(-0.2, 0.2)
        height = (1.45 if is_low else 2.15) + shop.uniform(-0.15, 0.15)
        centre = (radius * float(np.cos(angle)), 0.6 + radius * float(np.sin(angle)), height)
        target = (shop.uniform(-0.25, 0.25), 0.9 + shop.uniform(-0.2, 0.2), 0.85 + shop.uniform(-0.1, 0.1))
        places.append(Viewpoint(centre, target))
    return tuple(places)
