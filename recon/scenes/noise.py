"""Random patterns of a fixed seed: the same numbers give the same pattern on every call.

Sheets are square, periodic (their left edge continues their right one) and float32 in 0 to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray

Sheet = npt.NDArray[np.float32]


def solid_noise(points: FloatArray, seed: int, wavelength: float, octaves: int = 3) -> FloatArray:
    """Return smooth noise at (N, 3) points in space, (N,) of about -1 to 1.

    The longest wave is `wavelength`, in the unit of the points; each octave halves wave and height.
    """
    total = np.zeros(len(points), np.float32)
    height = 1.0
    for octave in range(octaves):
        scaled = points * (2.0**octave / wavelength) + 17.31 * octave
        total += height * _value_noise(scaled, seed + 7919 * octave)
        height *= 0.5
    return total


def spectral_sheet(size: int, seed: int, slope: float, longest: float = 1.0, stretch: float = 1.0) -> Sheet:
    """Return noise whose amplitude falls with frequency to the power `-slope`: 0 is white, 2 is soft clouds.

    Args:
        longest: Longest wave, as a share of the sheet.
        stretch: Above 1, waves are that much longer along x than along y.
    """
    random = np.random.default_rng((seed, 1))
    fx = (np.fft.rfftfreq(size) * size * stretch).astype(np.float32)[None, :]
    fy = (np.fft.fftfreq(size) * size).astype(np.float32)[:, None]
    square = fx * fx + fy * fy
    square[0, 0] = 1.0
    amplitude = square ** np.float32(-slope / 2.0)
    amplitude[square * longest**2 < 1.0] = 0.0
    amplitude[0, 0] = 0.0
    phase = random.random(square.shape, np.float32) * np.float32(2.0 * np.pi)
    waves = np.empty(square.shape, np.complex64)
    waves.real, waves.imag = amplitude * np.cos(phase), amplitude * np.sin(phase)
    return _stretched(np.fft.irfft2(waves, s=(size, size)))


def cell_sheets(size: int, seed: int, cells: int) -> tuple[Sheet, Sheet]:
    """Return two sheets of `cells` irregular grains: a random value for each grain, and its depth.

    The depth is 0 at a grain's rim and grows inwards to 1.
    """
    import cv2

    random = np.random.default_rng((seed, 2))
    margin = size // 4
    seeds = random.integers(0, size, (cells, 2))
    mask = np.ones((size + 2 * margin, size + 2 * margin), np.uint8)
    for shift_y in (-size, 0, size):  # copies around the sheet make it periodic
        for shift_x in (-size, 0, size):
            y, x = seeds[:, 0] + shift_y + margin, seeds[:, 1] + shift_x + margin
            inside = (y >= 0) & (y < len(mask)) & (x >= 0) & (x < len(mask))
            mask[y[inside], x[inside]] = 0
    _, labels = cv2.distanceTransformWithLabels(mask, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    label = np.asarray(labels, np.int64)
    owner = _owners(label, mask, seeds, margin, size)[label]
    values = random.random(cells).astype(np.float32)
    same = (owner == np.roll(owner, 1, 0)) & (owner == np.roll(owner, 1, 1))
    depth = cv2.distanceTransform(same.astype(np.uint8), cv2.DIST_L2, 5)
    inner = slice(margin, margin + size)
    radius = size / np.sqrt(cells) / 2.0
    return values[owner[inner, inner]], np.minimum(depth[inner, inner] / np.float32(radius), np.float32(1.0))


def look_up(sheet: npt.NDArray[Any], place: FloatArray) -> npt.NDArray[Any]:
    """Return the (N, C) values of a periodic sheet at (N, 2) places in texels, between its texels."""
    import cv2

    channels = 1 if sheet.ndim == 2 else sheet.shape[2]
    if not len(place):
        return np.empty((0, channels), sheet.dtype)
    rows = -(-len(place) // 1024)  # remap takes no more than 32767 columns
    grid = np.zeros((rows * 1024, 2), np.float32)
    grid[: len(place)] = place
    one_map: Any = None  # OpenCV's stubs do not know that the second may be missing
    found = cv2.remap(sheet, grid.reshape(rows, 1024, 2), one_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(found, sheet.dtype).reshape(rows * 1024, channels)[: len(place)]


def _owners(labels: IntArray, mask: npt.NDArray[np.uint8], seeds: IntArray, margin: int, size: int) -> IntArray:
    """Return which seed each label of the distance transform belongs to."""
    numbers = np.zeros((size, size), np.int64)
    numbers[seeds[:, 0], seeds[:, 1]] = np.arange(len(seeds))
    y, x = np.nonzero(mask == 0)
    owner_of_label = np.zeros(int(labels.max()) + 1, np.int64)
    owner_of_label[labels[y, x]] = numbers[(y - margin) % size, (x - margin) % size]
    return owner_of_label


def _stretched(sheet: FloatArray) -> Sheet:
    """Map the middle 98 % of the values to 0 to 1."""
    low, high = np.percentile(sheet[::4, ::4], (1.0, 99.0))
    return np.asarray(np.clip((sheet - low) / (high - low), 0.0, 1.0), np.float32)


def _value_noise(points: FloatArray, seed: int) -> FloatArray:
    """Return noise of wavelength 1: random values at whole numbers, smoothly joined."""
    corner = np.floor(points)
    part: FloatArray = (points - corner).astype(np.float32)
    part = part * part * part * (part * (part * 6.0 - 15.0) + 10.0)
    x, y, z = corner.astype(np.int64).T
    total: FloatArray = np.zeros(len(points), np.float32)
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1]) * np.abs(1 - dz - part[:, 2])
                total += weight * _hash(x + dx, y + dy, z + dz, seed)
    return total


def _hash(x: IntArray, y: IntArray, z: IntArray, seed: int) -> FloatArray:
    """Return a number in -1 to 1 for each triple of whole numbers."""
    mixed = (x * 374761393 + y * 668265263 + z * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 2246822519) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 15)) & 0xFFFFFF).astype(np.float32) * np.float32(2.0 / 0xFFFFFF) - np.float32(1.0)
