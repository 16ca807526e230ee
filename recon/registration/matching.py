"""Corresponding positions of two photos, from a matcher of keypoints or of pixels."""

from __future__ import annotations

import numpy as np

from recon.core.components import FeatureExtractor, FeatureMatcher, ImageMatcher
from recon.core.data import Features, Image, PairPositions
from recon.core.errors import Cause, ReconError
from recon.registration.planar import Float64Array

_LEAST_KEYPOINTS = 8


class KeypointMatcher:
    """An extractor and a matcher of keypoints as one matcher of images."""

    def __init__(self, extractor: FeatureExtractor, matcher: FeatureMatcher) -> None:
        self._extractor = extractor
        self._matcher = matcher

    def match_images(self, image1: Image, image2: Image) -> PairPositions:
        """Return the positions of the keypoints that match.

        Raises:
            ReconError: FEW_KEYPOINTS, naming the image.
        """
        features1, features2 = (self._features(image) for image in (image1, image2))
        matches = self._matcher.match(features1, features2)
        rows1, rows2 = matches.indices.astype(np.intp).T
        scores = matches.scores if matches.scores is not None else np.ones(len(matches), np.float32)
        return PairPositions(features1.keypoints[rows1], features2.keypoints[rows2], scores)

    def _features(self, image: Image) -> Features:
        features = self._extractor.extract(image)
        if len(features) < _LEAST_KEYPOINTS:
            raise ReconError(
                f"{image.name} has only {len(features)} keypoints: it is blank, blurred, dark, or masked",
                code=Cause.FEW_KEYPOINTS,
                file=image.name,
                try_="give a photo with texture, or a larger --max-size",
            )
        return features


def find_positions(
    matcher: ImageMatcher, image1: Image, image2: Image, *, also_negative: bool
) -> tuple[Float64Array, Float64Array]:
    """Return corresponding positions (N, 2) in both images, each pair of places once, nothing masked.

    Args:
        also_negative: Match image 1's negative, too: what is bright for one sensor may be dark for another, and
            most descriptors take such edges for different ones.
    """
    found = [matcher.match_images(image1, image2)]
    if also_negative:
        negative = Image(image1.name, np.asarray(255 - image1.pixels, np.uint8), image1.mask)
        found.append(matcher.match_images(negative, image2))
    xy1 = np.concatenate([each.xy1 for each in found]).astype(np.float64)
    xy2 = np.concatenate([each.xy2 for each in found]).astype(np.float64)
    kept = _is_unmasked(image1, xy1) & _is_unmasked(image2, xy2)
    xy1, xy2 = xy1[kept], xy2[kept]
    # A keypoint of two orientations would else count as two matches.
    _, first = np.unique(np.round(np.hstack([xy1, xy2]), 1), axis=0, return_index=True)
    rows = np.sort(first)
    return xy1[rows], xy2[rows]


def _is_unmasked(image: Image, xy: Float64Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    width, height = image.size
    columns = np.clip(xy[:, 0].astype(np.intp), 0, width - 1)
    rows = np.clip(xy[:, 1].astype(np.intp), 0, height - 1)
    return np.ones(len(xy), bool) if image.mask is None else image.mask[rows, columns] > 0
