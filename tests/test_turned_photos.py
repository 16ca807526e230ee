"""Photos stored in each of EXIF's eight orientations, their intrinsics in a file: the model is that of upright ones."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

import recon

TURNED_LIKE = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_90,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_270,
}
"""What makes stored pixels of upright ones."""
CLOCKWISE = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 1, 7: 1, 8: 3}
"""Quarter turns from the sensor's pixels, mirrored back, to the upright photo."""


@pytest.fixture
def turned_photos(sample_photos: Path, tmp_path: Path) -> Path:
    """Return eight photos that look as before in any viewer and are stored in eight ways."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, path in enumerate(sorted(sample_photos.iterdir())[:8]):
        orientation = number + 1
        upright = PillowImage.open(path)
        exif = PillowImage.Exif()
        exif[0x0112] = orientation
        way = TURNED_LIKE.get(orientation)
        stored = upright if way is None else upright.transpose(way)
        stored.save(folder / path.name, quality=92, exif=exif)
    return folder


def test_eight_orientations_give_the_model_of_upright_photos(
    turned_photos: Path, sample_photos: Path, tmp_path: Path
) -> None:
    truth = json.loads((sample_photos.parent / "gt.json").read_text())["images"]
    names = sorted(path.name for path in turned_photos.iterdir())
    first = truth[names[0]]
    focal, (k1, k2, *_) = first["K"][0][0], first["dist"]
    (tmp_path / "cameras.txt").write_text(
        "".join(
            f"{number} OPENCV {width} {height} {focal} {focal} {width / 2} {height / 2} {k1} {k2} 0 0\n"
            for number, (width, height) in enumerate(((1024, 768), (768, 1024)), 1)
        )
    )
    result = recon.reconstruct(
        turned_photos, tmp_path / "out", cameras=tmp_path / "cameras.txt", max_size=700, max_keypoints=1500
    )

    assert result.model is not None
    assert result.model.num_reg_images() == 8
    assert result.model.num_cameras() == 2
    poses = {}
    for image in result.model.images.values():
        turn = np.pi / 2 * CLOCKWISE[names.index(image.name) + 1]
        upright = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        poses[image.name] = upright @ image.cam_from_world().matrix()
    errors = []
    for name1, name2 in combinations(names, 2):
        found = poses[name2][:, :3] @ poses[name1][:, :3].T
        true = np.array(truth[name2]["R"]) @ np.array(truth[name1]["R"]).T
        errors.append(np.degrees(np.arccos(np.clip((np.trace(true.T @ found) - 1) / 2, -1, 1))))
    assert max(errors) < 0.5
