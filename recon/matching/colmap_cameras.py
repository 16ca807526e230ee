"""COLMAP's cameras.txt or cameras.bin, and which image has which camera by the images.txt or images.bin beside it.

Formats: colmap.github.io/format.html.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from recon.matching.camera_params import known_model, num_params
from recon.matching.given_camera import GivenCamera, bad_cameras

_MOST_CAMERAS = 10_000_000
"""More are a damaged file."""


@dataclass(frozen=True, slots=True)
class CamerasFile:
    """What a file of cameras says."""

    by_id: Mapping[int, GivenCamera]
    of_image: Mapping[str, int] | None
    """Camera of each image by name; None where no file of images lies beside."""


def read_colmap_cameras(path: Path) -> CamerasFile:
    """Return the cameras of a file, text or binary.

    Raises:
        UsageError: It is damaged, or has no camera.
    """
    try:
        is_binary = path.suffix == ".bin"
        cameras = dict(_binary_cameras(path) if is_binary else _text_cameras(path))
        if not cameras:
            raise bad_cameras(path, "it has no camera")
        images = path.with_name(path.name.replace("cameras", "images"))
        if images == path or not images.is_file():
            return CamerasFile(cameras, None)
        of_image = dict(_binary_images(images) if is_binary else _text_images(images))
    except (OSError, ValueError, struct.error, EOFError, IndexError) as error:
        raise bad_cameras(path, f"it is no file of COLMAP's cameras ({error})") from error
    for name, camera_id in of_image.items():
        if camera_id not in cameras:
            raise bad_cameras(images, f"{name} has camera {camera_id}, which {path.name} does not have")
    return CamerasFile(cameras, of_image)


def _camera(path: Path, camera_id: int, model: str, width: int, height: int, params: list[float]) -> GivenCamera:
    origin = f"camera {camera_id} of {path}"
    return GivenCamera(known_model(model, str(path)), (width, height), tuple(params), origin)


def _text_cameras(path: Path) -> Iterator[tuple[int, GivenCamera]]:
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        try:
            camera_id, width, height = int(words[0]), int(words[2]), int(words[3])
            params = [float(word) for word in words[4:]]
        except (ValueError, IndexError) as error:
            raise bad_cameras(path, f"line {number} is no camera: CAMERA_ID MODEL WIDTH HEIGHT PARAMS...") from error
        yield camera_id, _camera(path, camera_id, words[1], width, height, params)


def _text_images(path: Path) -> Iterator[tuple[str, int]]:
    lines = enumerate(path.read_text("utf-8-sig").splitlines(), 1)
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(maxsplit=9)  # names may have spaces
        if len(words) < 10:
            raise bad_cameras(path, f"line {number} is no image: IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME")
        yield words[9].rstrip(), int(words[8])
        next(lines, None)  # its points, perhaps none


def _binary_cameras(path: Path) -> Iterator[tuple[int, GivenCamera]]:
    import pycolmap

    names = {int(model): name for name, model in pycolmap.CameraModelId.__members__.items() if name != "INVALID"}
    stream = io.BytesIO(path.read_bytes())
    for _ in range(_count(stream, path)):
        camera_id, model, width, height = _read(stream, "<IiQQ")
        if model not in names:
            raise bad_cameras(path, f"no camera model has the number {model}")
        params = _read(stream, f"<{num_params(names[model])}d")
        yield camera_id, _camera(path, camera_id, names[model], width, height, list(params))


def _binary_images(path: Path) -> Iterator[tuple[str, int]]:
    with path.open("rb") as stream:
        for _ in range(_count(stream, path)):
            camera_id = _read(stream, "<I7dI")[-1]
            name = bytearray()
            while (letter := stream.read(1)) not in (b"\0", b""):
                name += letter
            (num_points,) = _read(stream, "<Q")
            stream.seek(num_points * 24, io.SEEK_CUR)
            yield name.decode("utf-8"), camera_id


def _count(stream: BinaryIO, path: Path) -> int:
    (count,) = _read(stream, "<Q")
    if count > _MOST_CAMERAS:
        raise bad_cameras(path, f"{count} entries: it is damaged, or no file of COLMAP's")
    return int(count)


def _read(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))
