"""A street walk, forward motion from end to end: every photo in one model that lies where GPS says."""

from __future__ import annotations

import json

import numpy as np
import pytest

import recon
from recon.evaluation.alignment import align

EARTH_RADIUS_M = 6_378_137.0


@pytest.mark.slow
@pytest.mark.photos
def test_a_walk_down_a_street_makes_one_model_without_a_bend(photo_set, tmp_path):
    """Single attempts register as many photos and lie up to 95 m off, differing from seed to seed."""
    folder = photo_set("lund_walk")
    gps = json.loads((folder / "gps.json").read_text("utf-8"))["images"]
    model = recon.reconstruct(folder / "images", tmp_path / "out", extractor="sift", world="model").model
    centers = {image.name: image.projection_center() for image in model.images.values() if image.has_pose}
    degrees = np.array([[gps[name]["lon"], gps[name]["lat"]] for name in centers])
    east, north = (np.radians(degrees - degrees.mean(axis=0)) * EARTH_RADIUS_M).T
    places = np.stack([east * np.cos(np.radians(degrees[:, 1].mean())), north, [gps[n]["alt"] for n in centers]], 1)
    found = np.array(list(centers.values()))

    assert len(centers) >= 26
    assert np.linalg.norm(align(found, places).apply(found) - places, axis=1).max() <= 15
