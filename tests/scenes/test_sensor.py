"""The sensor adds what a camera's adds: noise that grows with light, dark corners, no negative light."""

from __future__ import annotations

import numpy as np

from recon.scenes.camera import looking_at
from recon.scenes.sensor import Sensor, develop

CAMERA = looking_at(np.zeros(3), np.array([1.0, 0.0, 0.0]), size=(200, 150), focal_px=160.0)


def grey(level):
    return np.full((150, 200, 3), level, np.float32)


def test_corners_are_darker_than_the_middle():
    photo = develop(grey(0.4), CAMERA, Sensor(seed=1, read_noise=0.0, full_well=1e9)).astype(float)

    assert photo[:5, :5].mean() < photo[70:80, 95:105].mean() - 5.0


def test_noise_differs_from_photo_to_photo_only():
    first, again, other = (develop(grey(0.3), CAMERA, Sensor(seed=seed)) for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0.3 < first[70:80, 95:105].std() < 8.0


def test_black_and_blinding_light_stay_in_range():
    assert develop(grey(0.0), CAMERA, Sensor(seed=1)).mean() < 12
    assert develop(grey(50.0), CAMERA, Sensor(seed=1)).min() >= 250
