"""`xfeat` with the published weights: `exact` gives upstream's outputs, the default mode mends what they lack."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from recon_plugins.xfeat import XFeatOptions, recon_feature_extractors
from recon_plugins.xfeat.folding import FoldedNetwork
from recon_plugins.xfeat.network import STRIDE, load_network, normalised

from recon import Image, RunContext
from recon.testing import FeatureExtractorContract, textured_image

pytestmark = [pytest.mark.weights, pytest.mark.reference]

(SPEC,) = recon_feature_extractors()
PHOTOS = ("fountain_a", "fountain_b", "fox", "reichstag")


def published(name):
    return Path(os.environ["RECON_WEIGHTS"]) / name


@pytest.fixture(scope="module")
def network():
    return load_network(published("xfeat.pt"))


@pytest.fixture(scope="module")
def crop():
    """Return the reference's layers of a part of a photo, and the (1, 3, 256, 320) input."""
    layers = np.load(Path(os.environ["RECON_REFERENCE"]) / "fountain_a_crop_layers.npz")
    x, y, width, height = layers["crop_xywh"]
    return layers, reference_photo("fountain_a")[y : y + height, x : x + width]


def reference_photo(name):
    pixels = cv2.imread(str(Path(os.environ["RECON_REFERENCE"]) / f"{name}.png"))
    return np.ascontiguousarray(pixels[:, :, ::-1])


def as_input(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def extractor(**options):
    return SPEC.create(XFeatOptions(**options), RunContext(weights=published))


class TestContract(FeatureExtractorContract):
    spec = SPEC


@pytest.mark.slow
class TestContractOnFourGrids(FeatureExtractorContract):
    spec = SPEC
    options = {"grids": 4, "precision": "fp32"}  # noqa: RUF012 - as the contract declares it


def test_layers_are_upstream_s(network, crop):
    """To 1e-4, or to the rounding of those kept in float16."""
    layers, pixels = crop
    with torch.inference_mode():
        features, logits, reliability = network(as_input(pixels))
        grey = normalised(as_input(pixels))
        block1 = network.block1(grey)
        block2 = network.block2(block1 + network.skip1(grey))
        block3 = network.block3(block2)
        block4 = network.block4(block3)
        block5 = network.block5(block4)

    for name, found in (("F", features), ("K", logits), ("R", reliability)):
        assert np.abs(found[0].numpy() - layers[name]).max() < 1e-4, name
    rounded = {"block1": block1, "block2": block2[:, ::4], "block3": block3, "block4": block4, "block5": block5}
    for name, found in rounded.items():
        expected = layers[name].astype(np.float32)
        assert np.abs(found[0].numpy() - expected).max() < 1e-3 * max(1, np.abs(expected).max()), name


def test_folding_changes_no_output(network, crop):
    """The folded network, laid out by pixels, is the same function to 1e-4."""
    layers, pixels = crop
    folded = FoldedNetwork(network, torch.device("cpu"), torch.float32)
    with torch.inference_mode():
        grey = normalised(as_input(pixels))
        features, reliability = folded.features(grey[0, 0])
        cells = torch.nn.functional.pixel_unshuffle(grey, STRIDE)[0].flatten(1).T.contiguous()
        logits = folded.keypoint_logits(cells)

    assert np.abs(features.permute(2, 0, 1).numpy() - layers["F"]).max() < 1e-4
    assert np.abs(reliability.numpy() - layers["R"][0]).max() < 1e-4
    assert np.abs(logits.T.reshape(layers["K"].shape).numpy() - layers["K"]).max() < 1e-4


@pytest.mark.parametrize("name", [*PHOTOS, "crop"])
def test_exact_gives_upstream_s_keypoints_and_descriptors(name, crop):
    """As sets of positions: the order of equal scores is upstream's own chance."""
    if name == "crop":
        expected, pixels = crop
    else:
        expected = np.load(Path(os.environ["RECON_REFERENCE"]) / f"{name}_sparse.npz")
        pixels = reference_photo(name)
    features = extractor(exact=True).extract(Image(name, pixels))

    places = expected["keypoints"] + 0.5  # upstream's top-left pixel has its centre at (0, 0)
    distances = np.abs(features.keypoints[None] - places[:, None]).max(axis=2)
    rows = distances.argmin(axis=1)
    assert len(features) == len(places)
    assert distances[np.arange(len(places)), rows].max() < 1e-3
    assert len(np.unique(rows)) == len(rows)
    descriptors = expected["descriptors"].astype(np.float64)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)  # kept in float16
    assert (features.descriptors[rows] * descriptors).sum(axis=1).min() > 1 - 1e-4
    assert features.scores is not None
    assert np.abs(features.scores[rows] - expected["scores"]).max() < 1e-4


def share_that_moves_with_the_picture(pixels, shift_px, **options):
    """Return the share of mutual nearest neighbours within 0.5 px of their place after a shift."""
    x, y = shift_px
    height, width = pixels.shape[0] - 64, pixels.shape[1] - 64
    first, second = (
        extractor(max_keypoints=1000, precision="fp32", **options).extract(
            Image("part", np.ascontiguousarray(pixels[top : top + height, left : left + width]))
        )
        for left, top in ((32, 32), (32 + x, 32 + y))
    )
    similar = first.descriptors @ second.descriptors.T
    there, back = similar.argmax(axis=1), similar.argmax(axis=0)
    mutual = np.flatnonzero(back[there] == np.arange(len(there)))
    offsets = first.keypoints[mutual] - second.keypoints[there[mutual]] - shift_px
    return float((np.linalg.norm(offsets, axis=1) < 0.5).mean())


def test_keypoints_hang_less_on_the_grid_the_more_grids_there_are():
    """A photo that is shifted by a few pixels; upstream keeps a quarter of its keypoints in place."""
    pixels = reference_photo("fox")[200:520, :416]
    one, four, eight = (share_that_moves_with_the_picture(pixels, (3, 5), grids=grids) for grids in (1, 4, 8))

    assert one < 0.4
    assert four > 0.65
    assert eight > 0.75


def test_bfloat16_descriptors_are_nearly_the_same():
    """The trunk in bfloat16: the same places, cosines above 0.99."""
    image = Image("fox", reference_photo("fox")[200:456, 60:380].copy())
    exactly, roughly = (extractor(precision=precision).extract(image) for precision in ("fp32", "bf16"))

    places = {tuple(place): row for row, place in enumerate(exactly.keypoints)}
    found = [(places.get(tuple(place)), row) for row, place in enumerate(roughly.keypoints)]
    rows = np.array([pair for pair in found if pair[0] is not None])
    assert len(rows) > 0.97 * len(roughly)
    cosines = (exactly.descriptors[rows[:, 0]] * roughly.descriptors[rows[:, 1]]).sum(axis=1)
    assert cosines.min() > 0.98
    assert cosines.mean() > 0.999


def test_a_textured_image_has_keypoints_everywhere():
    """Also in its last cells, where there are no pixels beyond."""
    features = extractor().extract(textured_image(330, 250))

    low, high = features.keypoints.min(axis=0), features.keypoints.max(axis=0)
    assert (low < 8).all()
    assert (high > np.array([330, 250]) - 8).all()


def test_looking_near_likely_keypoints_alone_finds_nearly_the_same(monkeypatch):
    """The photo is large for so few keypoints: most cells of the further grids are left out."""
    pixels = reference_photo("fountain_a")
    options = {"max_keypoints": 1000, "precision": "fp32"}
    near = extractor(**options).extract(Image("a.png", pixels))
    monkeypatch.setattr("recon_plugins.xfeat.extractor._LIKELY", 1e3)
    everywhere = extractor(**options).extract(Image("a.png", pixels))

    distances = np.linalg.norm(near.keypoints[:, None] - everywhere.keypoints[None], axis=2).min(axis=1)
    assert len(near) == len(everywhere) == 1000
    assert (distances < 0.1).mean() > 0.75
    assert not np.array_equal(near.keypoints, everywhere.keypoints), "both have looked everywhere"
