"""Aligns the observations of each track with its reference, and those that fail with their nearest neighbour.

Each image is looked at twice in a pass: once for the patches of the references in it, once to find other references'
patches. Only patches, and as many photos as fit into a bounded memory, are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import PhotometricOptions
from .alignment import Stiffness, Templates, Window, align, square
from .pictures import Pictures
from .tracks import Observations, Surfaces
from .views import Views, groups

if TYPE_CHECKING:
    import pycolmap

FloatArray = npt.NDArray[np.floating[Any]]
UInt8Array = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_MAX_ZOOM = 3.0
"""Patches that are so many times larger or smaller than their reference show other things."""
_MAX_BEND = 0.6
"""A patch whose shape changed by more of itself has run away."""
_TOGETHER = 1024
"""Patches aligned at a time: their derivatives, 3.5 MB at radius 5, stay in the processor's cache."""


class PhotometricRefiner:
    """Moves keypoints so that the patches around all of a track look alike."""

    def __init__(self, options: PhotometricOptions, threads: int) -> None:
        self._options = options
        self._threads = threads

    def refine(
        self,
        keypoints: Mapping[str, FloatArray],
        tracks: Sequence[Sequence[tuple[str, int]]],
        cameras: Mapping[str, pycolmap.Camera],
        poses: Mapping[str, pycolmap.Rigid3d],
        load_image: Callable[[str], UInt8Array],
    ) -> Mapping[str, FloatArray]:
        """Return keypoints with those of each track moved to the place that its reference shows.

        The reference's own stays, and so does every one whose patch is not found. `load_image` is called from
        as many threads as the run has, and up to four times for an image.
        """
        refined = {name: np.array(xy) for name, xy in keypoints.items()}
        views = Views.of(cameras, poses)
        observations = Observations.of(tracks, views)
        if len(observations) == 0:
            return refined
        work = _Work(self._options, views, observations, Pictures(load_image), self._threads)
        xy = work.refine(observations.positions(keypoints, views))
        for image, rows in groups(observations.images):
            refined[views.names[image]][observations.rows[rows]] = xy[rows]
        return refined


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """Which observations to align with which, and the shapes in which to look for them."""

    sources: Rows
    targets: Rows
    shapes: FloatArray
    """(N, 2, 2) full-size pixels of the target's image by step of the source's patch."""
    levels: Rows
    """(N,) halvings of the target's image at which a pixel is about a step."""


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """One call of the refiner."""

    options: PhotometricOptions
    views: Views
    observations: Observations
    pictures: Pictures
    threads: int

    def refine(self, xy: FloatArray) -> FloatArray:
        """Return (O, 2) the refined keypoints of the observations."""
        xy = xy.copy()
        surfaces = Surfaces.of(self.observations, self.views, xy)
        references = surfaces.references
        is_reference = np.zeros(len(xy), bool)
        is_reference[references] = True
        targets = np.flatnonzero(~is_reference)
        is_aligned = np.zeros(len(xy), bool)
        self._align(xy, is_aligned, references[self.observations.tracks[targets]], targets, surfaces)
        # Seen from far aside, a place looks like it does to a neighbour, if not like the reference.
        is_missed = ~is_aligned & ~is_reference
        self._align(xy, is_aligned, *surfaces.nearest(self.observations, is_aligned, is_missed), surfaces)
        return xy

    def _align(self, xy: FloatArray, is_aligned: Mask, sources: Rows, targets: Rows, surfaces: Surfaces) -> None:
        """Move targets to where the patches of their sources are found, and mark them."""
        window = Window.of(self.options.radius)
        patches = self._predict(xy, sources, targets, surfaces)
        used, number = np.unique(patches.sources, return_inverse=True)
        squares = self._squares(xy, used)

        def find(image: int, rows: Rows) -> tuple[Rows, FloatArray]:
            found = [
                self._find(xy, patches, chunk, squares[number[chunk]], window, level)
                for level, on_level in groups(patches.levels[rows])
                for chunk in np.array_split(rows[on_level], -(-len(on_level) // _TOGETHER))
            ]
            return np.concatenate([good for good, _ in found]), np.concatenate([places for _, places in found])

        by_image = list(groups(self.observations.images[patches.targets]))
        with ThreadPoolExecutor(self.threads) as pool:
            for good, places in pool.map(find, *zip(*by_image, strict=True)) if by_image else ():
                xy[good] = places
                is_aligned[good] = True

    @property
    def _halvings(self) -> Rows:
        """(I,) how often each image is halved to be looked at."""
        longest = np.array([max(camera.width, camera.height) for camera in self.views.cameras])
        return np.maximum(0, np.ceil(np.log2(longest / self.options.max_size))).astype(np.intp)

    def _predict(self, xy: FloatArray, sources: Rows, targets: Rows, surfaces: Surfaces) -> _Patches:
        images, tracks = self.observations.images, self.observations.tracks[targets]
        levels = self._halvings[images[sources]]
        shapes = self.views.shapes(
            images[sources], xy[sources], images[targets], surfaces.points[tracks], surfaces.normals[tracks]
        )
        zooms = np.sqrt(np.abs(np.linalg.det(np.nan_to_num(shapes))))
        is_usable = np.isfinite(shapes).all(axis=(1, 2)) & (zooms > 1 / _MAX_ZOOM) & (zooms < _MAX_ZOOM)
        target_levels = np.maximum(0, np.rint(levels + np.log2(np.where(is_usable, zooms, 1)))).astype(np.intp)
        shapes = shapes * (2.0**levels)[:, None, None]
        return _Patches(sources[is_usable], targets[is_usable], shapes[is_usable], target_levels[is_usable])

    def _squares(self, xy: FloatArray, sources: Rows) -> FloatArray:
        """Return (N, S, S) the patches around some observations, a step wider than the window on each side."""
        side = 2 * self.options.radius + 3
        squares = np.empty((len(sources), side, side), np.float32)
        for image, rows in groups(self.observations.images[sources]):
            level = int(self._halvings[image])
            picture = self.pictures.at_level(self.views.names[image], level)
            upright = np.broadcast_to(np.eye(2) * 2.0**level, (len(rows), 2, 2))
            patches = picture.patches(xy[sources[rows]], upright, square(self.options.radius + 1))
            squares[rows] = patches.reshape(-1, side, side)
        return squares

    def _find(
        self, xy: FloatArray, patches: _Patches, rows: Rows, squares: FloatArray, window: Window, level: int
    ) -> tuple[Rows, FloatArray]:
        """Return the targets in one image that were found, and their places."""
        targets, shapes = patches.targets[rows], patches.shapes[rows]
        picture = self.pictures.at_level(self.views.names[self.observations.images[targets[0]]], level)
        stiffness = Stiffness(self.options.place_stiffness, self.options.shape_stiffness)
        templates = Templates.of(squares, window, stiffness)
        found = align(templates, window, picture, xy[targets], shapes, stiffness)
        moves_px = np.linalg.norm(found.xy - xy[targets], axis=1) / 2.0**level
        steps_px = np.sqrt(np.abs(np.linalg.det(shapes)))
        is_good = (
            (found.correlations >= np.maximum(self.options.min_correlation, found.first_correlations))
            & (moves_px <= self.options.max_move_px)
            & (found.bends <= _MAX_BEND)
            & picture.holds(found.xy, window.radius * steps_px)
        )
        return targets[is_good], found.xy[is_good]
