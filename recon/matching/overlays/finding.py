"""Finds what stands still: keypoints that come back at the same pixels, looking the same, in photo after photo.

Photos taken from one place show their whole content at the same pixels, which is no overlay: they count as one view,
and what counts is in how many views a keypoint comes back. Where all photos are one view, either a turntable turned
something before a background that stood still, or the camera did not move at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import IntArray
from recon.core.data import Features
from recon.matching.overlays.cells import cover_cells
from recon.matching.overlays.masking import Overlay
from recon.matching.overlays.motion import moving_matches
from recon.matching.overlays.recurrence import recurrences

Mask = npt.NDArray[np.bool_]

_MOST_PHOTOS = 12
"""Of one size that are compared, all with all, spread over the set."""
_LEAST_PHOTOS = 4
_SAME_VIEW = 0.4
"""Share of a photo's keypoints at the same place in another from which on the two are one view."""
_COMES_BACK = 0.35
"""Share of the other views in which a keypoint has to come back, at least three of them."""
_LEAST_OTHERS = 3
_IN_PHOTOS = 0.6
"""Share of the photos that have to show an overlay."""
_STILL_KEYPOINTS = 3
"""That a photo has to have of it."""
_BACKGROUND = 0.25
"""Share of the keypoints from which on what stands still is no mark upon the photos."""
_MOVING_MATCHES, _MOVING_SHARE = 10, 0.12
"""Matches between neighbours by which something moves: so many at least, and so much of what does not stand still."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What photos of one size have standing still."""

    names: tuple[str, ...]
    size: tuple[int, int]
    overlay: Overlay | None
    """None where the camera did not move: then nothing is covered."""
    keypoints_covered: float
    """Share of the keypoints that the overlay covers; of those that stand still where there is none."""
    is_background: bool
    """Whether something moves before a scene that stands still, and not a scene below an overlay."""

    def describe(self) -> str:
        """Return the finding in a sentence."""
        count = f"{len(self.names)} photos of {self.size[0]}x{self.size[1]}"
        if self.overlay is None:
            return (
                f"the camera did not move: {count} show the same view ({self.keypoints_covered:.0%} of the keypoints "
                "stay where they are), and depth is measured between photos from different places"
            )
        what = (
            f"the background of {count} stands still while something moves before it, as on a turntable"
            if self.is_background
            else f"{count} have in common what does not move with the scene, such as a watermark or a date"
        )
        return f"{what} ({self.overlay.share:.1%} of the picture, {self.keypoints_covered:.1%} of the keypoints)"


def find_still(features: Mapping[str, Features], sizes: Mapping[str, tuple[int, int]]) -> list[Finding]:
    """Return what stands still in photos of each size; nothing for sizes of fewer than four photos.

    Args:
        sizes: Width and height of each photo, sensor pixels.
    """
    groups: dict[tuple[int, int], list[str]] = {}
    for name in sorted(sizes):
        groups.setdefault(sizes[name], []).append(name)
    findings = [_find(size, names, features) for size, names in groups.items() if len(names) >= _LEAST_PHOTOS]
    return [finding for finding in findings if finding is not None]


def _find(size: tuple[int, int], names: Sequence[str], features: Mapping[str, Features]) -> Finding | None:
    places = np.unique(np.linspace(0, len(names) - 1, _MOST_PHOTOS).round().astype(int))
    photos = [features[names[place]] for place in places]
    if any(photo.descriptors.shape[1] == 0 for photo in photos):  # of an image matcher
        return None
    found = recurrences(photos)
    views = _views(found)
    num_views = int(views.max()) + 1
    is_one_view = num_views == 1
    apart = np.arange(len(photos)) if is_one_view else views
    still = [_comes_back(each, apart, int(apart[k])) for k, each in enumerate(found)]
    if np.mean([each.sum() >= _STILL_KEYPOINTS for each in still]) < _IN_PHOTOS:
        return None
    if is_one_view and not _something_moves(names, features):
        return Finding(tuple(names), size, None, float(np.concatenate(still).mean()), is_background=False)
    overlay = cover_cells(size, photos, still)
    if not overlay.covered.any():
        return None
    covered = float(np.concatenate([overlay.covers(photo.keypoints) for photo in photos]).mean())
    return Finding(tuple(names), size, overlay, covered, is_background=is_one_view or covered >= _BACKGROUND)


def _views(found: Sequence[Mask]) -> IntArray:
    """Return (P,) the number of the view of each photo: those that show mostly the same at the same place are one."""
    num_photos = len(found)
    shares = np.array([each.mean(axis=1) if each.shape[1] else np.zeros(num_photos) for each in found])
    is_same = np.minimum(shares, shares.T) >= _SAME_VIEW
    views = np.arange(num_photos)
    for _ in range(num_photos):
        views = np.array([views[is_same[k] | (np.arange(num_photos) == k)].min() for k in range(num_photos)])
    return np.unique(views, return_inverse=True)[1]


def _comes_back(found: Mask, views: IntArray, own: int) -> Mask:
    """Return (N,) which keypoints of a photo recur in enough of the views that are not its own."""
    others = [view for view in range(int(views.max()) + 1) if view != own]
    num_views = np.sum([found[views == view].any(axis=0) for view in others], axis=0)
    enough = num_views >= min(len(others), max(_LEAST_OTHERS, _COMES_BACK * len(others)))
    return np.asarray(enough & (found.sum(axis=0) >= _LEAST_OTHERS))


def _something_moves(names: Sequence[str], features: Mapping[str, Features]) -> bool:
    number, share = moving_matches(names, features)
    return number >= _MOVING_MATCHES and share >= _MOVING_SHARE
