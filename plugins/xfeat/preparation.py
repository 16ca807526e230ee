"""Turns a photo into what the network sees: grey, normalised, with sides that are multiples of 32."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from . import network
from .network import SIZE_STEP, normalised

Float32Array = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

_WHITE = 3 * 255
"""The sum of the channels of a white pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A photo as the network sees it."""

    grey: Float32Array
    """(H', W'): mean 0 and standard deviation 1 over the photo."""
    size: tuple[int, int]
    """Width and height of the part of `grey` that shows the photo; the rest is padding."""
    zoom: tuple[float, float]
    """Pixels of the photo in a pixel of `grey`, across and down."""


def padded(pixels: UInt8Array) -> Prepared:
    """Return the photo as it is, mirrored at its right and lower edge."""
    grey = _standardised(pixels)
    height, width = grey.shape
    right, bottom = -width % SIZE_STEP, -height % SIZE_STEP
    mirrored: Float32Array = cv2.copyMakeBorder(grey, 0, bottom, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
    return Prepared(mirrored, (width, height), (1.0, 1.0))


def resized(pixels: UInt8Array) -> Prepared:
    """Return the photo at the next smaller multiples of 32, at least 32; its aspect changes a little.

    The order of the steps is upstream's, to the last bit: peaks next to the threshold depend on it.
    """
    height, width = pixels.shape[:2]
    colours = torch.tensor(pixels).permute(2, 0, 1)[None] / 255
    grey = normalised(network.resized(colours))[0, 0].numpy()
    return Prepared(grey, (grey.shape[1], grey.shape[0]), (width / grey.shape[1], height / grey.shape[0]))


def is_blank(prepared: Prepared) -> bool:
    """Whether the photo is of one grey all over."""
    darkest, brightest, _, _ = cv2.minMaxLoc(prepared.grey)
    return darkest == brightest


def _standardised(pixels: UInt8Array) -> Float32Array:
    """Return the (H, W) mean of the channels, 0 to 1, brought to mean 0 and standard deviation 1."""
    red, green, blue = cv2.split(pixels)
    total = cv2.add(cv2.add(red, green, dtype=cv2.CV_16U), blue, dtype=cv2.CV_16U)
    mean, deviation = (float(each[0, 0]) for each in cv2.meanStdDev(total))
    scale = 1 / np.sqrt(deviation**2 + 1e-5 * _WHITE**2)  # as InstanceNorm2d
    grey: Float32Array = cv2.addWeighted(total, scale, total, 0, -mean * scale, dtype=cv2.CV_32F)  # type: ignore[assignment]
    return grey
