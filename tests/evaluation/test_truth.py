"""A truth file is read exactly, and a wrong one is refused with the place that is wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.evaluation.truth_files import read_truth

POSE = {"R": np.eye(3).tolist(), "t": [1, 2, 3]}


def write(tmp_path, document):
    path = tmp_path / "gt.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_poses_are_world_to_camera(tmp_path):
    quarter = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    path = write(tmp_path, {"images": {"a.jpg": {"R": quarter, "t": [1, 2, 3]}, "b.jpg": POSE}})

    pose = read_truth(path).poses["a.jpg"]

    assert pose.rotation @ pose.center + pose.translation == pytest.approx(np.zeros(3))
    assert pose.center == pytest.approx([-2, 1, -3])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "not JSON"),
        ('{"images": {', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", 'no object "images"'),
        ({"images": []}, 'no object "images"'),
        ({"images": {}}, "0 images"),
        ({"images": {"a.jpg": POSE}}, "1 images"),
        ({"images": {"a.jpg": POSE, "b.jpg": 3}}, "'b.jpg' is no object"),
        ({"images": {"a.jpg": POSE, "b.jpg": {"t": [1, 2, 3]}}}, "'b.jpg' has no numbers in 'R'"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"t": [1, 2]}}}, "'t' of image 'b.jpg' is not 3 finite"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"t": [1, 2, "x"]}}}, "'b.jpg' has no numbers in 't'"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"t": [1, 2, None]}}}, "'b.jpg'"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"t": [1, 2, float("nan")]}}}, "finite"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"R": (2 * np.eye(3)).tolist()}}}, "no rotation"),
        ({"images": {"a.jpg": POSE, "b.jpg": POSE | {"R": np.diag([1, 1, -1]).tolist()}}}, "no rotation"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, document, reason):
    path = write(tmp_path, document)

    with pytest.raises(ReconError) as caught:
        read_truth(path)

    assert caught.value.code is Cause.CORRUPT_FILE
    assert caught.value.file == str(path)
    assert reason in caught.value.message


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "gt.json"
    path.write_bytes(b"\xff\xfe\x00\x80")

    with pytest.raises(ReconError, match="not JSON"):
        read_truth(path)


def test_a_missing_file_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError) as caught:
        read_truth(tmp_path / "gt.json")

    assert caught.value.code is Cause.MISSING_FILE


@pytest.mark.photos
@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("fountain-P11", 11),
        ("Herz-Jesus-P8", 8),
        ("lund_door", 12),
        ("fox", 50),
        ("temple_ring", 19),
        ("reichstag", 10),
    ],
)
def test_the_truth_of_the_real_sets_is_read(photo_set, name, images):
    assert len(read_truth(photo_set(name) / "gt.json").poses) == images
