"""`cnn` keeps its contract with any weights, and honours masks, budgets and threads."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from recon_plugins.cnn import CnnOptions, recon_feature_extractors
from recon_plugins.cnn.keypoints import Placer
from recon_plugins.cnn.network import normalised
from recon_plugins.cnn.preparation import prepared
from recon_plugins.cnn.weights import save_weights

from recon import Image, RunContext
from recon.testing import FeatureExtractorContract, blank_image, check_features, textured_image

(SPEC,) = recon_feature_extractors()


@pytest.fixture(scope="module")
def extract(weights):
    @cache
    def extractor(threads, options):
        return SPEC.create(options, RunContext(threads=threads))

    def run(image, threads=1, **options):
        return extractor(threads, CnnOptions(weights=weights, **options)).extract(image)

    return run


class _OnRandomWeights(FeatureExtractorContract):
    spec = SPEC

    @pytest.fixture(autouse=True)
    def _weights(self, weights, monkeypatch):
        monkeypatch.setattr(type(self), "options", {**type(self).options, "weights": weights})

    def test_marks_are_found_where_they_are(self):
        """Random weights find nothing in particular."""
        assert len(self.create().extract(textured_image(256, 192))) > 50


class TestInFloat32(_OnRandomWeights):
    options = {"precision": "fp32"}  # noqa: RUF012 - as the contract declares it


class TestInBfloat16(_OnRandomWeights):
    options = {"precision": "bf16"}  # noqa: RUF012


def test_importing_the_plugin_is_cheap():
    """`recon --help` lists it, and must not wait for torch."""
    code = (
        "import sys, recon_plugins.cnn as p; p.recon_feature_extractors(); p.recon_trainables();"
        "print([m for m in ('torch', 'cv2', 'safetensors') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_keypoints": 0}, "max_keypoints"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": 0.0}, "threshold"),
        ({"min_keypoints": -1}, "min_keypoints"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, named):
    with pytest.raises(ValueError, match=named):
        CnnOptions(**options)


def test_masked_pixels_have_no_keypoints(extract):
    """Nor does a step between the pixels lead out of what the mask keeps."""
    image = textured_image(203, 150)
    mask = np.zeros((150, 203), np.uint8)
    mask[40:110, 60:150] = 1
    features = extract(Image(image.name, image.pixels, mask))

    assert len(features) > 10
    columns, rows = np.minimum(np.floor(features.keypoints).astype(int), (202, 149)).T
    assert mask[rows, columns].all()


def test_an_image_with_a_few_peaks_gets_the_best_of_the_lower_ones(extract):
    """Structure from motion needs keypoints on dull photos too."""
    image = textured_image(200, 160)
    high = extract(image, threshold=0.9, min_keypoints=0)
    filled = extract(image, threshold=0.9, min_keypoints=len(high) + 50)

    assert len(filled) == len(high) + 50
    assert (np.diff(filled.scores) <= 0).all()


def test_colours_of_one_grey_are_blank(extract):
    """The network sees grey: red and green stripes of one brightness are nothing to it."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, ::2, 0], pixels[:, 1::2, 1] = 90, 90

    assert len(extract(Image("stripes.png", pixels))) == 0


def test_blank_and_tiny_images_raise_nothing_with_any_options(extract):
    for options in ({}, {"subpixel": False}, {"min_keypoints": 0, "threshold": 0.9}):
        for size in ((1, 1), (31, 2), (33, 65)):
            image = textured_image(*size)
            check_features(extract(image, **options), image)
        assert len(extract(blank_image(77), **options)) == 0


def test_the_number_of_threads_does_not_change_the_result(extract):
    before = torch.get_num_threads()
    one, two = (extract(textured_image(200, 160), threads=threads) for threads in (1, 2))

    assert np.array_equal(one.keypoints, two.keypoints)
    assert np.array_equal(one.descriptors, two.descriptors)
    assert torch.get_num_threads() == before, "an extractor left its number of threads behind"


def test_whole_pixels_are_where_the_step_between_them_starts(extract):
    options = {"max_keypoints": 9999, "min_keypoints": 9999}
    whole, between = (extract(textured_image(160, 120), subpixel=each, **options).keypoints for each in (False, True))

    assert (whole % 1 == 0.5).all()
    assert np.abs(between % 1 - 0.5).max() > 0.1
    nearest = np.abs(whole[None] - between[:, None]).max(axis=2).min(axis=1)
    assert nearest.max() <= 2.5


def test_bfloat16_finds_almost_the_same(extract):
    """Even random weights, whose peaks are hardly higher than what is around them, change little."""
    image = textured_image(256, 192)
    exactly, roughly = (extract(image, precision=precision, max_keypoints=500) for precision in ("fp32", "bf16"))

    distances = np.linalg.norm(exactly.keypoints[:, None] - roughly.keypoints[None], axis=2)
    near = distances.min(axis=1) < 0.3
    assert near.mean() > 0.8
    alike = (exactly.descriptors[near] * roughly.descriptors[distances.argmin(axis=1)[near]]).sum(axis=1)
    assert np.median(alike) > 0.98


def test_a_photo_is_prepared_as_in_training():
    """Mean of the channels, less the mean over the standard deviation; what is added lies right and below."""
    image = textured_image(70, 45)
    grey = torch.from_numpy(image.pixels.astype(np.float32).mean(axis=2) / 255)[None, None]
    found = prepared(image.pixels)

    assert found.shape == (64, 96)
    np.testing.assert_allclose(found[:45, :70], normalised(grey)[0, 0].numpy(), atol=1e-4)
    assert np.array_equal(found[45:64, :70], found[25:44, :70][::-1]), "not mirrored at the lower edge"


def test_keypoints_are_placed_as_in_training(random_network):
    """What training teaches about places holds only if the extractor asks in the same way."""
    network = random_network()
    grey = normalised(torch.rand(1, 1, 64, 96, generator=torch.manual_seed(0)))
    columns, rows = np.array([0, 40, 95, 7]), np.array([0, 21, 63, 60])
    with torch.inference_mode():
        across, down = Placer(network.placing, torch.device("cpu"))(grey[0, 0].numpy(), columns, rows)
        pixels = torch.from_numpy(np.stack([columns, rows], 1))[None] + 0.25
        places = network(grey).place(pixels)[0].numpy()

    np.testing.assert_allclose(np.stack([columns + 0.5 + across, rows + 0.5 + down], 1), places, atol=1e-4)


@pytest.mark.slow
def test_imagenets_networks_are_run_too(random_network, tmp_path):
    """By a plain path: what is made faster for our own trunk does not know them."""
    path = tmp_path / "resnet18.safetensors"
    save_weights(random_network(backbone="resnet18"), path)
    image = textured_image(160, 120)
    found = {}
    for precision in ("fp32", "bf16"):
        options = CnnOptions(backbone="resnet18", weights=path, precision=precision, min_keypoints=50)
        found[precision] = SPEC.create(options, RunContext()).extract(image)
        check_features(found[precision], image)
        assert len(found[precision]) >= 50
