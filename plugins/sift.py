"""SIFT from OpenCV, with RootSIFT descriptors: needs no weights, and runs on any machine.

Most keypoints of a large photo are tiny, and finding them takes four fifths of the time. A photo is therefore
looked at without enlargement first (COLMAP's `first_octave` 0), and enlarged only when that gives too few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

import recon

if TYPE_CHECKING:
    import cv2

FloatArray = npt.NDArray[np.floating[Any]]
IndexArray = npt.NDArray[np.intp]
UInt8Array = npt.NDArray[np.uint8]

_DESCRIPTOR_LENGTH = 128
_GRID = 16
"""The keypoints to keep are spread over this many cells across and down."""
_ENOUGH = 0.75
"""Share of `max_keypoints` that makes enlarging the photo not worth its time."""


@dataclass(frozen=True, slots=True)
class SiftOptions:
    """Options of the `sift` extractor."""

    max_keypoints: int = 4096
    contrast_threshold: float = 0.0133
    """Least contrast of a keypoint, as a share of white, times `octave_layers`; COLMAP 0.02, OpenCV 0.04. Lower
    ones find keypoints in the shade too; the strongest of each part of the photo are kept."""
    edge_threshold: float = 10.0
    """Most that the two curvatures at a keypoint may differ, as a factor: beyond, it lies on an edge."""
    octave_layers: int = 3
    """Scales looked at per doubling of the size."""
    sigma: float = 1.6
    """Blur of the first scale, in its pixels."""
    enlarge: Literal["auto", "always", "never"] = "auto"
    """Look for the tiniest keypoints in the photo at twice its size: four times the work."""
    upright: bool = False
    """Describe every keypoint as if the photo were level: better where all are, useless where one is not."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        for name in ("contrast_threshold", "edge_threshold", "sigma"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)}: above 0")
        if not 1 <= self.octave_layers <= 10:
            raise ValueError(f"octave_layers {self.octave_layers}: 1 to 10")


class SiftExtractor:
    """Finds extrema of the difference of Gaussians, and describes each by the gradients around it."""

    def __init__(self, options: SiftOptions, threads: int) -> None:
        import cv2

        cv2.setNumThreads(threads)
        self._options = options

    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, strong and well spread; none for a blank image."""
        import cv2

        options = self._options
        grey: Any = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        found = None
        if options.enlarge != "always":
            # OpenCV always doubles what it gets: in half the photo it starts at the scale of the photo itself.
            width, height = image.size
            halved: Any = cv2.resize(grey, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
            found = self._detect(halved, image)
        if found is None or (options.enlarge == "auto" and len(found.keypoints) < _ENOUGH * options.max_keypoints):
            found = self._detect(grey, image)
        return self._describe(found, _strong_and_spread(found, image.size, options.max_keypoints), image.size)

    def _detect(self, grey: UInt8Array, image: recon.Image) -> _Detection:
        keypoints: Sequence[cv2.KeyPoint] = self._sift().detect(grey)
        zoom = np.array(image.size, np.float32) / np.array(grey.shape[::-1], np.float32)
        xy: Any = (_values(keypoints, "pt").reshape(-1, 2) + np.float32(0.5)) * zoom  # COLMAP origin
        if image.mask is not None:
            columns, rows = xy.astype(np.intp).T
            kept = np.flatnonzero(image.mask[rows, columns])
            keypoints, xy = [keypoints[int(index)] for index in kept], xy[kept]
        if self._options.upright:
            keypoints, xy = _level(keypoints, xy)
        return _Detection(grey, keypoints, xy, _values(keypoints, "response"), float(zoom.mean()))

    def _describe(self, found: _Detection, rows: IndexArray, size: tuple[int, int]) -> recon.Features:
        keypoints: Sequence[cv2.KeyPoint] = [found.keypoints[int(row)] for row in rows]
        descriptors: Any = np.zeros((0, _DESCRIPTOR_LENGTH), np.float32)
        if keypoints:
            keypoints, descriptors = self._sift().compute(found.grey, keypoints)
        return recon.Features(
            keypoints=found.xy[rows],
            descriptors=_root(descriptors),
            image_size=size,
            scores=found.responses[rows],
            scales_px=_values(keypoints, "size") * np.float32(found.zoom / 2),  # OpenCV's size is a diameter
            orientations_rad=np.deg2rad(_values(keypoints, "angle")),
        )

    def _sift(self) -> cv2.SIFT:
        """Return a detector of its own for each call: OpenCV does not say whether threads may share one."""
        import cv2

        options = self._options
        return cv2.SIFT.create(
            nfeatures=0,
            nOctaveLayers=options.octave_layers,
            contrastThreshold=options.contrast_threshold,
            edgeThreshold=options.edge_threshold,
            sigma=options.sigma,
            enable_precise_upscale=True,  # without it, keypoints are 0.25 px off
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Detection:
    """Keypoints found in one version of a photo."""

    grey: UInt8Array
    """(H, W): the pixels that OpenCV saw."""
    keypoints: Sequence[cv2.KeyPoint]
    """In those pixels."""
    xy: FloatArray
    """(N, 2) float32: the same in the pixels of the image, COLMAP origin."""
    responses: FloatArray
    """(N,) float32: contrast."""
    zoom: float
    """Pixels of the image in a pixel of `grey`."""


def _strong_and_spread(found: _Detection, size: tuple[int, int], count: int) -> IndexArray:
    """Return rows of `count` keypoints: the strongest of each cell of a grid, then the second strongest, ...

    The strongest of all would crowd where the contrast is high, and leave the pose of the camera to one corner.
    """
    by_response = np.argsort(-found.responses, kind="stable")
    if len(by_response) <= count:
        return np.sort(by_response)
    cells = np.clip(found.xy[by_response] / np.array(size) * _GRID, 0, _GRID - 1).astype(np.intp) @ (1, _GRID)
    by_cell = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[by_cell], cells)
    ranks = np.empty(len(cells), np.intp)
    ranks[by_cell] = np.arange(len(cells))
    ranks -= starts
    return np.sort(by_response[np.argsort(ranks, kind="stable")[:count]])


def _level(keypoints: Sequence[cv2.KeyPoint], xy: FloatArray) -> tuple[list[cv2.KeyPoint], FloatArray]:
    """Return the keypoints with angle 0, one for each place and scale."""
    places: dict[tuple[float, ...], int] = {}
    for row, keypoint in enumerate(keypoints):
        places.setdefault((*keypoint.pt, keypoint.size), row)
        keypoint.angle = 0.0
    rows = list(places.values())
    return [keypoints[row] for row in rows], xy[rows]


def _root(descriptors: FloatArray) -> FloatArray:
    """Return RootSIFT: Euclidean distances become Hellinger distances of histograms (Arandjelovic 2012)."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rooted: FloatArray = np.sqrt(descriptors / sums)
    return rooted


def _values(keypoints: Sequence[cv2.KeyPoint], field: str) -> FloatArray:
    return np.array([getattr(keypoint, field) for keypoint in keypoints], np.float32)


@recon.hookimpl
def recon_feature_extractors() -> list[recon.ComponentSpec[recon.FeatureExtractor]]:
    """Offer `sift`."""
    return [
        recon.ComponentSpec(
            name="sift",
            summary="SIFT (OpenCV, on the CPU), RootSIFT descriptors",
            options=SiftOptions,
            create=lambda options, context: SiftExtractor(options, context.threads),
            licence="Apache-2.0",
            position_tolerance_px=0.1,
            thread_safe=True,
        )
    ]
