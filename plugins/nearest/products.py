"""Nearest neighbours by largest product: a fast pass says where they may lie, exact products say which they are.

The products of two photos' vectors are never kept. A first pass, in blocks that stay in the processor's cache,
leaves the largest product of each row within each of a few tiles of the other photo, up to a known error. A tile
whose maximum lies further below the best than that error cannot hold the nearest; the others are looked at again
in float32, and what float32 cannot tell apart is judged in float64, always summed in the same order. So the answer
depends neither on the first pass, nor on the blocks, the threads or the linear algebra library; of equally near
ones the first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

_TILES = 16
"""A photo is cut into so many at most: memory grows with the number of keypoints, not with its square."""
_LEAST_TILE = 256
_CHUNK = 4096
"""Columns of a block, unless one tile is wider."""
_BLOCK = 1 << 19
"""Products at a time: 2 MB, which stay in the second cache while their maxima are taken."""
_PAIRS = 1 << 14
"""Pairs of rows whose products are taken at a time in float64."""
_UNIT = 2.0**-24
"""Largest relative rounding error of float32."""


@dataclass(frozen=True, slots=True, eq=False)
class TileMaxima:
    """The largest products of the rows of two photos, tile by tile, each up to an error."""

    of_rows1: Float32Array
    """(N1, T2): of each row of the first photo, within each tile of the second."""
    of_rows2: Float32Array
    """(N2, T1): the other way round."""
    error: float
    """Most that one of them may be from the true one."""


FirstPass = Callable[[Float32Array, Float32Array], TileMaxima]
"""Takes (N1, D) and (N2, D)."""

BlockMaxima = Callable[[slice, slice, int], tuple[Float32Array, Float32Array]]
"""Takes R rows of the first photo, K whole tiles of the second and their width; returns the (R, K) maxima of each
row and the (C,) maxima of each column."""

IsClear = Callable[[Float64Array, Float64Array], BoolArray]
"""Takes the largest and the second largest products of some rows; once false, larger second ones leave it false."""


def mutual_nearest(
    vectors1: Float32Array, vectors2: Float32Array, first_pass: FirstPass, rules: Sequence[IsClear] = ()
) -> list[IndexArray]:
    """Return (M, 2) rows that are each other's nearest, in the order of the first photo, each row once.

    Args:
        vectors1: (N1, D), N1 > 0. The larger the product of two rows, the nearer they are.
        rules: Asked of the products seen from either photo.

    Returns:
        For each rule the rows that it finds clear; without any, one array with the ambiguous ones too.
    """
    maxima = first_pass(vectors1, vectors2)
    side1 = _Side(vectors1, vectors2, maxima.of_rows1, maxima.error)
    side2 = _Side(vectors2, vectors1, maxima.of_rows2, maxima.error)
    # Columns whose best is certainly larger need not be looked at again.
    rows, columns, best = side1.nearest(np.arange(len(vectors1)), maxima.of_rows2.max(axis=1))
    claimed, places = np.unique(columns, return_inverse=True)
    is_mutual = best >= side2.nearest(claimed)[2][places]
    rows, columns, best = rows[is_mutual], columns[is_mutual], best[is_mutual]
    # Equal descriptors: the first row keeps the column.
    firsts = np.sort(np.unique(columns, return_index=True)[1])
    rows, columns, best = rows[firsts], columns[firsts], best[firsts]
    if not rules:
        return [np.stack([rows, columns], axis=1)]
    # The second nearest are needed for these few alone.
    clear1 = side1.are_clear(rows, best, rules)
    is_kept = clear1.any(axis=0)
    rows, columns, best, clear1 = rows[is_kept], columns[is_kept], best[is_kept], clear1[:, is_kept]
    clear2 = side2.are_clear(columns, best, rules)
    return [np.stack([rows[is_clear], columns[is_clear]], axis=1) for is_clear in clear1 & clear2]


def float32_pass(vectors1: Float32Array, vectors2: Float32Array) -> TileMaxima:
    """Return the maxima of products in float32."""
    turned = np.ascontiguousarray(padded(vectors2).T)
    buffer = np.empty(_BLOCK + turned.shape[1], np.float32)

    def block_maxima(rows: slice, columns: slice, width: int) -> tuple[Float32Array, Float32Array]:
        shape = rows.stop - rows.start, columns.stop - columns.start
        products = buffer[: shape[0] * shape[1]].reshape(shape)
        np.matmul(vectors1[rows], turned[:, columns], out=products)
        return products.reshape(shape[0], -1, width).max(axis=2), products.max(axis=0)

    return in_blocks(len(vectors1), len(vectors2), _BLOCK, block_maxima, rounding(vectors1, vectors2))


def in_blocks(count1: int, count2: int, block: int, block_maxima: BlockMaxima, error: float) -> TileMaxima:
    """Return the maxima of all products, from blocks of about `block` of them."""
    width1, width2 = tile_width(count1), tile_width(count2)
    tiles1, tiles2 = -(-count1 // width1), -(-count2 // width2)
    of_rows1 = np.empty((count1, tiles2), np.float32)
    of_rows2 = np.full((tiles1, tiles2 * width2), -np.inf, np.float32)
    tiles_at_once = max(1, _CHUNK // width2)
    height = max(1, block // (min(tiles_at_once, tiles2) * width2))
    for tile1 in range(tiles1):
        for rows in _slices(tile1 * width1, min((tile1 + 1) * width1, count1), height):
            for tiles in _slices(0, tiles2, tiles_at_once):
                columns = slice(tiles.start * width2, tiles.stop * width2)
                of_rows1[rows, tiles], largest = block_maxima(rows, columns, width2)
                np.maximum(of_rows2[tile1, columns], largest, out=of_rows2[tile1, columns])
    return TileMaxima(of_rows1, np.ascontiguousarray(of_rows2[:, :count2].T), error)


def tile_width(count: int) -> int:
    """Return how many rows of a photo make a tile; the last tile may have fewer."""
    return max(_LEAST_TILE, -(-count // (_TILES * 64)) * 64)


def padded(vectors: Float32Array) -> Float32Array:
    """Return the rows in whole tiles: the last one is repeated, which changes no maximum."""
    missing = -len(vectors) % tile_width(len(vectors))
    return np.concatenate([vectors, np.repeat(vectors[-1:], missing, axis=0)]) if missing else vectors


def rounding(vectors1: Float32Array, vectors2: Float32Array) -> float:
    """Return how far a product in float32, summed in any order, may be from the true one."""
    terms: int = vectors1.shape[1] + 8
    return terms * _UNIT * largest_length(vectors1) * largest_length(vectors2)


def largest_length(vectors: Any) -> float:
    """Return the largest Euclidean length of the rows."""
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64).max(initial=0)))


class _Side:
    """The rows of one photo, and where among those of the other their nearest may lie."""

    def __init__(self, vectors: Float32Array, others: Float32Array, maxima: Float32Array, error: float) -> None:
        self._vectors = vectors
        self._others = others
        self._turned = np.ascontiguousarray(others.T)
        self._maxima = maxima
        self._rounding = rounding(vectors, others)
        self._slack = 2 * (error + self._rounding)
        """What may be the largest lies less than this below the largest of the first pass."""

    def nearest(
        self, rows: IndexArray, best_of_others: Float32Array | None = None
    ) -> tuple[IndexArray, IndexArray, Float64Array]:
        """Return some rows, the nearest other row of each, and the exact products.

        Args:
            best_of_others: Largest products of the other rows, by the first pass; rows are left out if their nearest
                certainly has one nearer.
        """
        nearest, best, second = self._look_again(rows, depth=1)
        with np.errstate(invalid="ignore"):  # of rows that are no numbers
            is_close = best - second <= 2 * self._rounding
        if best_of_others is not None:
            is_possible = is_close | (best >= best_of_others[nearest] - self._slack)
            rows, nearest, is_close = rows[is_possible], nearest[is_possible], is_close[is_possible]
        exact = _exact_products(self._vectors, rows, self._others, nearest)
        if is_close.any():
            nearest[is_close], exact[is_close], _ = self._judge(rows[is_close])
        return rows, nearest, exact

    def are_clear(self, rows: IndexArray, best: Float64Array, rules: Sequence[IsClear]) -> BoolArray:
        """Return, for each rule and row, whether the nearest is clear of the second.

        Args:
            best: The exact products of the rows with their nearest.
        """
        _, _, second = self._look_again(rows, depth=2)
        answers = np.stack([is_clear(best, second - self._rounding) for is_clear in rules])
        others = np.stack([is_clear(best, second + self._rounding) for is_clear in rules])
        is_close = (answers != others).any(axis=0)
        if is_close.any():
            _, best_of_close, second_of_close = self._judge(rows[is_close])
            answers[:, is_close] = [is_clear(best_of_close, second_of_close) for is_clear in rules]
        return answers

    def _look_again(self, rows: IndexArray, depth: int) -> tuple[IndexArray, Float32Array, Float64Array]:
        """Return the nearest other rows, the largest and the second largest products, in float32.

        Args:
            depth: 1 looks wherever the nearest may be, so that the second is one of those near to it, or far off; 2
                looks wherever the second may be too.
        """
        maxima = self._maxima[rows]
        tiles = maxima.shape[1]
        level = np.partition(maxima, max(0, tiles - depth), axis=1)[:, max(0, tiles - depth)]
        may_hold = maxima >= (level - self._slack)[:, None]
        nearest = np.zeros(len(rows), np.intp)
        best, second = (np.full(len(rows), -np.inf, np.float32) for _ in range(2))
        width = tile_width(len(self._others))
        for tile in range(tiles):
            others = self._turned[:, tile * width : (tile + 1) * width]
            inside = np.flatnonzero(may_hold[:, tile])
            for some in _slices(0, len(inside), max(1, _BLOCK // others.shape[1])):
                these = inside[some]
                products = self._vectors[rows[these]] @ others
                here = products.argmax(axis=1)
                each = np.arange(len(these))
                top = products[each, here]
                products[each, here] = -np.inf
                is_better = top > best[these]
                beaten = np.where(is_better, best[these], top)
                second[these] = np.maximum(np.maximum(second[these], products.max(axis=1)), beaten)
                nearest[these] = np.where(is_better, here + tile * width, nearest[these])
                best[these] = np.maximum(best[these], top)
        return nearest, best, second.astype(np.float64)

    def _judge(self, rows: IndexArray) -> tuple[IndexArray, Float64Array, Float64Array]:
        """Return the nearest of a few rows, the first of equal ones, and the two largest products, exactly."""
        # Where there is one tie there are often many, of equal descriptors.
        distinct, places = np.unique(self._vectors[rows], axis=0, return_inverse=True)
        nearest = np.zeros(len(distinct), np.intp)
        best, second = (np.full(len(distinct), -np.inf) for _ in range(2))
        for index, vector in enumerate(distinct):
            products = self._others @ vector
            last = max(0, len(products) - 2)
            close = np.flatnonzero(products >= np.partition(products, last)[last] - 4 * self._rounding)
            exact = _exact_products(distinct, np.full(len(close), index), self._others, close)
            first = int(exact.argmax())
            nearest[index], best[index] = close[first], exact[first]
            exact[first] = -np.inf
            second[index] = exact.max()
        places = places.reshape(-1)
        return nearest[places], best[places], second[places]


def _exact_products(
    vectors1: Float32Array, rows1: IndexArray, vectors2: Float32Array, rows2: IndexArray
) -> Float64Array:
    """Return the products of some rows, row for row, in float64: the same wherever they stand and whatever is near."""
    exact = np.empty(len(rows1))
    for some in _slices(0, len(rows1), _PAIRS):
        left, right = vectors1[rows1[some]].astype(np.float64), vectors2[rows2[some]].astype(np.float64)
        exact[some] = np.einsum("ij,ij->i", left, right)
    return exact


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    for begin in range(start, stop, step):
        yield slice(begin, min(begin + step, stop))
