"""Of each step of the way the sharpest frame is taken, and never more frames than asked for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from recon.video.selection import LEAST_FRAMES, STEP, FrameMeasure, choose_frames


def measures(ways, sharpness=None):
    sharpness = [1.0] * len(ways) if sharpness is None else sharpness
    return [FrameMeasure(n, sharp, way) for n, (way, sharp) in enumerate(zip(ways, sharpness, strict=True))]


def test_the_sharpest_frame_of_each_step_is_taken():
    """Ten frames a step, the seventh of each the sharpest."""
    ways = [STEP * n / 10 for n in range(601)]
    chosen = choose_frames(measures(ways, [2.0 if n % 10 == 7 else 1.0 for n in range(601)]), 150)

    assert chosen[:-1] == list(range(7, 600, 10))


def test_frames_follow_the_way_and_not_the_time():
    """A camera that waits in the middle leaves no crowd of frames there."""
    ways = [*(0.04 * n for n in range(50)), *[2.0] * 500, *(2.0 + 0.04 * n for n in range(50))]
    chosen = choose_frames(measures(ways), 150)

    assert sum(50 <= number < 550 for number in chosen) <= 1
    assert len(chosen) > 60


def test_a_long_way_takes_longer_steps():
    chosen = choose_frames(measures([0.1 * n for n in range(2000)]), 40)

    assert len(chosen) == 40
    gaps = [after - before for before, after in pairwise(chosen)]
    assert max(gaps) <= 100


def test_a_short_way_takes_shorter_steps():
    assert LEAST_FRAMES <= len(choose_frames(measures([0.002 * n for n in range(100)]), 150)) <= LEAST_FRAMES + 1


def test_a_camera_that_stands_still_is_looked_at_evenly():
    chosen = choose_frames(measures([0.0] * 240), 150)

    assert chosen == list(range(0, 240, 10))


def test_repeated_frames_are_not_taken():
    frames = [FrameMeasure(n, 1.0, 0.1 * (n // 3), is_repeat=n % 3 > 0) for n in range(90)]

    assert all(number % 3 == 0 for number in choose_frames(frames, 150))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1e4), st.booleans()), min_size=1, max_size=80),
    st.integers(2, 60),
)
def test_there_is_a_frame_and_never_too_many(steps, most):
    way, frames = 0.0, []
    for number, (step, sharpness, is_repeat) in enumerate(steps):
        way += step if number else 0.0
        frames.append(FrameMeasure(number, sharpness, way, is_repeat and number > 0))

    chosen = choose_frames(frames, most)

    assert 1 <= len(chosen) <= most
    assert chosen == sorted(set(chosen))
    assert not any(frames[number].is_repeat for number in chosen)
