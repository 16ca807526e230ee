"""Turns a photo into what the network sees: grey, normalised, mirrored up to sides that are multiples of 32."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from .network import SIZE_STEP

Float32Array = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

_WHITE = 3 * 255
"""The sum of the channels of a white pixel."""


def prepared(pixels: UInt8Array) -> Float32Array | None:
    """Return the (H', W') image of a photo, which lies in its upper left corner; None where it is of one grey.

    As `network.normalised` does it, with the mean and standard deviation of the photo alone.
    """
    red, green, blue = cv2.split(pixels)
    total = cv2.add(cv2.add(red, green, dtype=cv2.CV_16U), blue, dtype=cv2.CV_16U)
    mean, deviation = (float(each[0, 0]) for each in cv2.meanStdDev(total))
    if deviation == 0:
        return None
    scale = 1 / (deviation + 1e-3 * _WHITE)
    grey = cv2.addWeighted(total, scale, total, 0, -mean * scale, dtype=cv2.CV_32F)
    height, width = grey.shape
    bottom, right = -height % SIZE_STEP, -width % SIZE_STEP
    mirrored: Float32Array = cv2.copyMakeBorder(grey, 0, bottom, 0, right, cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
    return mirrored
