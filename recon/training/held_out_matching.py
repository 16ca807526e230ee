"""How well an extractor's features match in held-out pairs of photos, by the epipolar geometry of their model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.components import FeatureExtractor
from recon.core.data import Features, ImageFile, ImagePair, PairPositions
from recon.core.errors import Interrupted
from recon.evaluation.pairs import sampson_distances
from recon.evaluation.pairs_truth import View
from recon.evaluation.truth import Pose
from recon.learning.mutual import mutual_nearest
from recon.matching.extraction import Extraction

RIGHT_PX = (1.5, 3.0)
"""Distances from the true epipolar geometry, in pixels of the photos as they are seen, up to which a match is right."""
_SURE = 0.95
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """The matches of P pairs: mutual nearest neighbours."""

    matches: FloatArray
    """(P,) how many."""
    right: FloatArray
    """(P, 2) how many of them are right, by either distance of RIGHT_PX."""

    def as_dict(self) -> dict[str, float]:
        """Return the means over the pairs."""
        shares = self.right / np.maximum(self.matches, 1)[:, None]
        told = {"matches": float(self.matches.mean())}
        for place, distance in enumerate(RIGHT_PX):
            told[f"right_{distance:g}px"] = float(self.right[:, place].mean())
            told[f"share_{distance:g}px"] = float(shares[:, place].mean())
        return told


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one extractor matches better than another in the same pairs."""

    is_better: bool
    gain: float
    """Of right matches within 1.5 px, as a share: 0.1 is a tenth more."""
    sureness: float
    """How likely the gain is above 0, were the pairs drawn anew from their like."""
    reason: str


def views_of(model: Path) -> dict[str, View]:
    """Return camera and pose of each photo of a model, by name."""
    import pycolmap

    reconstruction = pycolmap.Reconstruction(str(model))
    views = {}
    for image_id in reconstruction.reg_image_ids():
        image = reconstruction.image(image_id)
        matrix = np.asarray(image.cam_from_world().matrix(), np.float64)
        views[image.name] = View(reconstruction.camera(image.camera_id), Pose(matrix[:, :3], matrix[:, 3]))
    return views


def match_pairs(
    extractor: FeatureExtractor,
    pairs: Sequence[ImagePair],
    images: Mapping[str, ImageFile],
    views: Mapping[str, View],
    size: int,
    progress: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> Matching:
    """Return how features match in pairs of photos whose longer side is at most `size` pixels.

    Raises:
        Interrupted: `should_stop` said so.
    """
    extraction = Extraction(extractor, size, is_thread_safe=False)
    names = sorted({name for pair in pairs for name in (pair.name1, pair.name2)})
    features: dict[str, Features] = {}
    for done, name in enumerate(names, 1):
        if should_stop():
            raise Interrupted("stopped between two photos")
        features[name], _ = extraction.extract(images[name])
        progress(done)
    matches, right = [], []
    for pair in pairs:
        found = _mutual(features[pair.name1], features[pair.name2])
        distances = sampson_distances(found, views[pair.name1], views[pair.name2])
        image = images[pair.name1]
        seen = distances * min(1.0, size / max(image.width, image.height))
        matches.append(len(seen))
        right.append([(seen <= distance).sum() for distance in RIGHT_PX])
    return Matching(np.array(matches, np.float64), np.array(right, np.float64).reshape(-1, len(RIGHT_PX)))


def judge(before: Matching, after: Matching) -> Verdict:
    """Return whether `after` has more right matches, so clearly that it is no chance, and no smaller share of them."""
    difference = after.right[:, 0] - before.right[:, 0]
    rows = np.random.default_rng(0).integers(len(difference), size=(_RESAMPLES, len(difference)))
    sureness = float((difference[rows].mean(axis=1) > 0).mean())
    gain = float(difference.mean() / max(before.right[:, 0].mean(), 1e-9))
    told_before, told_after = before.as_dict(), after.as_dict()
    lost_share = told_before["share_1.5px"] - told_after["share_1.5px"]
    if gain <= 0:
        reason = f"they have {-gain:.1%} fewer right matches"
    elif sureness < _SURE:
        reason = f"{gain:.1%} more right matches may be chance ({sureness:.0%} sure)"
    elif lost_share > 0.01:
        reason = f"{gain:.1%} more matches are right, but a smaller share of all ({lost_share:.1%} less)"
    else:
        return Verdict(True, gain, sureness, f"they have {gain:.1%} more right matches")
    return Verdict(False, gain, sureness, reason)


def _mutual(features1: Features, features2: Features) -> PairPositions:
    """Return the positions of keypoints whose descriptors are each other's nearest."""
    rows1, rows2, scores = mutual_nearest(features1, features2)
    return PairPositions(np.array(features1.keypoints[rows1]), np.array(features2.keypoints[rows2]), scores)
