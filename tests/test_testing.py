"""The contract passes what keeps it and fails, with a reason, what does not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import recon
import recon.testing
from recon.testing.matchers import check_positions
from recon.testing.pictures import MARKS


@dataclass(frozen=True)
class Options:
    max_keypoints: int = 1000


class Corners:
    """A small honest extractor, to be spoilt below."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def extract(self, image: recon.Image) -> recon.Features:
        import cv2

        grey = image.pixels[:, :, 0].copy()
        inside = np.zeros_like(grey)
        inside[12:-12, 12:-12] = 255
        corners = cv2.goodFeaturesToTrack(grey, self.options.max_keypoints, 1e-3, 3, mask=inside)
        if corners is None:
            return features(np.zeros((0, 2)), image)
        corners = cv2.cornerSubPix(grey, corners, (4, 4), (-1, -1), (cv2.TERM_CRITERIA_COUNT, 30, 0))
        return features(corners.reshape(-1, 2) + 0.5, image)


def features(xy: np.ndarray, image: recon.Image, **changes: object) -> recon.Features:
    descriptors = np.tile(np.float32([0.6, 0.8]), (len(xy), 1))
    fields = {"keypoints": xy.astype(np.float32), "descriptors": descriptors, "image_size": image.size}
    return recon.Features(**{**fields, **changes})


def contract_of(extractor: type) -> recon.testing.FeatureExtractorContract:
    """Return the contract for an extractor that promises 0.1 px."""

    class Contract(recon.testing.FeatureExtractorContract):
        spec = recon.ComponentSpec(
            "corners", "A test", Options, lambda o, c: extractor(o), "MIT", position_tolerance_px=0.1, thread_safe=True
        )

    return Contract()


def checks_of(contract: object) -> list[str]:
    return [name for name in dir(contract) if name.startswith("test_")]


class TestHonest(recon.testing.FeatureExtractorContract):
    spec = contract_of(Corners).spec


# --- what must not pass ---


class HalfAPixelOff(Corners):
    def extract(self, image):
        found = super().extract(image)
        return features(np.maximum(found.keypoints - 0.5, 0), image)


class OutsideTheImage(Corners):
    def extract(self, image):
        found = super().extract(image)
        return features(found.keypoints + image.size[0], image)


class NotFinite(Corners):
    def extract(self, image):
        found = super().extract(image)
        return features(np.where(found.keypoints > 50, np.nan, found.keypoints), image)


class DoublePrecision(Corners):
    def extract(self, image):
        found = super().extract(image)
        return features(found.keypoints, image, keypoints=found.keypoints.astype(np.float64))


class LongDescriptors(Corners):
    def extract(self, image):
        found = super().extract(image)
        return features(found.keypoints, image, descriptors=2 * found.descriptors)


class SwappedSize(Corners):
    def extract(self, image):
        return features(super().extract(image).keypoints, image, image_size=image.size[::-1])


class IgnoresTheBudget(Corners):
    def __init__(self, options):
        super().__init__(Options())


class Forgets(Corners):
    """Sees one keypoint fewer each time."""

    calls = 0

    def extract(self, image):
        self.calls += 1
        return features(super().extract(image).keypoints[self.calls :], image)


class PaintsOverItsImage(Corners):
    def extract(self, image):
        found = super().extract(image)
        image.pixels[:] = 0
        return found


class StumblesOverThumbnails(Corners):
    def extract(self, image):
        if min(image.size) < 8:
            raise RuntimeError("the image is too small")
        return super().extract(image)


class SeesThingsInTheDark(Corners):
    def extract(self, image):
        found = super().extract(image)
        return found if len(found) else features(np.float32([[0.5, 0.5]]), image)


class FindsNothing(Corners):
    def extract(self, image):
        return features(np.zeros((0, 2)), image)


SPOILT = {
    HalfAPixelOff: "test_marks_are_found_where_they_are",
    OutsideTheImage: "test_features_are_well_formed",
    NotFinite: "test_features_are_well_formed",
    DoublePrecision: "test_features_are_well_formed",
    LongDescriptors: "test_features_are_well_formed",
    SwappedSize: "test_features_are_well_formed",
    IgnoresTheBudget: "test_max_keypoints_is_kept",
    Forgets: "test_equal_input_gives_equal_output",
    PaintsOverItsImage: "test_the_image_is_not_changed",
    StumblesOverThumbnails: "test_any_size_of_image_is_taken",
    SeesThingsInTheDark: "test_a_blank_image_has_no_keypoints",
    FindsNothing: "test_features_are_well_formed",
}


@pytest.mark.parametrize("extractor", SPOILT)
def test_a_spoilt_extractor_does_not_pass(extractor):
    with pytest.raises((AssertionError, RuntimeError)) as caught:
        getattr(contract_of(extractor), SPOILT[extractor])()

    assert str(caught.value), "a failure has to say what is wrong"


def test_half_a_pixel_is_caught_even_for_whole_pixels():
    """The commonest mistake of all, well inside a tolerance of one pixel."""

    class Contract(type(contract_of(HalfAPixelOff))):
        spec = recon.ComponentSpec(
            "x", "A test", Options, lambda o, c: HalfAPixelOff(o), "MIT", position_tolerance_px=1
        )

    with pytest.raises(AssertionError, match=r"median distance 0\.7.* bias 0\.[45]"):
        Contract().test_marks_are_found_where_they_are()


def test_a_spec_that_the_registry_refuses_does_not_pass():
    class Contract(recon.testing.FeatureExtractorContract):
        spec = recon.ComponentSpec("Not A Name", "A test", Options, lambda o, c: Corners(o), "MIT")

    with pytest.raises(ValueError, match="a name is lower-case"):
        Contract().test_the_spec_can_be_listed_and_chosen()


def answers_of(contract: object, matcher: object) -> dict[str, str]:
    """Return each check that fails for a matcher, with what it says."""
    failed = {}
    contract.spec = recon.ComponentSpec("m", "A test", Nothing, lambda o, c: matcher, "MIT")
    for check in checks_of(contract):
        try:
            getattr(contract, check)()
        except Exception as error:  # noqa: BLE001 - a spoilt matcher may fail in any way
            failed[check] = str(error)
    return failed


@dataclass(frozen=True)
class Nothing:
    pass


class MatchesEverything:
    def match(self, features1, features2):
        indices = np.stack(np.meshgrid(range(len(features1)), range(len(features2))), -1).reshape(-1, 2)
        return recon.Matches(indices.astype(np.uint32))


class MatchesNothing:
    def match(self, features1, features2):
        return recon.Matches.none()


def test_a_matcher_that_is_not_one_to_one_does_not_pass():
    failed = answers_of(recon.testing.FeatureMatcherContract(), MatchesEverything())

    assert "matched more than once" in failed["test_matches_are_in_range_and_one_to_one"]


def test_a_matcher_that_finds_nothing_does_not_pass():
    failed = answers_of(recon.testing.FeatureMatcherContract(), MatchesNothing())

    assert list(failed) == ["test_a_keypoint_is_matched_to_its_copy"]


def test_a_row_that_does_not_exist_is_told():
    features1, features2 = recon.testing.random_features(3), recon.testing.random_features(2)
    with pytest.raises(AssertionError, match="image 2: row 2 of 2 keypoints"):
        recon.testing.check_matches(recon.Matches(np.uint32([[0, 2]])), features1, features2)


class SamePlace:
    """An image matcher that is right for equal images."""

    def match_images(self, image1, image2):
        size = np.minimum(image1.size, image2.size)
        xy = (np.random.default_rng(0).uniform(0, 1, (20, 2)) * size).astype(np.float32)
        return recon.PairPositions(xy, xy.copy(), np.ones(20, np.float32))


def test_an_image_matcher_has_its_contract():
    assert answers_of(recon.testing.ImageMatcherContract(), SamePlace()) == {}


def test_positions_outside_the_image_are_told():
    image, small = recon.testing.textured_image(), recon.testing.textured_image(8, 8)
    xy = np.float32([[100, 100]])
    with pytest.raises(AssertionError, match="xy2: 1 positions lie outside"):
        check_positions(recon.PairPositions(xy, xy.copy(), np.ones(1, np.float32)), image, small)


class EveryPairTwice:
    def select(self, images, features):
        names = sorted(image.name for image in images)
        return [recon.ImagePair(a, b) for a in names for b in names if a < b] * 2


class NoPair:
    def select(self, images, features):
        return []


def test_pairs_that_come_twice_do_not_pass():
    failed = answers_of(recon.testing.PairSelectorContract(), EveryPairTwice())

    assert "pairs come twice" in failed["test_pairs_are_of_the_given_images_and_each_once"]


def test_two_photos_without_a_pair_do_not_pass():
    failed = answers_of(recon.testing.PairSelectorContract(), NoPair())

    assert list(failed) == ["test_two_photos_are_a_pair"]


class Strays:
    def export(self, model, destination):
        destination.mkdir(parents=True, exist_ok=True)
        (destination / "model.txt").write_text("x")
        (destination.parent / "stray.txt").write_text("x")


def test_an_exporter_that_writes_elsewhere_does_not_pass():
    failed = answers_of(recon.testing.ExporterContract(), Strays())

    assert "stray.txt" in failed["test_it_writes_below_the_destination_only"]


class NoModel:
    def map(self, database, options, observer):
        return []


def test_a_mapper_that_maps_nothing_does_not_pass():
    failed = answers_of(recon.testing.MapperContract(), NoModel())

    assert set(failed) == {"test_an_easy_scene_is_mapped_whole", "test_fixed_intrinsics_stay"}


# --- the pictures ---


@pytest.mark.parametrize("mark", MARKS)
def test_marks_lie_where_they_are_said_to_be(mark):
    """The centre of gravity of what was drawn, whose sign alternates, is the centre."""
    image, centers = recon.testing.marked_image(mark)
    contrast = np.abs(image.pixels[:, :, 0].astype(float) - 128)
    offsets = []
    for center in centers:
        left, top = (center - 20).astype(int)
        weights = contrast[top : top + 41, left : left + 41]
        x, y = np.meshgrid(np.arange(left, left + 41) + 0.5, np.arange(top, top + 41) + 0.5)
        offsets.append([(weights * x).sum(), (weights * y).sum()] / weights.sum() - center)

    assert np.abs(np.median(offsets, axis=0)).max() < 0.05


def test_pictures_are_the_same_for_the_same_seed():
    textured = recon.testing.textured_image

    assert np.array_equal(textured(seed=3).pixels, textured(seed=3).pixels)
    assert not np.array_equal(textured(seed=3).pixels, textured(seed=4).pixels)
    assert textured(200, 3).size == (200, 3)


def test_importing_the_contract_needs_neither_pytest_nor_anything_heavy():
    """A plugin may use the checks from wherever it likes."""
    code = "import sys, recon.testing; print([m for m in ('pytest', 'cv2', 'torch', 'pycolmap') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
