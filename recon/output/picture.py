"""Draws a model into a picture on its own, with numpy and Pillow: needs no graphics driver and no Open3D."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.errors import Cause, UsageError
from recon.output.canvas import Canvas
from recon.output.files import replacing
from recon.output.scene import BACKGROUND, CAMERA_COLOR, Scene

if TYPE_CHECKING:
    import pycolmap

DEFAULT_SIZE = (1600, 1000)
_OVERSAMPLING = 2
_SHADE = 14.0


def draw_model(
    model: pycolmap.Reconstruction,
    path: Path,
    size: tuple[int, int] = DEFAULT_SIZE,
    orientations: Mapping[str, int] | None = None,
) -> None:
    """Write a picture of the points and cameras, from a viewpoint chosen to show them well.

    Args:
        path: PNG, or any format that Pillow knows by its suffix.
        size: Width and height in pixels.
        orientations: EXIF orientation by image name where it is not 1, so that up is up.

    Raises:
        OSError: The file cannot be written.
    """
    save_picture(render(Scene.of(model, size, orientations or {}), size), path)


def save_picture(pixels: UInt8Array, path: Path) -> None:
    """Write (H, W, 3) pixels in the format of the path's suffix; what was there is replaced in one step.

    Raises:
        UsageError: BAD_VALUE for a suffix of no picture format.
        OSError: The file cannot be written.
    """
    from PIL import Image

    with replacing(path) as temporary:
        try:
            Image.fromarray(pixels).save(temporary)
        except (ValueError, KeyError) as error:  # what Pillow makes of an unknown suffix
            raise UsageError(
                f"cannot write a picture in the format of {path.name!r}",
                code=Cause.BAD_VALUE,
                file=str(path),
                try_="give a name that ends in .png",
            ) from error


def render(scene: Scene, size: tuple[int, int]) -> UInt8Array:
    """Return the picture, (H, W, 3) uint8 RGB."""
    canvas = Canvas((size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), scene.viewpoint)
    canvas.add_discs(scene.positions, scene.colors, scene.point_radius, 0.9 * _OVERSAMPLING)
    canvas.add_lines(scene.camera_lines, CAMERA_COLOR, 0.9 * _OVERSAMPLING)
    large = canvas.picture(background(canvas.height), _SHADE, _OVERSAMPLING)
    return shrink(large, _OVERSAMPLING)


def shrink(pixels: UInt8Array, factor: int) -> UInt8Array:
    """Return (H // factor, W // factor, 3) pixels, each the mean of a square: edges come out smooth."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    squares = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    means: UInt8Array = np.rint(squares.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)
    return means


def background(height: int) -> UInt8Array:
    """Return (H, 1, 3) the backdrop's colour in each row."""
    share = np.linspace(0.0, 1.0, height)[:, None, None]
    rows: UInt8Array = np.rint((1 - share) * BACKGROUND[0] + share * BACKGROUND[1]).astype(np.uint8)
    return rows
