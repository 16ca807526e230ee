"""A walled square with a monument in its middle, photographed from all around."""

from __future__ import annotations

import numpy as np

from recon.scenes.masonry import Niche, coping, paving, wall
from recon.scenes.meshes import Mesh, joined
from recon.scenes.props import any_prop
from recon.scenes.stonework import ball, block, column, ring
from recon.scenes.woodwork import plaque, sign
from recon.scenes.workshop import Workshop
from recon.scenes.world import Place, Viewpoint

_HALF_M = 7.0
_RING_PHOTOS = 36
_MATERIALS = ("sandstone", "plaster", "granite", "limestone")


def plaza(shop: Workshop, photos: int) -> Place:
    """Return the square and that many viewpoints on rings around its middle, at most 36 on each."""
    mesh = joined(
        [paving(shop, (2 * _HALF_M + 1, 2 * _HALF_M + 1), "limestone"), _monument(shop), *_props(shop), *_walls(shop)]
    )
    return Place(mesh, _rings(shop, photos))


def _monument(shop: Workshop) -> Mesh:
    parts = [
        ring(shop, 1.3 - 0.35 * step, 0.2, 0.45, 16 - 4 * step, "granite").moved((0, 0, 0.2 * step)) for step in (0, 1)
    ]
    parts.append(block(shop, (0.9, 0.9, 0.9), "sandstone", 0.012, 0.06).moved((0, 0, 0.8)))
    for turn in range(4):
        parts.append(plaque(shop, 0.7, _MATERIALS[turn]).moved((-0.35, -0.46, 0.5)).moved((0, 0, 0), 90.0 * turn))
    parts.append(column(shop, 1.1, "limestone").moved((0, 0, 1.25)))
    parts.append(ball(shop, 0.34, "granite").moved((0, 0, 2.35)))
    return joined(parts)


def _props(shop: Workshop) -> list[Mesh]:
    parts = []
    for number in range(11):
        angle = 2.0 * np.pi * (number + shop.uniform(-0.3, 0.3)) / 11
        radius = shop.uniform(2.2, 3.0)
        facing = float(np.rad2deg(angle)) + 90.0  # its front, at -y, away from the middle
        place = (radius * float(np.cos(angle)), radius * float(np.sin(angle)), 0.0)
        parts.append(any_prop(shop).moved((0, 0, 0), facing).moved(place))
    return parts


def _walls(shop: Workshop) -> list[Mesh]:
    parts = []
    length = 2.0 * _HALF_M + 0.4
    for number, material in enumerate(_MATERIALS):
        height = shop.uniform(2.2, 3.0)
        niche = Niche(shop.uniform(3.0, 11.0), 1.1, 1.95, 0.3)
        side = [
            wall(shop, length, height, material, niche, shop.uniform(0.26, 0.42)),
            coping(shop, length, height, "granite"),
        ]
        for name, where in (("poster", 1.6), ("map", 12.0)):
            side.append(sign(shop, name, shop.uniform(0.7, 1.2)).moved((where, -0.07, 0.9)))
        turn = 90.0 * number
        parts.append(joined(side).moved((-_HALF_M - 0.2, _HALF_M, 0.0)).moved((0, 0, 0), turn))
    return parts


def _rings(shop: Workshop, photos: int) -> tuple[Viewpoint, ...]:
    rings = -(-photos // _RING_PHOTOS)
    places = []
    for number in range(photos):
        level, step = number % rings, number // rings
        angle = 2.0 * np.pi * (step + level / rings) * rings / photos
        radius = 4.6 + 0.7 * ((level * 0.618) % 1.0) + shop.uniform(-0.15, 0.15)
        height = 1.45 + 1.1 * level / rings + shop.uniform(-0.12, 0.12)
        centre = (radius * float(np.cos(angle)), radius * float(np.sin(angle)), height)
        places.append(Viewpoint(centre, (shop.uniform(-0.2, 0.2), shop.uniform(-0.2, 0.2), 1.0)))
    return tuple(places)
