"""Writes a model as Bundler does (file version 0.3): bundle.out, and list.txt with the photos' names.

Cameras look along -z with y up; positions in a photo are from the principal point, x to the right, y up, in
pixels; p' = f (1 + k1 r^2 + k2 r^4) p with p = -P / P.z.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.output.files import replacing
from recon.output.photo_files import registered_images
from recon.output.radial import check_one_word, radial_lens
from recon.output.tracks import exact_words, finite_tracks

if TYPE_CHECKING:
    import pycolmap

_BUNDLER_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])


def write_bundler(model: pycolmap.Reconstruction, folder: Path) -> None:
    """Write the two files into a folder.

    Raises:
        UsageError: A camera or a name that the format cannot hold.
        OSError: A file cannot be written.
    """
    images = registered_images(model)
    check_one_word((image.name for image in images), "bundler")
    lenses = {image.camera_id: radial_lens(model.camera(image.camera_id), "bundler") for image in images}
    tracks = finite_tracks(model, images)
    lines = ["# Bundle file v0.3", f"{len(images)} {len(tracks)}"]
    for image in images:
        pose = _BUNDLER_FROM_OPENCV @ image.cam_from_world().matrix()
        rows = [tuple(lenses[image.camera_id]), *pose[:, :3], pose[:, 3]]
        lines += [exact_words(row) for row in rows]
    for track in tracks:
        sightings = [f"{s.image_row} {s.keypoint_row} {exact_words((s.x, -s.y))}" for s in track.sightings]
        lines += [exact_words(track.position), " ".join(map(str, track.color))]
        lines.append(" ".join([str(len(sightings)), *sightings]))
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"bundle.out": lines, "list.txt": [image.name for image in images]}
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in content), "utf-8")
