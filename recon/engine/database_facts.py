"""What a COLMAP database says of photos, cameras and pairs, in one reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.database_file import open_database


@dataclass(frozen=True, slots=True, eq=False)
class DatabaseImage:
    """A photo of the database."""

    camera_id: int
    keypoints: FloatArray
    """(N, 2) sensor pixels, COLMAP origin."""


@dataclass(frozen=True, slots=True)
class DatabasePair:
    """How many matches two photos have, and how many of them fit one camera motion."""

    name1: str
    name2: str
    matches: int
    inliers: int


@dataclass(frozen=True, slots=True, eq=False)
class DatabaseFacts:
    """What the database says of photos, cameras and pairs."""

    images: dict[str, DatabaseImage] = field(default_factory=dict)
    pairs: list[DatabasePair] = field(default_factory=list)
    cameras: dict[int, pycolmap.Camera] = field(default_factory=dict)


def read_database(path: Path) -> DatabaseFacts:
    """Return the photos, cameras and counts of matches in a database.

    Raises:
        ReconError: CORRUPT_FILE.
    """
    with open_database(path) as opened:
        names = {image.image_id: image for image in opened.read_all_images()}
        images = {
            image.name: DatabaseImage(
                image.camera_id, np.asarray(opened.read_keypoints(image_id))[:, :2].reshape(-1, 2)
            )
            for image_id, image in names.items()
        }
        inliers = dict(zip(*opened.read_two_view_geometry_num_inliers(), strict=True))
        pairs = []
        for pair_id, matches in zip(*opened.read_num_matches(), strict=True):
            id1, id2 = pycolmap.pair_id_to_image_pair(pair_id)
            pairs.append(DatabasePair(names[id1].name, names[id2].name, int(matches), int(inliers.get(pair_id, 0))))
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
    return DatabaseFacts(images, pairs, cameras)
