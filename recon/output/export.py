"""Writes a model in COLMAP's own formats, and reads back what was written."""

from __future__ import annotations

import errno
from pathlib import Path

import pycolmap

from recon.output.photo_files import registered_images
from recon.output.radial import check_one_word


def write_colmap(model: pycolmap.Reconstruction, folder: Path, *, text: bool = False) -> None:
    """Write a COLMAP model folder, binary or text; the folder is made where it is not there.

    Text has full precision and a decimal point whatever the locale, as pycolmap writes it.

    Raises:
        UsageError: BAD_VALUE for a name that the text format cannot hold: its readers stop at a blank.
        OSError: The files cannot be written, or do not read back with the same content.
    """
    if text:
        check_one_word((image.name for image in registered_images(model)), "colmap-text")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (model.write_text if text else model.write_binary)(str(folder))
    except (ValueError, RuntimeError) as error:  # pycolmap's word for a file that it cannot open
        raise OSError(errno.EACCES, "COLMAP's files cannot be written there", str(folder)) from error
    if not text and any((folder / name).stat().st_size != size for name, size in _binary_sizes(model).items()):
        # From such a file pycolmap's reader may never return.
        raise OSError(errno.ENOSPC, "the files came out incomplete", str(folder))
    copy = pycolmap.Reconstruction()
    try:
        (copy.read_text if text else copy.read_binary)(str(folder))
        is_complete = _counts(copy) == _counts(model)
    except (ValueError, IndexError, RuntimeError):
        is_complete = False
    if not is_complete:
        raise OSError(errno.ENOSPC, "the files came out incomplete", str(folder))


def _counts(model: pycolmap.Reconstruction) -> tuple[int, int, int, int]:
    return model.num_reg_images(), model.num_points3D(), model.compute_num_observations(), model.num_cameras()


def _binary_sizes(model: pycolmap.Reconstruction) -> dict[str, int]:
    """Return the bytes of the two files that take nearly all the room, written after the small ones."""
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    return {
        "images.bin": 8 + sum(73 + len(image.name.encode()) + 24 * image.num_points2D() for image in images),
        "points3D.bin": 8 + 51 * model.num_points3D() + 8 * model.compute_num_observations(),
    }
