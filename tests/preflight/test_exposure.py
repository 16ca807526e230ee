"""Dark, white and clipped photos are told from ordinary ones, and from objects on black."""

from __future__ import annotations

import numpy as np
import pytest

from recon.preflight.exposure import find_badly_exposed, measure_exposure
from recon.preflight.findings import Topic


def findings_of(**photos):
    return find_badly_exposed({name: measure_exposure(grey) for name, grey in photos.items()})


def test_the_numbers_are_those_of_the_pixels():
    grey = np.array([[0] * 10, [255] * 10, [100] * 10, [50] * 10], np.uint8)
    exposure = measure_exposure(grey)

    assert exposure.mean == pytest.approx((255 + 100 + 50) / 4)
    assert (exposure.clipped_black, exposure.clipped_white) == (0.25, 0.25)
    assert exposure.bright_end == 255


def test_an_ordinary_photo_is_fine(sample_grey):
    assert findings_of(a=sample_grey, b=sample_grey) == []


@pytest.mark.parametrize("divisor", [8, 16])
def test_a_dark_photo_is_found(sample_grey, divisor):
    (finding,) = findings_of(fine=sample_grey, dark=sample_grey // divisor)

    assert (finding.topic, finding.images) == (Topic.TOO_DARK, ("dark",))


def test_a_white_photo_is_found(sample_grey):
    (finding,) = findings_of(fine=sample_grey, white=np.clip(sample_grey * 0.1 + 235, 0, 255).astype(np.uint8))

    assert (finding.topic, finding.images) == (Topic.TOO_BRIGHT, ("white",))


def test_a_photo_that_is_white_in_large_part_is_noted(sample_grey):
    burnt = sample_grey.copy()
    burnt[: len(burnt) * 2 // 3] = 255
    (finding,) = findings_of(a=sample_grey, b=sample_grey, burnt=burnt)

    assert (finding.topic, finding.images) == (Topic.CLIPPED, ("burnt",))


def test_a_background_that_all_photos_share_is_no_fault(sample_grey):
    """An object on black, or on white, is how such sets are taken."""
    on_black, on_white = sample_grey.copy(), sample_grey.copy()
    on_black[: len(on_black) * 2 // 3] = 0
    on_white[: len(on_white) * 2 // 3] = 255

    assert findings_of(a=on_black, b=on_black, c=on_black) == []
    assert findings_of(a=on_white, b=on_white, c=on_white) == []


def test_no_photos_have_no_faults():
    assert find_badly_exposed({}) == []
