"""A film of a model that turns once around, drawn without a graphics driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.errors import Cause, UsageError
from recon.output.files import replacing
from recon.output.geometry import camera_poses
from recon.output.picture import render
from recon.output.scene import Scene
from recon.output.viewpoint import Viewpoint, up_direction

if TYPE_CHECKING:
    import pycolmap

FRAMES_PER_SECOND = 25
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
_GIF = ".gif"
_MARGIN = 1.06
_CORE_PERCENT = 96.0
"""Of the points have to be in view all the way round; the rest may be trees on the horizon."""


def check_film_name(path: Path) -> None:
    """Refuse a name of no film format.

    Raises:
        UsageError: BAD_VALUE.
    """
    known = [*_CODECS, _GIF]
    if path.suffix.lower() not in known:
        raise UsageError(
            f"cannot write a film in the format of {path.name!r}",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_=f"give a name that ends in one of: {', '.join(known)}",
        )


def draw_turntable(
    model: pycolmap.Reconstruction,
    path: Path,
    size: tuple[int, int],
    orientations: Mapping[str, int],
    seconds: float,
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write a film of one turn around the model, and return the number of its frames.

    Args:
        orientations: EXIF orientation by image name where it is not 1, so that up is up.
        seconds: That the turn takes.

    Raises:
        UsageError: BAD_VALUE, no film format; or the codec is not there.
        OSError: The file cannot be written.
    """
    scene = Scene.of(model, size, orientations)
    viewpoints = list(turn(scene, up_direction(camera_poses(model), orientations), num_frames(seconds)))
    return draw_film(scene, viewpoints, path, size, threads, progress)


def num_frames(seconds: float) -> int:
    """Return how many pictures a film of so many seconds has."""
    return max(2, round(seconds * FRAMES_PER_SECOND))


def draw_film(
    scene: Scene,
    viewpoints: Sequence[Viewpoint],
    path: Path,
    size: tuple[int, int],
    threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write a film of a scene from one viewpoint after the other, and return the number of its frames.

    Args:
        path: .mp4, .avi or .gif.
        size: Width and height in pixels; made even.
        progress: Called with the number of frames drawn, and of all.

    Raises:
        UsageError: BAD_VALUE, no film format; or the codec is not there.
        OSError: The file cannot be written.
    """
    check_film_name(path)
    size = size[0] // 2 * 2, size[1] // 2 * 2
    count = len(viewpoints)
    with replacing(path) as temporary, _film(temporary, path, size) as film, ThreadPoolExecutor(threads) as pool:
        pictures = pool.map(lambda viewpoint: render(replace(scene, viewpoint=viewpoint), size), viewpoints)
        for done, picture in enumerate(pictures, start=1):
            film.add(picture)
            progress(done, count)
    return count


def turn(scene: Scene, up: FloatArray, count: int) -> Iterator[Viewpoint]:
    """Give viewpoints evenly spread on a circle around the middle of the view, from which the scene stays in view.

    Args:
        up: (3,) unit vector, the axis of the turn.
    """
    first = scene.viewpoint
    middle = first.position + first.distance * first.cam_from_world[2]
    rotations = [first.cam_from_world @ _rotation(up, -2 * np.pi * k / count) for k in range(count)]
    shown = _core(scene.positions, middle)
    distance = max((_distance(shown @ rotation.T, first.tangents) for rotation in rotations), default=first.distance)
    distance = max(distance, 1e-9)
    for rotation in rotations:
        yield Viewpoint(middle - distance * rotation[2], rotation, first.tangents, distance)


def _core(positions: FloatArray, middle: FloatArray) -> FloatArray:
    """Return (N, 3) positions seen from the middle, without the farthest."""
    around = positions - middle
    if not len(around):
        return np.zeros((1, 3))
    lengths = np.linalg.norm(around, axis=1)
    core: FloatArray = around[lengths <= np.percentile(lengths, _CORE_PERCENT)]
    return core


def _distance(in_view: FloatArray, tangents: tuple[float, float]) -> float:
    """Return how far from the middle to stand for positions, in the axes of the view, to be in the picture."""
    return float((np.abs(in_view[:, :2]) / np.array(tangents) * _MARGIN - in_view[:, 2:]).max())


def _rotation(axis: FloatArray, angle: float) -> FloatArray:
    """Return the (3, 3) rotation about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    rotation: FloatArray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation


class _VideoFilm:
    """Frames into a video file, through OpenCV."""

    def __init__(self, temporary: Path, path: Path, size: tuple[int, int]) -> None:
        import cv2

        # OpenCV goes by the suffix, which a temporary name does not have.
        self._part = temporary.with_name(temporary.name + path.suffix.lower())
        self._temporary = temporary
        codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._part), codec, FRAMES_PER_SECOND, size)
        if not self._writer.isOpened():
            raise UsageError(
                f"OpenCV cannot write {path.suffix} here", code=Cause.BAD_VALUE, file=str(path), try_="try .avi or .gif"
            )

    def __enter__(self) -> _VideoFilm:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._writer.release()
        if kind is None:
            self._part.replace(self._temporary)
        else:
            self._part.unlink(missing_ok=True)

    def add(self, picture: UInt8Array) -> None:
        """Add an (H, W, 3) RGB frame."""
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))


class _GifFilm:
    """Frames into an animated GIF, through Pillow."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._frames: list[Any] = []

    def __enter__(self) -> _GifFilm:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            first, *others = self._frames
            first.save(
                self._temporary, "GIF", save_all=True, append_images=others, duration=1000 // FRAMES_PER_SECOND, loop=0
            )

    def add(self, picture: UInt8Array) -> None:
        """Add an (H, W, 3) RGB frame."""
        from PIL import Image

        self._frames.append(Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE))


def _film(temporary: Path, path: Path, size: tuple[int, int]) -> _VideoFilm | _GifFilm:
    return _GifFilm(temporary) if path.suffix.lower() == _GIF else _VideoFilm(temporary, path, size)
