"""What every feature extractor keeps."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from recon.core.components import FeatureExtractor
from recon.core.data import Features, Image
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract
from recon.testing.pictures import MARKS, blank_image, marked_image, textured_image

_SIZES = ((1, 1), (2, 1), (1, 9), (8, 8), (17, 33), (200, 3), (3, 200), (257, 64))
_REACH_PX = 2.0
"""A mark counts as found when a keypoint is as near as this."""
_MAX_BIAS_PX = 0.35
"""Largest median offset to one side: half a pixel is a mistaken origin, even where keypoints are whole pixels."""


def check_features(features: Features, image: Image, max_keypoints: int | None = None) -> None:
    """Check one answer of an extractor.

    Raises:
        AssertionError: Says what is wrong with it.
    """
    name, count = image.name, len(features)
    assert isinstance(features, Features), f"{name}: expected Features, got {type(features).__name__}"
    assert tuple(features.image_size) == image.size, f"{name}: image_size {features.image_size}, not {image.size}"
    fields = ("keypoints", "descriptors", "scores", "scales_px", "orientations_rad")
    arrays = {field: getattr(features, field) for field in fields if getattr(features, field) is not None}
    for field, array in arrays.items():
        assert array.dtype == np.float32, f"{name}: {field} is {array.dtype}, not float32"
        assert np.isfinite(array).all(), f"{name}: {field} has values that are not finite"
    low, high = np.zeros(2), np.array(image.size)
    outside = ((features.keypoints < low) | (features.keypoints > high)).any(axis=1).sum()
    assert outside == 0, f"{name}: {outside} of {count} keypoints lie outside the image of {image.size} pixels"
    lengths = np.linalg.norm(features.descriptors, axis=1)
    assert np.allclose(lengths, 1, atol=1e-3), f"{name}: descriptors have lengths {lengths.min()} to {lengths.max()}"
    if max_keypoints is not None:
        assert count <= max_keypoints, f"{name}: {count} keypoints where {max_keypoints} were allowed"


class FeatureExtractorContract(ComponentContract):
    """Finite, inside the image, deterministic, any image, and marks found where they are."""

    kind = Kind.EXTRACTOR

    def test_features_are_well_formed(self) -> None:
        """Finite float32 inside the image, descriptors of length 1; a textured image has some."""
        image = textured_image()
        features = self.create().extract(image)

        check_features(features, image)
        assert len(features) > 0, "no keypoint in a textured image"

    def test_max_keypoints_is_kept(self) -> None:
        """The budget is the user's, who pays for it in matching."""
        image = textured_image()
        features = self.create(max_keypoints=10).extract(image)

        check_features(features, image, max_keypoints=10)
        assert len(features) > 0, "no keypoint in a textured image"

    def test_any_size_of_image_is_taken(self) -> None:
        """A thumbnail among the photos must not stop the run."""
        extractor: FeatureExtractor = self.create()
        for width, height in _SIZES:
            image = textured_image(width, height, name=f"{width}x{height}.png")
            check_features(extractor.extract(image), image)

    def test_a_blank_image_has_no_keypoints(self) -> None:
        """Noise that is amplified from nothing matches other nothing."""
        extractor: FeatureExtractor = self.create()
        for value in (0, 128, 255):
            features = extractor.extract(blank_image(value))
            check_features(features, blank_image(value))
            assert len(features) == 0, f"{len(features)} keypoints in an image that is grey {value} all over"

    def test_equal_input_gives_equal_output(self) -> None:
        """From one component, whatever it saw before, and from another made alike: a resumed run has both."""
        extractor: FeatureExtractor = self.create()
        first = extractor.extract(textured_image())
        extractor.extract(textured_image(128, 96, seed=1))

        for again in (extractor.extract(textured_image()), self.create().extract(textured_image())):
            assert_equal(first, again)

    def test_the_image_is_not_changed(self) -> None:
        """Others read the same pixels."""
        image = textured_image()
        self.create().extract(image)

        assert np.array_equal(image.pixels, textured_image().pixels), "extract() changed the pixels of its image"

    def test_threads_may_share_it_where_it_says_so(self) -> None:
        """With `thread_safe`, the host calls one component from several threads at once."""
        images = [textured_image(160, 120, seed) for seed in range(8)]
        extractor: FeatureExtractor = self.create()
        with ThreadPoolExecutor(4 if self.spec.thread_safe else 1) as threads:
            together = list(threads.map(extractor.extract, images))

        for image, features in zip(images, together, strict=True):
            assert_equal(extractor.extract(image), features)

    def test_a_batch_gives_each_image_its_features(self) -> None:
        """`extract_batch` is optional; where it exists it answers for each image, in order."""
        extractor = self.create()
        images = [textured_image(160, 120, seed) for seed in range(3)]
        batch = extractor.extract_batch(images) if hasattr(extractor, "extract_batch") else []

        for image, features in zip(images if batch else [], batch, strict=True):
            check_features(features, image)
            alone = extractor.extract(image)
            assert abs(len(alone) - len(features)) <= 0.02 * len(alone), "a batch finds other keypoints than one image"

    def test_marks_are_found_where_they_are(self) -> None:
        """Corners, or dots for a detector of blobs: isolated, at known places between the pixels.

        The median distance has to stay below the spec's tolerance; and the median offset to one side below
        a third of a pixel, since half a pixel is the commonest mistake: the centre of the top-left pixel is
        (0.5, 0.5).

        A learned detector may answer to other structure, beside the marks. Its spec says so with an infinite
        tolerance; then its keypoints have to move with the picture.
        """
        tolerance_px = self.spec.position_tolerance_px or 1.0
        if math.isinf(tolerance_px):
            self._check_keypoints_move_with_the_picture()
            return
        findings = [self._find_marks(mark) for mark in MARKS]
        good = [
            distance_px <= tolerance_px and bias_px <= min(tolerance_px, _MAX_BIAS_PX)
            for found, distance_px, bias_px in findings
            if found >= 0.5
        ]

        told = "; ".join(
            f"{mark}s: {found:.0%} found, median distance {distance_px:.3f} px, bias {bias_px:.3f} px"
            for mark, (found, distance_px, bias_px) in zip(MARKS, findings, strict=True)
        )
        assert any(good), f"no kind of mark is found within {tolerance_px} px ({told})"

    def _check_keypoints_move_with_the_picture(self) -> None:
        picture = textured_image(420, 340)
        shift_px = np.array([37, 22])
        extractor: FeatureExtractor = self.create(max_keypoints=4096)
        keypoints = []
        for left, top in ((0, 0), shift_px):
            pixels = np.ascontiguousarray(picture.pixels[top : top + 300, left : left + 370])
            keypoints.append(extractor.extract(Image(picture.name, pixels)).keypoints)
        there = keypoints[0] - shift_px
        there = there[((there > 16) & (there < np.array([370, 300]) - shift_px - 16)).all(axis=1)]
        distances_px = np.linalg.norm(there[:, None] - keypoints[1][None], axis=2).min(axis=1)
        assert len(there) > 0, "no keypoint in a textured image"
        median_px = float(np.median(distances_px))
        assert median_px < 0.5, (
            f"the picture moves by whole pixels, and half of its keypoints {median_px:.2f} px off that"
        )

    def _find_marks(self, mark: str) -> tuple[float, float, float]:
        """Return the share of the marks found, and the median distance and one-sided offset of those in pixels."""
        image, centers = marked_image(mark)
        keypoints = self.create(max_keypoints=4096).extract(image).keypoints.astype(np.float64)
        if len(keypoints) == 0:
            return 0.0, np.inf, np.inf
        offsets = keypoints[None] - centers[:, None]
        nearest = offsets[np.arange(len(centers)), np.linalg.norm(offsets, axis=2).argmin(axis=1)]
        distances_px = np.linalg.norm(nearest, axis=1)
        is_found = distances_px < _REACH_PX
        if not is_found.any():
            return 0.0, np.inf, np.inf
        bias_px = np.abs(np.median(nearest[is_found], axis=0)).max()
        return float(is_found.mean()), float(np.median(distances_px[is_found])), float(bias_px)


def assert_equal(features1: Features, features2: Features) -> None:
    """Check that two answers are the same to the last bit."""
    for field in ("keypoints", "descriptors"):
        same = np.array_equal(getattr(features1, field), getattr(features2, field))
        assert same, f"equal images gave different {field}"
