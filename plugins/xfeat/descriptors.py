"""Reads the feature map between its cells: bicubic for descriptors, bilinear for the reliability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Float32Array = npt.NDArray[np.float32]

KernelWeights = Callable[[Float32Array], Float32Array]
"""(N,) fractions of a cell beyond the cell at or before a position -> (N, K) weights of the cells around it."""

_CUBIC = -0.75
"""The parameter of torch's bicubic kernel, with which the network was trained."""


def sampled_descriptors(features: Tensor, columns: Float32Array, rows: Float32Array) -> Tensor:
    """Return (N, 64) descriptors of length 1.

    Each cell is brought to length 1 before it is read, as in training; beyond the border are zeros.

    Args:
        features: (h, w, 64) map, not normalised.
        columns: (N,) positions in cells, the centre of the first at 0.
        rows: (N,) likewise.
    """
    flat = features.flatten(0, 1)
    indices, weights = _taps(columns, rows, features.shape[1], features.shape[0], _cubic_weights, -1)
    lengths = torch.linalg.vector_norm(flat, dim=1).clamp_min_(1e-12)
    taps = torch.from_numpy(indices).to(features.device)
    scaled = torch.from_numpy(weights).to(features.device) / lengths[taps]
    descriptors = functional.embedding_bag(taps, flat, per_sample_weights=scaled, mode="sum")
    return functional.normalize(descriptors, dim=1)


def sampled_bilinearly(values: Float32Array, columns: Float32Array, rows: Float32Array) -> Float32Array:
    """Return (N,) values of a (h, w) map between its cells; beyond the border are zeros."""
    indices, weights = _taps(columns, rows, values.shape[1], values.shape[0], _linear_weights, 0)
    sums: Float32Array = (values.reshape(-1)[indices] * weights).sum(axis=1)
    return sums


def _taps(
    columns: Float32Array, rows: Float32Array, width: int, height: int, weights_of: KernelWeights, first: int
) -> tuple[npt.NDArray[np.int64], Float32Array]:
    """Return the (N, K) cells that a position is read from, by running number, and their weights."""
    along, weights_x = _line_taps(columns, width, weights_of, first)
    down, weights_y = _line_taps(rows, height, weights_of, first)
    shape = len(columns), down.shape[1] * along.shape[1]
    indices = (down[:, :, None] * width + along[:, None]).reshape(shape)
    return indices, (weights_y[:, :, None] * weights_x[:, None]).reshape(shape)


def _line_taps(
    positions: Float32Array, length: int, weights_of: KernelWeights, first: int
) -> tuple[npt.NDArray[np.int64], Float32Array]:
    floor = np.floor(positions)
    weights = weights_of(positions - floor)
    taps = floor.astype(np.int64)[:, None] + np.arange(first, first + weights.shape[1])
    weights *= (taps >= 0) & (taps < length)
    return np.clip(taps, 0, length - 1), weights


def _linear_weights(fraction: Float32Array) -> Float32Array:
    return np.stack([1 - fraction, fraction], axis=1)


def _cubic_weights(fraction: Float32Array) -> Float32Array:
    """Return the (N, 4) weights of the cells at -1, 0, 1, 2 (Keys 1981)."""
    distances = np.abs(np.arange(-1, 3, dtype=np.float32) - fraction[:, None])
    near = ((_CUBIC + 2) * distances - (_CUBIC + 3)) * distances**2 + 1
    far = ((_CUBIC * distances - 5 * _CUBIC) * distances + 8 * _CUBIC) * distances - 4 * _CUBIC
    weights: Float32Array = np.where(distances <= 1, near, far).astype(np.float32)
    return weights
