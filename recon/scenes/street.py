"""A street that grows with the number of photos: each sees its neighbours' part, and what the way back sees again."""

from __future__ import annotations

import numpy as np

from recon.scenes.masonry import Niche, coping, paving, wall
from recon.scenes.meshes import Mesh, joined
from recon.scenes.props import any_prop
from recon.scenes.woodwork import plaque, sign
from recon.scenes.workshop import Workshop
from recon.scenes.world import Place, Viewpoint

_HOUSE_M = 4.0
_STEP_M = 0.55
"""From one photo to the next."""
_DEEP_M = 7.0
_BEHIND_M = 0.8
"""How far a front goes on behind its neighbour that stands further out."""
_MATERIALS = ("sandstone", "plaster", "granite", "limestone")


def street(shop: Workshop, photos: int) -> Place:
    """Return house fronts along x, walked along once and back again further away, looking at them aslant."""
    there = photos - photos // 2
    length = _STEP_M * there
    houses = int(np.ceil((length + 8.0) / _HOUSE_M))
    mesh = joined([_house(shop, number).moved((number * _HOUSE_M - 4.0, 0, 0)) for number in range(houses)])
    return Place(mesh, _walk(shop, photos, there))


def _house(shop: Workshop, number: int) -> Mesh:
    """Return one front of 4 m with its piece of paving and what stands before it."""
    material = _MATERIALS[(number + int(shop.random.integers(2))) % len(_MATERIALS)]
    height = shop.uniform(2.3, 3.1)
    back = shop.uniform(-0.35, 0.35)
    niche = Niche(_BEHIND_M + shop.uniform(1.5, 2.5), shop.uniform(0.8, 1.2), shop.uniform(1.5, 2.1), 0.3)
    front = [
        wall(
            shop,
            _HOUSE_M + 2 * _BEHIND_M,
            height,
            material,
            niche if shop.random.random() < 0.6 else None,
            shop.uniform(0.24, 0.45),
        ),
        coping(shop, _HOUSE_M + 2 * _BEHIND_M, height, _MATERIALS[int(shop.random.integers(4))]),
    ]
    kind = int(shop.random.integers(4))
    where = niche.centre - _BEHIND_M + (0.8 if niche.centre < 2.8 else -1.5)
    if kind == 0:
        front.append(plaque(shop, shop.uniform(0.5, 0.9), "limestone").moved((_BEHIND_M + where, -0.02, 1.1)))
    elif kind < 3:
        front.append(
            sign(shop, ("poster", "map")[kind - 1], shop.uniform(0.6, 0.9)).moved((_BEHIND_M + where, -0.07, 0.8))
        )
    parts = [joined(front).moved((-_BEHIND_M, back, 0))]
    parts.append(paving(shop, (_HOUSE_M, _DEEP_M), "limestone").moved((_HOUSE_M / 2.0, 0.5 - _DEEP_M / 2.0, 0)))
    for share in (0.2, 0.55, 0.85):
        if shop.random.random() < 0.75:
            place = (share * _HOUSE_M, shop.uniform(-1.7, -0.7), 0.0)
            parts.append(any_prop(shop).moved(place))
    return joined(parts)


def _walk(shop: Workshop, photos: int, there: int) -> tuple[Viewpoint, ...]:
    places = []
    for number in range(photos):
        is_back = number >= there
        # the way back begins where the way there ends, half a step aside
        step = number if not is_back else 2 * there - number - 0.5
        x = step * _STEP_M
        y = (-4.6 if is_back else -3.7) + 0.25 * float(np.sin(0.5 * x)) + shop.uniform(-0.08, 0.08)
        height = (1.75 if is_back else 1.5) + shop.uniform(-0.08, 0.08)
        ahead = (-0.6 if is_back else 0.9) + shop.uniform(-0.15, 0.15)
        places.append(Viewpoint((x, y, height), (x + ahead, 0.0, 1.05 + shop.uniform(-0.1, 0.1))))
    return tuple(places)
