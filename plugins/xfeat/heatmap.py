"""The heat map: how likely a keypoint is at each pixel, put together from the cells of one or several grids.

The network's keypoint head looks at cells of 8x8 pixels one by one, and knows nothing of what lies beyond a cell's
edge. On one grid the answer therefore changes when the photo is shifted by a pixel. The mean over several grids,
each shifted by some pixels, hardly does; and since a cell knows its middle best, its answers are weighted by a
window that falls off towards its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from .network import STRIDE

IndexArray = npt.NDArray[np.intp]
Shift = tuple[int, int]
"""How far a grid is moved, in pixels to the right and down."""

_CELLS_AT_A_TIME = 2048
"""Half a megabyte a layer: the head's values stay in the second cache."""
_WORTH_CHOOSING = 0.7
"""Where more of a grid's cells than this share are wanted, all are looked at: collecting them takes time too."""

FIRST: tuple[Shift, ...] = ((0, 0), (4, 4))
"""The grids that are looked at everywhere; between them, each pixel is well inside a cell of one."""
FURTHER: dict[int, tuple[Shift, ...]] = {
    4: ((4, 0), (0, 4)),
    8: ((4, 0), (0, 4), *product((2, 6), (2, 6))),
    16: tuple(shift for shift in product((0, 2, 4, 6), (0, 2, 4, 6)) if shift not in FIRST),
}
"""The others, by the number of grids altogether."""

CellHead = Callable[[Tensor], Tensor]
"""(N, 64) normalised pixels of cells, row by row -> (N, 65) logits."""


def heat_map(grey: Tensor, head: CellHead) -> Tensor:
    """Return the (H, W) heat map of the one grid that begins in the corner.

    Args:
        grey: (H, W), normalised; sides are multiples of 8.
        head: The keypoint head.
    """
    heat = torch.empty_like(grey)
    for part, of_part in zip(_bands(grey), _bands(heat), strict=True):
        _cells(of_part).copy_(_probabilities(head, _cells(part)))
    return heat


class MeanHeatMap:
    """The mean of the heat maps on several grids, of which the further ones may be seen in places only."""

    def __init__(self, grey: Tensor, head: CellHead, grids: int) -> None:
        """See the first grids.

        Args:
            grey: (H, W), normalised; sides are multiples of 8.
            head: The keypoint head.
            grids: 4, 8 or 16.
        """
        border = (STRIDE, STRIDE, STRIDE, STRIDE)
        self._grey = functional.pad(grey[None, None], border, mode="replicate")[0, 0]
        self._head = head
        line = np.sin(np.pi * (np.arange(STRIDE) + 0.5) / STRIDE) ** 2  # Hann: adds up to 1 over shifts of 0 and 4
        self._window = torch.from_numpy(np.outer(line, line) * 4 / grids).to(grey)
        self._further = FURTHER[grids]
        self._first = torch.zeros_like(self._grey)
        for shift in FIRST:
            self._add(shift, self._first)

    def first_mean(self) -> Tensor:
        """Return the (H, W) mean of the first grids."""
        weight = torch.zeros_like(self._grey)
        for shift in FIRST:
            _cells(_on_grid(weight, shift)).add_(self._window)
        return _inner(self._first / weight)

    def mean(self) -> Tensor:
        """Return the (H, W) mean of all grids."""
        total = self._first.clone()
        for shift in self._further:
            self._add(shift, total)
        return _inner(total)

    def mean_near(self, columns: IndexArray, rows: IndexArray) -> Tensor:
        """Return the (H, W) mean of all grids next to (N,) pixels; it falls off away from them. On the CPU only."""
        total = self._first.clone()
        for shift in self._further:
            wanted = self._cells_near(shift, columns, rows)
            if wanted.mean() > _WORTH_CHOOSING:
                self._add(shift, total)
            else:
                self._add_some(shift, total, np.nonzero(wanted))
        return _inner(total)

    def _add(self, shift: Shift, total: Tensor) -> None:
        grey, sums = _on_grid(self._grey, shift), _on_grid(total, shift)
        for part, of_part in zip(_bands(grey), _bands(sums), strict=True):
            _cells(of_part).addcmul_(_probabilities(self._head, _cells(part)), self._window)

    def _add_some(self, shift: Shift, total: Tensor, wanted: tuple[IndexArray, ...]) -> None:
        cells, sums = (_cells(_on_grid(each, shift)).numpy() for each in (self._grey, total))
        for begin in range(0, len(wanted[0]), _CELLS_AT_A_TIME):
            some = tuple(line[begin : begin + _CELLS_AT_A_TIME] for line in wanted)
            heat = _probabilities(self._head, torch.from_numpy(cells[some])[None])[0]
            sums[some] += (heat * self._window).numpy()

    def _cells_near(self, shift: Shift, columns: IndexArray, rows: IndexArray) -> npt.NDArray[np.bool_]:
        """Return (h, w) whether a cell of a grid holds one of the pixels or a pixel next to it."""
        is_near = np.zeros(_cells(_on_grid(self._grey, shift)).shape[:2], np.bool_)
        left, top = (line + STRIDE - moved for line, moved in zip((columns, rows), shift, strict=True))
        for across, down in product((-1, 1), (-1, 1)):
            cells_down = np.minimum((top + down) // STRIDE, is_near.shape[0] - 1)
            cells_across = np.minimum((left + across) // STRIDE, is_near.shape[1] - 1)
            is_near[cells_down, cells_across] = True
        return is_near


def _on_grid(padded: Tensor, shift: Shift) -> Tensor:
    """Return the part of a padded picture that the cells of a grid fill: a cell more than the picture has."""
    left, top = shift
    height, width = padded.shape
    return padded[top : top + height - STRIDE, left : left + width - STRIDE]


def _bands(picture: Tensor) -> Iterator[Tensor]:
    """Yield parts of a picture, of whole cells, that the head is done with quickest."""
    rows = max(1, _CELLS_AT_A_TIME * STRIDE // picture.shape[1]) * STRIDE
    for begin in range(0, len(picture), rows):
        yield picture[begin : begin + rows]


def _inner(padded: Tensor) -> Tensor:
    return padded[STRIDE:-STRIDE, STRIDE:-STRIDE].contiguous()


def _cells(picture: Tensor) -> Tensor:
    """Return the (h, w, 8, 8) cells of an (8 h, 8 w) picture, in its own memory."""
    rows, columns = (side // STRIDE for side in picture.shape)
    return picture.view(rows, STRIDE, columns, STRIDE).transpose(1, 2)


def _probabilities(head: CellHead, cells: Tensor) -> Tensor:
    """Return how likely a keypoint is at each pixel of (h, w, 8, 8) cells."""
    logits = head(cells.reshape(-1, STRIDE * STRIDE))
    return logits.softmax(dim=1)[:, :-1].view(cells.shape)
