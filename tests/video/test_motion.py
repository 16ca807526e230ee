"""The way of a camera through a video is what its corners have moved, whatever blurs or trembles on it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recon.video.motion import LOST, MotionMeter

WIDTH = 320


def ways(frames, sharpness=None):
    meter = MotionMeter()
    greys = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
    sharpness = [1.0] * len(greys) if sharpness is None else sharpness
    return [meter.add(grey, sharp) for grey, sharp in zip(greys, sharpness, strict=True)]


@pytest.mark.parametrize("step_px", [1.5, 4.0, 25.0])
def test_the_way_is_what_the_picture_has_moved(pan, step_px):
    found = ways(pan(np.arange(20) * step_px))

    assert found[0] == 0
    assert found[-1] == pytest.approx(19 * step_px / WIDTH, rel=0.03)
    assert np.all(np.diff(found) > 0)


def test_a_hand_that_trembles_goes_nowhere(pan):
    """A hundred times to and fro by a pixel are no way of 200 px."""
    random = np.random.default_rng(1)

    assert ways(pan(50 + random.uniform(-1, 1, 100)))[-1] < 0.02


def test_a_camera_that_comes_back_has_gone_both_ways(pan):
    there = np.arange(0, 100, 5.0)

    assert ways(pan([*there, *there[::-1]]))[-1] == pytest.approx(2 * 95 / WIDTH, rel=0.05)


def test_another_scene_counts_as_a_step(pan):
    frames = [*pan([0, 2, 4]), *pan([1500, 1502, 1504])]

    found = ways(frames)

    assert found[3] - found[2] == pytest.approx(LOST)
    assert found[-1] - found[3] < 0.02


def test_a_frame_too_blurred_to_follow_is_passed_over(pan, scenery):
    """Else it would be a scene of its own, and be taken for a photo."""
    frames = pan([0, 2, 4, 6, 8, 10])
    frames[3] = np.full_like(frames[3], 128)

    found = ways(frames, [100, 100, 100, 1, 100, 100])

    assert found[3] == found[2]
    assert found[-1] == pytest.approx(10 / WIDTH, rel=0.05)


def test_pictures_without_corners_go_nowhere():
    assert ways([np.full((240, 320, 3), 90, np.uint8)] * 5) == [0.0] * 5
