"""Real photos with GPS: metres where it holds, an answer where it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import recon
from recon.core.frame import frame_from_dict
from recon.engine.models import frame_of, read_model
from recon.georeference.geodesy import enu_from_geodetic

pytestmark = pytest.mark.photos
FAST = {"preset": "fast", "threads": 1, "extractor": "sift"}


def offsets(model, frame, gps_json):
    """Return (N, 3) metres from each photo's GPS to where the model has it."""
    told = json.loads(gps_json.read_text("utf-8"))["images"]
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    places = np.array([[told[image.name][key] for key in ("lat", "lon", "alt")] for image in images])
    return np.array([image.projection_center() for image in images]) - enu_from_geodetic(places, frame.origin)


def with_gps(source: Path, dest: Path, place) -> None:
    """Copy a photo with another GPS: degrees, or None for none."""
    picture = Image.open(source)
    exif = picture.getexif()
    tags = exif.get_ifd(0x8825)
    tags.clear()
    if place is not None:
        latitude, longitude = place
        tags.update({1: "S" if latitude < 0 else "N", 2: (abs(latitude), 0.0, 0.0), 3: "E", 4: (longitude, 0.0, 0.0)})
    picture.save(dest, exif=exif, quality=95)


@pytest.fixture(scope="module")
def berlin(photo_set, tmp_path_factory):
    return recon.reconstruct(photo_set("berlin") / "images", tmp_path_factory.mktemp("berlin") / "out", **FAST)


def test_berlin_has_metres_and_says_how_sure_they_are(photo_set, berlin):
    """Three photos 7 to 18 m apart: a rough scale, and no tilt from altitudes that are 12 m apart."""
    frame = frame_of(berlin.workspace)
    across = np.linalg.norm(offsets(berlin.model, frame, photo_set("berlin") / "gps.json")[:, :2], axis=1)

    assert berlin.summary["units"] == "geographic"
    assert frame_from_dict(berlin.summary["frame"]) == frame
    assert across.max() < 5
    assert 0.1 < frame.scale_error < 0.5
    assert frame.up_error_deg < 20


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({"01.jpg": None, "02.jpg": None, "03.jpg": None}, None),
        ({"01.jpg": None, "02.jpg": None}, "1 photo of the model has GPS"),
        ({"01.jpg": None}, "uncertain"),
        ({"01.jpg": (-33.9, 151.2), "02.jpg": (10.0, 10.0)}, "GPS is not used"),
    ],
    ids=["no GPS", "one photo's", "two photos near each other", "absurd"],
)
def test_gps_that_tells_no_metres_leaves_them_unknown_and_says_why(photo_set, tmp_path, places, told):
    photos = tmp_path / "photos"
    shutil.copytree(photo_set("berlin") / "images", photos)
    for name, place in places.items():
        with_gps(photo_set("berlin") / "images" / name, photos / name, place)
    notes = []
    result = recon.reconstruct(
        photos, tmp_path / "out", **FAST, observers=[lambda event: notes.append(getattr(event, "message", ""))]
    )

    assert result.summary["registered"] == 3
    assert result.summary["units"] == "arbitrary"
    assert told is None or any(told in note for note in notes)
    assert told is not None or not any("GPS" in note for note in notes)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"gps_prior": True}], ids=["moved", "adjusted"])
def test_lund_walk_lies_where_it_was_walked(photo_set, tmp_path, options):
    result = recon.reconstruct(photo_set("lund_walk") / "images", tmp_path / "out", **FAST, **options)
    frame = frame_of(result.workspace)
    across = np.linalg.norm(offsets(result.model, frame, photo_set("lund_walk") / "gps.json")[:, :2], axis=1)

    assert result.summary["registered"] >= 26
    assert across.max() < 15
    assert np.median(across) < 6
    assert frame.scale_error < 0.05


@pytest.mark.slow
def test_up_is_up_where_the_truth_knows_it(photo_set, tmp_path):
    """Strecha's world has z down."""
    result = recon.reconstruct(photo_set("fountain-P11") / "images", tmp_path / "out", **FAST)
    truth = json.loads((photo_set("fountain-P11") / "gt.json").read_text("utf-8"))["images"]
    model = read_model(result.workspace)
    turns = sum(
        np.array(truth[image.name]["R"]).T @ image.cam_from_world().rotation.matrix()
        for image in map(model.image, model.reg_image_ids())
    )
    left, _, right = np.linalg.svd(turns)
    up = (left @ right) @ (0, 0, 1)

    assert result.summary["frame"]["is_z_up"]
    assert np.degrees(np.arccos(-up[2])) < 3
    assert frame_of(result.workspace).up_error_deg < 3
