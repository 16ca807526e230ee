"""The picture of two trajectories shows where the cameras are, and how far off."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from recon.core.errors import UsageError
from recon.output.trajectory_picture import _FOUND, _OFF, _TRUE, draw_trajectories

ORBIT = np.array([[np.cos(a), np.sin(a), 0.1 * np.sin(3 * a)] for a in np.linspace(0, 6, 20)])


def counts(path):
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return [int((np.abs(pixels - color).max(axis=2) < 12).sum()) for color in (_TRUE, _FOUND, _OFF)]


def test_both_trajectories_and_their_distance_are_drawn(tmp_path):
    off = np.zeros_like(ORBIT)
    off[:, 0] = 0.2

    draw_trajectories(ORBIT, ORBIT + off, tmp_path / "off.png")

    assert Image.open(tmp_path / "off.png").size == (1600, 900)
    assert min(counts(tmp_path / "off.png")) > 100


def test_small_errors_are_drawn_larger_so_that_they_are_seen(tmp_path):
    off = np.zeros_like(ORBIT)
    off[:, 0] = 1e-5

    draw_trajectories(ORBIT, ORBIT + off, tmp_path / "small.png")

    assert min(counts(tmp_path / "small.png")) > 100


@pytest.mark.parametrize("points", [ORBIT, np.zeros((3, 3)), np.outer(np.arange(4), (0, 0, 1e6))], ids=str)
def test_a_perfect_or_degenerate_trajectory_is_drawn(tmp_path, points):
    draw_trajectories(points.astype(float), points.astype(float), tmp_path / "same.png")

    assert counts(tmp_path / "same.png")[0] > 100


def test_a_suffix_of_no_picture_is_refused(tmp_path):
    with pytest.raises(UsageError, match="picture in the format"):
        draw_trajectories(ORBIT, ORBIT, tmp_path / "trajectory.docx")
