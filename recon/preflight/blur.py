"""How sharp a photo is: the blur of its edges in pixels, which does not depend on what it shows.

An edge of blur sigma, smoothed once by `a` and once by `b`, has gradients whose ratio is
sqrt((sigma^2 + b^2) / (sigma^2 + a^2)) (after Zhuo and Sim, "Defocus map estimation from a single image",
2011); solved for sigma, this holds for strong and weak edges, bright and dark photos alike. Motion blurs only the
edges across its direction, so that directions are also looked at one by one. Measured on lund_door, fox and
temple_ring, Gaussian blur of 2, 3, 4, 6, 8 px at 1600 px reads as 1.7, 2.5, 3.4, 4.9, 5.9 in the median; darkened to
an eighth, with noise of 8 grey levels, or as JPEG of quality 20, 4 px still reads as 2.1 to 3.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, UInt8Array
from recon.preflight.findings import Finding, Severity, Topic, count

BLURRED_PX = 1.8
"""From here on a photo is called blurred: true blur of 2.0 to 2.8 px. Over the 421 photos of twelve sets the
largest is 1.1."""
MOTION_PX = 1.8
"""From here on in one direction, while another is sharp, it is motion. The largest of the twelve sets is 1.4."""
LESS_SHARP_BY_PX = 0.75
"""Above the median of the set, and also above `LESS_SHARP_PX`: less sharp than the others."""
LESS_SHARP_PX = 1.25
_MOTION_FACTOR = 1.5
_SMALL_PX, _LARGE_PX = 0.8, 2.0
"""The two smoothings: the small one is above the noise of JPEG, the large one still below most texture."""
_STRONGEST = 0.08
"""Share of the pixels among which edges are looked for: those that are steepest after the large smoothing, since
before it noise is steeper than blurred edges are."""
_LEAST_SLOPE = 1.0
_LEAST_SMOOTHED_SLOPE = 0.5
"""Grey levels a pixel that an edge has at least, before and after the large smoothing: noise has less after it."""
_QUANTILE = 0.2
"""The edges that tell are the sharpest fifth: shadows are soft in any photo."""
_LEAST_EDGES = 60
_LEAST_EDGES_OF_A_DIRECTION = 40
_DIRECTIONS = 6
_BORDER_PX = 8


@dataclass(frozen=True, slots=True)
class Sharpness:
    """What the edges of a photo say, in pixels of the photo as the extractor sees it by default (1600 px)."""

    num_edges: int
    """Edge pixels that were measured; below 60 there is no saying."""

    blur_px: float | None
    """Blur sigma of the sharpest fifth of the edges; 0 is perfectly sharp, None where there are too few edges."""

    worst_direction_px: float | None
    """The same of the edges of one direction, the blurriest of six."""

    best_direction_px: float | None
    """The same, the sharpest of six."""


def measure_sharpness(grey: UInt8Array, scale: float) -> Sharpness:
    """Return the sharpness of a photo.

    Args:
        grey: (H, W), the photo reduced to some size.
        scale: Pixels that the extractor sees for one pixel of `grey`.
    """
    import cv2

    if min(grey.shape) <= 2 * _BORDER_PX + 2:
        return Sharpness(0, None, None, None)
    pixels = grey.astype(np.float32)
    slopes_x, slopes_y, steepness = _slopes(pixels, _SMALL_PX)
    _, _, smoothed = _slopes(pixels, _LARGE_PX)
    least = max(_LEAST_SMOOTHED_SLOPE, float(np.quantile(smoothed[::4, ::4], 1 - _STRONGEST)))
    is_edge = (smoothed > least) & (steepness > _LEAST_SLOPE)
    is_edge &= steepness >= cv2.dilate(steepness, np.ones((3, 3), np.uint8))
    is_edge[:_BORDER_PX] = is_edge[-_BORDER_PX:] = False
    is_edge[:, :_BORDER_PX] = is_edge[:, -_BORDER_PX:] = False
    rows, columns = np.nonzero(is_edge)
    num_edges = len(rows)
    if num_edges < _LEAST_EDGES:
        return Sharpness(num_edges, None, None, None)
    ratio: FloatArray = steepness[rows, columns] / smoothed[rows, columns]
    blur = scale * _blur_of(ratio)
    directions = _directions(slopes_x[rows, columns], slopes_y[rows, columns])
    enough = max(_LEAST_EDGES_OF_A_DIRECTION, num_edges // 50)
    groups = [blur[directions == number] for number in range(_DIRECTIONS)]
    by_direction = [float(np.quantile(group, _QUANTILE)) for group in groups if len(group) >= enough]
    return Sharpness(
        num_edges,
        float(np.quantile(blur, _QUANTILE)),
        max(by_direction, default=None),
        min(by_direction, default=None),
    )


def _slopes(pixels: FloatArray, smoothing_px: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the gradient of smoothed pixels along x and y, and its length, in grey levels a pixel."""
    import cv2

    smoothed = cv2.GaussianBlur(pixels, (0, 0), smoothing_px)
    along_x: Any = cv2.Sobel(smoothed, cv2.CV_32F, 1, 0, scale=1 / 8)
    along_y: Any = cv2.Sobel(smoothed, cv2.CV_32F, 0, 1, scale=1 / 8)
    length: Any = cv2.magnitude(along_x, along_y)
    return along_x, along_y, length


def _blur_of(ratio: FloatArray) -> FloatArray:
    """Return the blur sigma of edges from the ratio of their gradients after the small and the large smoothing."""
    squared = np.maximum(ratio.astype(np.float64) ** 2, 1.001)
    blur: FloatArray = np.sqrt(np.maximum((_LARGE_PX**2 - squared * _SMALL_PX**2) / (squared - 1), 0.0))
    return blur


def _directions(slopes_x: FloatArray, slopes_y: FloatArray) -> npt.NDArray[np.intp]:
    """Return the direction of each gradient, 0 to 5, opposite ones alike."""
    angles = np.arctan2(slopes_y, slopes_x) % np.pi
    return (angles / np.pi * _DIRECTIONS).astype(np.intp) % _DIRECTIONS


def find_blurred(photos: Mapping[str, Sharpness]) -> list[Finding]:
    """Return the photos that are blurred, by themselves or next to the others, and those that show no edges."""
    measured = {name: each for name, each in photos.items() if each.blur_px is not None}
    typical = float(np.median([each.blur_px for each in measured.values()])) if measured else 0.0
    findings = []
    for name, each in measured.items():
        findings += _judge(name, each, typical)
    few = {name: each.num_edges for name, each in photos.items() if each.blur_px is None}
    for name, num_edges in few.items():
        detail = f"hardly any edges: {count(num_edges, 'edge pixel')} where {_LEAST_EDGES} are needed to judge"
        findings.append(
            Finding(
                Topic.TEXTURELESS,
                Severity.WARNING,
                detail,
                (name,),
                "photograph more of the surroundings: bare surfaces, fog and sky have nothing to match",
            )
        )
    return findings


def _judge(name: str, photo: Sharpness, typical: float) -> list[Finding]:
    blur, worst, best = photo.blur_px or 0.0, photo.worst_direction_px or 0.0, photo.best_direction_px or 0.0
    others = f"the set's median is {typical:.1f}"
    if blur >= BLURRED_PX:
        detail = f"blurred: its edges have a blur of {blur:.1f} px at 1600 px ({others}; {BLURRED_PX} is the limit)"
        next_step = "focus, hold still, and take it again; or leave it out"
        return [Finding(Topic.BLURRED, Severity.WARNING, detail, (name,), next_step)]
    if worst >= MOTION_PX and worst >= _MOTION_FACTOR * best:
        detail = (
            f"blurred by motion: {worst:.1f} px across one direction and {best:.1f} across another, at 1600 px "
            f"({MOTION_PX} is the limit)"
        )
        next_step = "use a shorter exposure or more light, and take it again; or leave it out"
        return [Finding(Topic.MOTION_BLUR, Severity.WARNING, detail, (name,), next_step)]
    if blur >= max(LESS_SHARP_PX, typical + LESS_SHARP_BY_PX):
        detail = f"less sharp than the others: a blur of {blur:.1f} px at 1600 px ({others})"
        return [Finding(Topic.LESS_SHARP, Severity.NOTE, detail, (name,))]
    return []
