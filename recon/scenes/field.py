"""An open field of things, photographed from above in rows, as a drone does: it grows with the number of photos."""

from __future__ import annotations

import numpy as np

from recon.scenes.masonry import paving
from recon.scenes.meshes import joined
from recon.scenes.props import any_prop
from recon.scenes.workshop import Workshop
from recon.scenes.world import Place, Viewpoint

_ALONG_M = 0.9
_ASIDE_M = 1.2
_SPACING_M = 1.9
_RIM_M = 3.5


def field(shop: Workshop, photos: int) -> Place:
    """Return a paved field and that many viewpoints in rows, there and back; neighbouring rows overlap."""
    rows = max(1, round(np.sqrt(photos * _ALONG_M / _ASIDE_M)))
    columns = -(-photos // rows)
    size = (columns * _ALONG_M + 2 * _RIM_M, rows * _ASIDE_M + 2 * _RIM_M)
    parts = [paving(shop, size, "limestone", 0.7)]
    for x in np.arange(-size[0] / 2.0 + 0.8, size[0] / 2.0 - 0.5, _SPACING_M):
        for y in np.arange(-size[1] / 2.0 + 0.8, size[1] / 2.0 - 0.5, _SPACING_M):
            place = (float(x) + shop.uniform(-0.4, 0.4), float(y) + shop.uniform(-0.4, 0.4), 0.0)
            parts.append(any_prop(shop).moved((0, 0, 0), shop.uniform(0, 360)).moved(place))
    places = []
    for number in range(photos):
        row, column = divmod(number, columns)
        along = column if row % 2 == 0 else columns - 1 - column
        x = (along - (columns - 1) / 2.0) * _ALONG_M + shop.uniform(-0.1, 0.1)
        y = (row - (rows - 1) / 2.0) * _ASIDE_M + shop.uniform(-0.1, 0.1)
        centre = (x, y - 1.6, 3.6 + shop.uniform(-0.15, 0.15))
        places.append(Viewpoint(centre, (x + shop.uniform(-0.2, 0.2), y + 0.4, 0.3)))
    return Place(joined(parts), tuple(places))
