"""The heat map: how likely a keypoint is at each pixel, put together from the cells of one or several grids.

The network's keypoint head looks at cells of 8x8 pixels one by one, and knows nothing of what lies beyond a cell's
edge. On one grid the answer therefore changes when the photo is shifted by a pixel. The mean over several grids,
each shifted by some pixels, hardly does; and since a cell knows its middle best, its answers are weighted by a
window that falls off towards its edges.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .network import STRIDE

_CELLS_AT_A_TIME = 2048
"""Half a megabyte a layer: the head's values stay in the second cache."""

GRIDS = {
    1: ((0, 0),),
    4: tuple(product((0, 4), (0, 4))),
    8: (*product((0, 4), (0, 4)), *product((2, 6), (2, 6))),
    16: tuple(product((0, 2, 4, 6), (0, 2, 4, 6))),
}
"""How far each grid is shifted, in pixels to the right and down, by the number of grids."""

CellHead = Callable[[Tensor], Tensor]
"""(N, 64) normalised pixels of cells, row by row -> (N, 65) logits."""


def averaged_heat_map(grey: Tensor, head: CellHead, grids: int) -> Tensor:
    """Return the (H, W) mean of the heat maps on several shifted grids.

    Args:
        grey: (H, W), normalised; sides are multiples of 8.
        head: The keypoint head.
        grids: 1, 4, 8 or 16.
    """
    height, width = grey.shape
    border = STRIDE if grids > 1 else 0
    padded = functional.pad(grey[None, None], (border, border, border, border), mode="replicate")[0, 0]
    window = _window(grids, grey)
    total = torch.zeros_like(padded)
    cells_across = (width + border) // STRIDE
    rows = max(1, _CELLS_AT_A_TIME // cells_across) * STRIDE
    for left, top in GRIDS[grids]:
        for begin in range(top, top + height + border, rows):
            end, right = min(begin + rows, top + height + border), left + width + border
            cells = _to_cells(padded[begin:end, left:right])
            heat = head(cells).softmax(dim=1)[:, :-1] * window
            total[begin:end, left:right] += _from_cells(heat, cells_across)
    return total[border : border + height, border : border + width]


def _to_cells(grey: Tensor) -> Tensor:
    """Return (N, 64) cells of a (8 h, 8 w) picture, row by row."""
    rows, columns = (side // STRIDE for side in grey.shape)
    return grey.reshape(rows, STRIDE, columns, STRIDE).permute(0, 2, 1, 3).reshape(-1, STRIDE * STRIDE)


def _from_cells(cells: Tensor, columns: int) -> Tensor:
    """Return the (8 h, 8 w) picture of (h w, 64) cells."""
    return cells.reshape(-1, columns, STRIDE, STRIDE).permute(0, 2, 1, 3).reshape(-1, columns * STRIDE)


def _window(grids: int, like: Tensor) -> Tensor:
    """Return (64,) weights of a cell's pixels that add up to 1 over the grids at every pixel."""
    if grids == 1:
        return like.new_ones(STRIDE * STRIDE)
    line = np.sin(np.pi * (np.arange(STRIDE) + 0.5) / STRIDE) ** 2  # Hann: adds up to 1 over shifts of 0 and 4
    return torch.from_numpy(np.outer(line, line).reshape(-1) * 4 / grids).to(like)
