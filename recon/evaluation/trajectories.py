"""Ground truth as a trajectory: a line of numbers a photo, in TUM's or KITTI's format.

Formats: the TUM RGB-D benchmark's "File Formats", and the readme of KITTI's odometry benchmark. Both write
camera to world, in OpenCV's axes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray
from recon.evaluation.truth import Pose, Truth, bad_truth, is_rotation

_TUM, _KITTI = 8, 12
"""Numbers in a line: timestamp, position and quaternion (x, y, z, w); or the rows of [R | centre]."""


def read(path: Path, text: str) -> Truth | None:
    """Return the truth of a trajectory, or None for text that is none.

    TUM's timestamps are the photos' stems (`1305031102.175304.png`), KITTI's lines are photos `000000`, `000001`, ...

    Raises:
        ReconError: CORRUPT_FILE, with the line that is wrong.
    """
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, words) for number, words in lines if words and not words[0].startswith("#")]
    if not lines or len(lines[0][1]) not in (_TUM, _KITTI) or not _is_number(lines[0][1][0]):
        return None
    length = len(lines[0][1])
    poses: dict[str, Pose] = {}
    for row, (number, words) in enumerate(lines):
        values = _numbers(path, number, words, length)
        name, pose = (words[0], _from_quaternion(values)) if length == _TUM else (f"{row:06d}", _from_matrix(values))
        if pose is None:
            raise bad_truth(path, f"line {number} holds no rotation")
        if name in poses:
            raise bad_truth(path, f"line {number} has the timestamp {name} of an earlier line")
        poses[name] = pose
    return Truth(path, poses)


def _from_quaternion(values: FloatArray) -> Pose | None:
    length = np.linalg.norm(values[4:])
    if not 0.99 < length < 1.01:
        return None
    x, y, z, w = values[4:] / length
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return Pose.from_world(np.eye(3) + 2 * w * cross + 2 * cross @ cross, values[1:4])


def _from_matrix(values: FloatArray) -> Pose | None:
    matrix = values.reshape(3, 4)
    return Pose.from_world(matrix[:, :3], matrix[:, 3]) if is_rotation(matrix[:, :3]) else None


def _numbers(path: Path, number: int, words: list[str], length: int) -> FloatArray:
    if len(words) != length or not all(map(_is_number, words)):
        raise bad_truth(path, f"line {number} is not {length} finite numbers, as the first line is")
    return np.array(words, np.float64)


def _is_number(word: str) -> bool:
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:
        return False
