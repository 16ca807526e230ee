"""The same poses come out of every format that ground truth is published in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.errors import Cause, ReconError
from recon.evaluation.camera_files import is_folder_of
from recon.evaluation.names import match_names
from recon.evaluation.truth import Pose
from recon.evaluation.truth_files import read_truth

NAMES = ("000000.png", "000001.png", "000002.png")


def rotation_of(quaternion):
    x, y, z, w = np.asarray(quaternion, np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


QUATERNIONS = ((0.1, -0.2, 0.3, 0.9), (0.0, 0.0, 0.0, 1.0), (-0.5, 0.5, 0.1, -0.7))
CENTERS = ((1.0, 2.0, 3.0), (-4.0, 0.5, 0.0), (0.0, 0.0, 7.0))
POSES = {
    name: Pose.from_world(rotation_of(q), np.array(c)) for name, q, c in zip(NAMES, QUATERNIONS, CENTERS, strict=True)
}


def write_gt(tmp_path):
    path = tmp_path / "gt.json"
    images = {name: {"R": pose.rotation.tolist(), "t": pose.translation.tolist()} for name, pose in POSES.items()}
    path.write_text(json.dumps({"images": images}))
    return path


def write_nerfstudio(tmp_path):
    path = tmp_path / "transforms.json"
    frames = []
    for name, pose in POSES.items():
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = pose.rotation.T * (1, -1, -1), pose.center
        frames.append({"file_path": f"./images/{name}", "transform_matrix": matrix.tolist()})
    path.write_text(json.dumps({"camera_model": "OPENCV", "frames": frames}))
    return path


def write_tum(tmp_path):
    path = tmp_path / "groundtruth.txt"
    rows = [
        " ".join([name.removesuffix(".png"), *map(str, c), *map(str, np.array(q) / np.linalg.norm(q))])
        for name, q, c in zip(NAMES, QUATERNIONS, CENTERS, strict=True)
    ]
    path.write_text("# timestamp tx ty tz qx qy qz qw\n\n" + "\n".join(rows) + "\n")
    return path


def write_kitti(tmp_path):
    path = tmp_path / "00.txt"
    rows = [np.column_stack([pose.rotation.T, pose.center]).ravel() for pose in POSES.values()]
    path.write_text("\n".join(" ".join(map(str, row)) for row in rows))
    return path


def write_camera_files(tmp_path):
    for name, pose in POSES.items():
        rows = [[1000, 0, 500], [0, 1000, 400], [0, 0, 1], [0, 0, 0], *pose.rotation.T, pose.center, [1000, 800]]
        (tmp_path / f"{name}.camera").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    return tmp_path


WRITERS = [write_gt, write_nerfstudio, write_tum, write_kitti, write_camera_files]


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_gives_the_same_poses(write, tmp_path):
    truth = read_truth(write(tmp_path))

    found = match_names(list(truth.poses), list(NAMES))
    assert sorted(found.values()) == sorted(NAMES)
    for name, pose in truth.poses.items():
        assert pose.rotation == pytest.approx(POSES[found[name]].rotation, abs=1e-9)
        assert pose.center == pytest.approx(POSES[found[name]].center, abs=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_a_quaternion_is_the_rotation_it_says(tmp_path_factory, quaternion):
    path = tmp_path_factory.mktemp("tum") / "poses.txt"
    unit = np.array(quaternion) / np.linalg.norm(quaternion)
    path.write_text("".join(f"{time} 0 0 0 {' '.join(map(str, unit))}\n" for time in ("1.0", "2.0")))

    world_from_cam = read_truth(path).poses["2.0"].rotation.T
    assert world_from_cam == pytest.approx(rotation_of(quaternion), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("tum.txt", "1 0 0 0 0 0 0 1\n2 0 0 0 0 0 1\n", "line 2 is not 8"),
        ("tum.txt", "1 0 0 0 0 0 0 1\n2 0 0 0 0 0 nan 1\n", "line 2 is not 8 finite"),
        ("tum.txt", "1 0 0 0 0 0 0 1\n2 0 0 0 0 0 0 0\n", "line 2 holds no rotation"),
        ("tum.txt", "1 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n", "line 2 has the timestamp 1"),
        ("tum.txt", "1 0 0 0 0 0 0 1\n", "1 images"),
        ("kitti.txt", "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0 0 1 0 0 0 0 2 0\n", "line 2 holds no rotation"),
        ("transforms.json", '{"frames": {}}', '"frames" is no list'),
        ("transforms.json", '{"frames": [{}]}', 'frame 0 has no "file_path"'),
        ("transforms.json", '{"frames": [{"file_path": "a"}]}', "no numbers in 'transform_matrix'"),
        ("notes.txt", "taken with a tripod", "not JSON"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, name, text, reason):
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(ReconError) as caught:
        read_truth(path)

    assert caught.value.code is Cause.CORRUPT_FILE
    assert reason in caught.value.message


@pytest.mark.parametrize("text", ["", "1 2 3", "x " * 24, "1 " * 24])
def test_a_wrong_camera_file_is_named(tmp_path, text):
    write_camera_files(tmp_path)
    broken = tmp_path / f"{NAMES[1]}.camera"
    broken.write_text(text)

    with pytest.raises(ReconError) as caught:
        read_truth(tmp_path)

    assert caught.value.file == str(broken)


def test_an_empty_folder_is_no_truth(tmp_path):
    assert not is_folder_of(tmp_path)
    with pytest.raises(ReconError, match=r"without \*\.camera files"):
        read_truth(tmp_path)


def test_a_name_without_suffix_means_the_photo_of_that_stem():
    assert match_names(["000001", "b"], ["left/000001.png", "b.jpg"]) == {"000001": "left/000001.png", "b": "b.jpg"}
    assert match_names(["b"], ["ab.jpg"]) == {}


def test_a_stem_that_two_photos_share_is_refused():
    with pytest.raises(ReconError, match="fits several images"):
        match_names(["a"], ["a.jpg", "a.png"])
