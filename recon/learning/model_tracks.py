"""Where a COLMAP model has its points in the photos, as a network in training is shown them: upright and resized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.core.data import ImageFile
from recon.core.errors import Cause, ReconError
from recon.matching.images import from_sensor_pixels, seen_size

_WORST_PX = 2.0
"""Points whose mean reprojection error is larger are left out: they may be several things taken for one."""
_LEAST_PHOTOS = 3
"""Two photos agree by chance more often than three."""

Tracks = Mapping[str, tuple[IntArray, FloatArray]]
"""By photo: (M,) ids of points, and (M, 2) positions in the photo as it is seen."""


def tracks_of(model: Path, images: Sequence[ImageFile], size: int) -> Tracks:
    """Return the tracks of a model in those photos that are of the size that the model knows.

    Args:
        size: Longest side of the photos as they are seen, in pixels.

    Raises:
        ReconError: CORRUPT_FILE.
    """
    import pycolmap

    try:
        reconstruction = pycolmap.Reconstruction(str(model))
    except (ValueError, RuntimeError, IndexError) as error:
        raise ReconError(
            f"the model in {model} cannot be read",
            code=Cause.CORRUPT_FILE,
            file=str(model),
            try_="make it again, or give the folder of the photos alone",
        ) from error
    good = {
        point_id
        for point_id, point in reconstruction.points3D.items()
        if point.error <= _WORST_PX and len({each.image_id for each in point.track.elements}) >= _LEAST_PHOTOS
    }
    by_name = {image.name: image for image in images}
    tracks = {}
    for image_id in reconstruction.reg_image_ids():
        shot = reconstruction.image(image_id)
        photo, camera = by_name.get(shot.name), reconstruction.camera(shot.camera_id)
        if photo is None or (camera.width, camera.height) != (photo.width, photo.height):
            continue
        seen = [each for each in shot.points2D if each.has_point3D() and each.point3D_id in good]
        ids = np.array([each.point3D_id for each in seen], np.int64)
        positions = np.array([each.xy for each in seen], np.float32).reshape(-1, 2)
        ids, rows = np.unique(ids, return_index=True)
        tracks[shot.name] = (ids, from_sensor_pixels(positions[rows], seen_size(photo, size), photo))
    return tracks
