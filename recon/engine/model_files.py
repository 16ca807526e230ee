"""Checks the files of a COLMAP model before pycolmap reads them.

pycolmap accepts some truncated binary files in silence and never returns from others, so the structure of
each is walked first: little endian, a count, then the entries, and nothing after the last one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pycolmap

from recon.core.errors import Cause, ReconError

_REQUIRED = ("cameras", "images", "points3D")
_POSE_BYTES = 7 * 8


def model_files(folder: Path) -> list[Path]:
    """Return the cameras, images and points3D files of a model folder, binary before text; else nothing."""
    for suffix in (".bin", ".txt"):
        files = [folder / f"{stem}{suffix}" for stem in _REQUIRED]
        if all(file.is_file() for file in files):
            return files
    return []


def check_binary_model(folder: Path) -> None:
    """Refuse a folder in which a binary model file does not end where its content does.

    Raises:
        ReconError: CORRUPT_FILE, naming the file.
        OSError: A file cannot be read.
    """
    for stem, skip_entry in _ENTRIES.items():
        file = folder / f"{stem}.bin"
        if file.is_file():
            _check(file, skip_entry)


def check_text_model(folder: Path, model: pycolmap.Reconstruction) -> None:
    """Refuse a text model that has fewer entries than COLMAP's comment at the top of each file promises.

    Raises:
        ReconError: CORRUPT_FILE, naming the file.
        OSError: A file cannot be read.
    """
    counts = {"cameras": model.num_cameras(), "images": model.num_images(), "points3D": model.num_points3D()}
    for stem, count in counts.items():
        file = folder / f"{stem}.txt"
        if file.is_file():
            with file.open("rb") as stream:
                promised = re.search(rb"^# Number of \w+: (\d+)", stream.read(1000), re.MULTILINE)
            if promised and int(promised[1]) != count:
                raise corrupt(file, f"it promises {int(promised[1])} entries and has {count}")


def corrupt(file: Path, reason: str) -> ReconError:
    """Return the error for a model file that cannot be used."""
    return ReconError(
        f"{file} is damaged: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(file),
        try_="make the model again (`recon map PHOTOS -o OUT`, for a workspace), or copy the folder again from where "
        "it came",
    )


def _check(file: Path, skip_entry: Callable[[bytes, int], int]) -> None:
    content = file.read_bytes()
    try:
        (count,) = struct.unpack_from("<Q", content)
        position = 8
        for _ in range(count):
            position = skip_entry(content, position)
            if position > len(content):
                break
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise corrupt(file, "it ends too early or is no COLMAP file") from error
    if position != len(content):
        raise corrupt(file, f"{len(content)} bytes long, its content needs {position}")


def _skip_camera(content: bytes, position: int) -> int:
    (model,) = struct.unpack_from("<i", content, position + 4)
    return position + 24 + 8 * _num_camera_params()[model]


def _skip_image(content: bytes, position: int) -> int:
    end_of_name = content.index(b"\0", position + 4 + _POSE_BYTES + 4) + 1
    (num_points,) = struct.unpack_from("<Q", content, end_of_name)
    return int(end_of_name + 8 + 24 * num_points)


def _skip_point3d(content: bytes, position: int) -> int:
    (track_length,) = struct.unpack_from("<Q", content, position + 43)
    return int(position + 51 + 8 * track_length)


def _skip_rig(content: bytes, position: int) -> int:
    (num_sensors,) = struct.unpack_from("<I", content, position + 4)
    position += 8 + (8 if num_sensors else 0)
    for _ in range(num_sensors - 1):
        has_pose = content[position + 8]
        position += 9 + (_POSE_BYTES if has_pose else 0)
    return position


def _skip_frame(content: bytes, position: int) -> int:
    (num_data,) = struct.unpack_from("<I", content, position + 8 + _POSE_BYTES)
    return int(position + 12 + _POSE_BYTES + 16 * num_data)


@cache
def _num_camera_params() -> dict[int, int]:
    models = {name: model for name, model in pycolmap.CameraModelId.__members__.items() if name != "INVALID"}
    return {
        int(model): len(pycolmap.Camera.create_from_model_id(1, model, 1.0, 1, 1).params) for model in models.values()
    }


_ENTRIES: dict[str, Callable[[bytes, int], int]] = {
    "cameras": _skip_camera,
    "images": _skip_image,
    "points3D": _skip_point3d,
    "rigs": _skip_rig,
    "frames": _skip_frame,
}
