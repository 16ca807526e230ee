"""What every matcher keeps, be it of features or of images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np

from recon.core.components import FeatureMatcher, ImageMatcher
from recon.core.data import Features, Image, Matches, PairPositions
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract
from recon.testing.pictures import blank_image, textured_image
from recon.testing.samples import random_features


def check_matches(matches: Matches, features1: Features, features2: Features) -> None:
    """Check one answer of a feature matcher.

    Raises:
        AssertionError: Says what is wrong with it.
    """
    assert isinstance(matches, Matches), f"expected Matches, got {type(matches).__name__}"
    assert matches.indices.dtype == np.uint32, f"indices are {matches.indices.dtype}, not uint32"
    for side, features in enumerate((features1, features2)):
        rows = matches.indices[:, side]
        assert (rows < len(features)).all(), f"image {side + 1}: row {rows.max()} of {len(features)} keypoints"
        assert len(np.unique(rows)) == len(rows), f"image {side + 1}: a keypoint is matched more than once"
    if matches.scores is not None:
        assert np.isfinite(matches.scores).all(), "scores have values that are not finite"


class FeatureMatcherContract(ComponentContract):
    """In range, one-to-one, deterministic; empty input is allowed."""

    kind = Kind.MATCHER
    descriptor_length: ClassVar[int] = 128
    """Length of the descriptors that the matcher is made for."""

    def features(self, count: int, seed: int = 0) -> Features:
        """Return `count` keypoints that look like no other."""
        return random_features(count, length=self.descriptor_length, seed=seed)

    def test_matches_are_in_range_and_one_to_one(self) -> None:
        """Also between images of very different numbers of keypoints."""
        matcher: FeatureMatcher = self.create()
        for count1, count2 in ((1, 1), (2, 1), (1, 300), (300, 7), (257, 300)):
            features1, features2 = self.features(count1), self.features(count2, seed=1)
            check_matches(matcher.match(features1, features2), features1, features2)

    def test_empty_input_gives_no_match(self) -> None:
        """A blank photo has no keypoints."""
        matcher: FeatureMatcher = self.create()
        some, none = self.features(50), self.features(0)
        for features1, features2 in ((none, some), (some, none), (none, none)):
            assert len(matcher.match(features1, features2)) == 0, "a match with a keypoint that does not exist"

    def test_a_keypoint_is_matched_to_its_copy(self) -> None:
        """The second image has the first one's keypoints in another order."""
        features1 = self.features(300)
        order = np.random.default_rng(1).permutation(300)
        assert features1.scores is not None
        assert features1.scales_px is not None
        assert features1.orientations_rad is not None
        features2 = Features(
            features1.keypoints[order],
            features1.descriptors[order],
            features1.image_size,
            features1.scores[order],
            features1.scales_px[order],
            features1.orientations_rad[order],
        )
        matches = self.create().match(features1, features2)

        check_matches(matches, features1, features2)
        is_right = matches.indices[:, 0] == order[matches.indices[:, 1]]
        assert is_right.sum() >= 150, f"only {is_right.sum()} of 300 keypoints are matched to their copies"
        assert is_right.mean() > 0.95, f"{(~is_right).sum()} of {len(matches)} matches are wrong"

    def test_equal_input_gives_equal_output(self) -> None:
        """From one matcher, whatever it saw before, and from another made alike."""
        features1, features2 = self.features(200), self.features(150, seed=1)
        matcher: FeatureMatcher = self.create()
        first = matcher.match(features1, features2)
        matcher.match(features2, features1)

        for again in (matcher.match(features1, features2), self.create().match(features1, features2)):
            assert np.array_equal(first.indices, again.indices), "equal features gave different matches"

    def test_threads_may_share_it_where_it_says_so(self) -> None:
        """With `thread_safe`, the host calls one component from several threads at once."""
        pairs = [(self.features(200, seed), self.features(200, seed + 1)) for seed in range(8)]
        matcher: FeatureMatcher = self.create()
        with ThreadPoolExecutor(4 if self.spec.thread_safe else 1) as threads:
            together = list(threads.map(lambda pair: matcher.match(*pair), pairs))

        for pair, matches in zip(pairs, together, strict=True):
            assert np.array_equal(matcher.match(*pair).indices, matches.indices), "threads changed the matches"


class ImageMatcherContract(ComponentContract):
    """Finite, inside the images, deterministic; blank and tiny images are allowed.

    The host merges positions of one image that lie within half a pixel of each other: a matcher whose positions in
    one of its images do not depend on the other gives long tracks.
    """

    kind = Kind.IMAGE_MATCHER

    def test_positions_lie_inside_the_images(self) -> None:
        """Also when the two differ in size, or one is tiny or blank."""
        matcher: ImageMatcher = self.create()
        others = (textured_image(200, 300, seed=1), textured_image(8, 8), textured_image(1, 1), blank_image(128))
        for other in others:
            image = textured_image()
            check_positions(matcher.match_images(image, other), image, other)
            check_positions(matcher.match_images(other, image), other, image)

    def test_equal_input_gives_equal_output(self) -> None:
        """From one matcher, and from another made alike."""
        image1, image2 = textured_image(), textured_image(seed=1)
        matcher: ImageMatcher = self.create()
        first = matcher.match_images(image1, image2)

        for again in (matcher.match_images(image1, image2), self.create().match_images(image1, image2)):
            assert np.array_equal(first.xy1, again.xy1), "equal images gave different positions"
            assert np.array_equal(first.xy2, again.xy2), "equal images gave different positions"

    def test_threads_may_share_it_where_it_says_so(self) -> None:
        """With `thread_safe`, the host calls one component from several threads at once."""
        images = [textured_image(160, 120, seed=seed) for seed in range(3)]
        pairs = [(image1, image2) for image1 in images for image2 in images if image1 is not image2]
        matcher: ImageMatcher = self.create()
        with ThreadPoolExecutor(4 if self.spec.thread_safe else 1) as threads:
            together = list(threads.map(lambda pair: matcher.match_images(*pair), pairs))

        for pair, found in zip(pairs, together, strict=True):
            alone = matcher.match_images(*pair)
            assert np.array_equal(alone.xy1, found.xy1), "threads changed the positions"
            assert np.array_equal(alone.xy2, found.xy2), "threads changed the positions"

    def test_an_image_is_matched_to_itself(self) -> None:
        """Both positions of most matches are the same place."""
        image = textured_image()
        positions: PairPositions = self.create().match_images(image, image)

        check_positions(positions, image, image)
        assert len(positions.xy1) > 0, "no match of an image with itself"
        distances_px = np.linalg.norm(positions.xy1 - positions.xy2, axis=1)
        assert np.median(distances_px) < 1, (
            f"the median match of an image with itself is {np.median(distances_px)} px off"
        )


def check_positions(positions: PairPositions, image1: Image, image2: Image) -> None:
    """Check one answer of an image matcher.

    Raises:
        AssertionError: Says what is wrong with it.
    """
    assert isinstance(positions, PairPositions), f"expected PairPositions, got {type(positions).__name__}"
    for field, xy, image in (("xy1", positions.xy1, image1), ("xy2", positions.xy2, image2)):
        assert xy.dtype == np.float32, f"{field} is {xy.dtype}, not float32"
        assert np.isfinite(xy).all(), f"{field} has values that are not finite"
        outside = ((xy < 0) | (xy > np.array(image.size))).any(axis=1).sum()
        assert outside == 0, f"{field}: {outside} positions lie outside {image.name} of {image.size} pixels"
    assert np.isfinite(positions.scores).all(), "scores have values that are not finite"
