"""Writes the poses and cameras of a model as a table: CSV, one registered photo a row.

`q*` and `t*` map world to camera (`cam_from_world`, OpenCV axes: x right, y down, z forward), `center_*` is where the
photo was taken, and `params` are COLMAP's, separated by blanks. The frame is the model's own; `units` says what it
counts in: arbitrary, metres, or geographic (metres east, north and up).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.frame import ARBITRARY, ModelFrame
from recon.output.files import replacing
from recon.output.photo_files import registered_images

if TYPE_CHECKING:
    import pycolmap

COLUMNS = (
    *("name", "qw", "qx", "qy", "qz", "tx", "ty", "tz", "center_x", "center_y", "center_z"),
    *("camera_id", "camera_model", "width", "height", "params", "observations", "units"),
)


def write_pose_table(model: pycolmap.Reconstruction, path: Path, frame: ModelFrame = ARBITRARY) -> None:
    """Write the file `path`, UTF-8; any name is held, quoted where CSV asks for it.

    Raises:
        OSError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for image in registered_images(model):
            camera = model.camera(image.camera_id)
            pose = image.cam_from_world()
            x, y, z, w = pose.rotation.quat.tolist()
            table.writerow(
                [
                    image.name,
                    *map(repr, (w, x, y, z, *pose.translation.tolist(), *image.projection_center().tolist())),
                    image.camera_id,
                    camera.model_name,
                    camera.width,
                    camera.height,
                    " ".join(repr(float(value)) for value in camera.params),
                    image.num_points3D,
                    str(frame.units),
                ]
            )
