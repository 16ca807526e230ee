"""Verification finds the motion between two photos among wrong matches, and its result survives a store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recon.core.data import Matches
from recon.engine.two_view import VerificationOptions, VerifiedGeometry, verify_pair

NUM_RIGHT, NUM_WRONG = 120, 80
CAM2_FROM_CAM1 = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.05, -0.2, 0.02])), np.array([1.0, 0.1, 0.2]))

verified = st.builds(
    VerifiedGeometry,
    config=st.integers(0, 8),
    matrices=arrays.arrays(np.float64, (3, 3, 3), elements=st.floats(allow_nan=False)),
    inliers=arrays.arrays(np.uint32, st.tuples(st.integers(0, 20), st.just(2))),
)


@pytest.fixture(scope="module")
def camera():
    camera = pycolmap.Camera(model="PINHOLE", width=1000, height=800, params=[1000, 1000, 500, 400])
    camera.has_prior_focal_length = True
    return camera


@pytest.fixture(scope="module")
def photos(camera):
    """Return the keypoints of two photos; rows 0 to NUM_RIGHT - 1 show the same points, the rest do not."""
    rng = np.random.default_rng(0)
    points = rng.uniform([-2, -2, 4], [2, 2, 9], (NUM_RIGHT, 3))
    wrong = rng.uniform((0, 0), (1000, 800), (2, NUM_WRONG, 2))
    noise = rng.normal(size=(2, NUM_RIGHT, 2)) * 0.2
    first = np.concatenate([camera.img_from_cam(points) + noise[0], wrong[0]])
    second = np.concatenate([camera.img_from_cam(CAM2_FROM_CAM1 * points) + noise[1], wrong[1]])
    return first.astype(np.float32), second.astype(np.float32)


def identity_matches(rows):
    return Matches(np.stack([rows, rows], 1).astype(np.uint32))


def verify(camera, photos, rows, **options):
    return verify_pair(camera, photos[0], camera, photos[1], identity_matches(rows), VerificationOptions(**options))


def test_the_motion_is_found_among_wrong_matches(camera, photos):
    geometry = verify(camera, photos, np.arange(NUM_RIGHT + NUM_WRONG))

    pycolmap_geometry = geometry.to_pycolmap()
    points = [keypoints.astype(np.float64) for keypoints in photos]
    pycolmap.estimate_two_view_geometry_pose(camera, points[0], camera, points[1], pycolmap_geometry)
    found = pycolmap_geometry.cam2_from_cam1
    turn = (found.rotation * CAM2_FROM_CAM1.rotation.inverse()).angle()
    direction = CAM2_FROM_CAM1.translation / np.linalg.norm(CAM2_FROM_CAM1.translation)
    assert geometry.config == int(pycolmap.TwoViewGeometryConfiguration.CALIBRATED)
    assert np.degrees(turn) < 0.2
    assert np.degrees(np.arccos(found.translation @ direction)) < 0.5


def test_the_right_matches_are_kept(camera, photos):
    """Few wrong ones lie within 4 px of their epipolar line by chance."""
    geometry = verify(camera, photos, np.arange(NUM_RIGHT + NUM_WRONG))

    kept = set(geometry.inliers[:, 0].tolist())
    assert geometry.inliers.dtype == np.uint32
    assert np.array_equal(geometry.inliers[:, 0], geometry.inliers[:, 1])
    assert len(kept & set(range(NUM_RIGHT))) >= 0.98 * NUM_RIGHT
    assert len(kept - set(range(NUM_RIGHT))) <= 0.1 * NUM_WRONG


@pytest.mark.parametrize("num_matches", [0, 1, 14])
def test_too_few_matches_do_not_verify(camera, photos, num_matches):
    geometry = verify(camera, photos, np.arange(num_matches))

    assert not geometry.is_verified
    assert not geometry.matrices.any()


def test_a_few_dozen_wrong_matches_alone_do_not_verify(camera, photos):
    """Of a hundred and more, 15 agree by chance within 4 px: pycolmap's limits, kept here."""
    geometry = verify(camera, photos, np.arange(NUM_RIGHT, NUM_RIGHT + 40))

    assert not geometry.is_verified
    assert len(geometry.inliers) == 0


def test_the_fewest_inliers_are_the_callers_to_say(camera, photos):
    assert not verify(camera, photos, np.arange(NUM_RIGHT), min_num_inliers=NUM_RIGHT + 1).is_verified
    assert verify(camera, photos, np.arange(10), min_num_inliers=8).is_verified


def test_empty_keypoints_do_not_verify(camera):
    none = np.zeros((0, 2), np.float32)
    geometry = verify_pair(camera, none, camera, none, identity_matches(np.arange(0)), VerificationOptions())

    assert not geometry.is_verified


def test_threads_give_what_one_call_gives(camera, photos):
    """RANSAC draws from the seed, not from what other threads drew before."""
    rows = np.arange(NUM_RIGHT + NUM_WRONG)
    alone = verify(camera, photos, rows).to_bytes()
    with ThreadPoolExecutor(4) as executor:
        together = list(executor.map(lambda _: verify(camera, photos, rows).to_bytes(), range(8)))

    assert together == [alone] * 8


def test_pycolmap_gets_what_pycolmap_gave(camera, photos):
    geometry = verify(camera, photos, np.arange(NUM_RIGHT))
    again = VerifiedGeometry.from_pycolmap(geometry.to_pycolmap())

    assert again.to_bytes() == geometry.to_bytes()


@settings(max_examples=40, deadline=None)
@given(verified)
def test_bytes_hold_all_of_a_geometry(geometry):
    again = VerifiedGeometry.from_bytes(geometry.to_bytes())

    assert again.config == geometry.config
    assert np.array_equal(again.matrices, geometry.matrices)
    assert np.array_equal(again.inliers, geometry.inliers)
    assert again.is_verified == (len(geometry.inliers) > 0)


@settings(max_examples=40, deadline=None)
@given(verified, st.data())
def test_damaged_bytes_are_refused(geometry, data):
    stored = geometry.to_bytes()
    cut = data.draw(st.integers(0, len(stored) - 1))

    for damaged in (stored[:cut], stored + b"\0"):
        with pytest.raises(ValueError, match="damaged"):
            VerifiedGeometry.from_bytes(damaged)
