"""`xfeat` keeps its contract with any weights, and says what is wrong with a file that holds none."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import zipfile
from functools import cache

import numpy as np
import pytest
import torch
from recon_plugins.xfeat import WEIGHTS, XFeatOptions, recon_feature_extractors, winograd
from recon_plugins.xfeat.folding import FoldedNetwork
from recon_plugins.xfeat.heatmap import MeanHeatMap
from recon_plugins.xfeat.network import XFeatNetwork, load_network

from recon import Cause, Image, ReconError, RunContext
from recon.testing import FeatureExtractorContract, blank_image, check_features, textured_image

(SPEC,) = recon_feature_extractors()


def random_network(seed=0):
    """Return a network of random weights, whose every layer passes its signal on."""
    random = torch.Generator().manual_seed(seed)
    network = XFeatNetwork().eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=random)
        elif tensor.is_floating_point():
            tensor.normal_(0, (2 / max(1, tensor[0].numel())) ** 0.5, generator=random)
    return network


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / WEIGHTS.name
    torch.save(random_network().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def extract(weights):
    @cache
    def extractor(threads, options):
        context = RunContext(threads=threads, weights=lambda name: weights)
        return SPEC.create(options, context)

    def run(image, threads=1, **options):
        return extractor(threads, XFeatOptions(**options)).extract(image)

    return run


class _OnRandomWeights(FeatureExtractorContract):
    spec = SPEC

    @pytest.fixture(autouse=True)
    def _weights(self, weights, monkeypatch):
        monkeypatch.setattr(type(self), "find_weights", lambda self, name: weights)

    def test_marks_are_found_where_they_are(self):
        """Random weights find nothing in particular: see the tests on the real ones."""
        image = textured_image(256, 192)

        assert len(self.create().extract(image)) > 50


class TestWithDefaults(_OnRandomWeights):
    pass


@pytest.mark.slow
class TestInBfloat16(_OnRandomWeights):
    options = {"precision": "bf16"}  # noqa: RUF012 - as the contract declares it


@pytest.mark.slow
class TestResized(_OnRandomWeights):
    options = {"fit": "resize", "grids": 1, "subpixel": False}  # noqa: RUF012


class TestExact(_OnRandomWeights):
    options = {"exact": True}  # noqa: RUF012


def test_importing_the_plugin_is_cheap():
    """`recon --help` lists it, and must not wait for torch."""
    code = (
        "import sys, recon_plugins.xfeat as p; p.recon_feature_extractors();"
        "print([m for m in ('torch', 'cv2', 'kornia') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_keypoints": 0}, "max_keypoints"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"min_keypoints": -1}, "min_keypoints"),
        ({"grids": 3}, "grids"),
        ({"exact": True, "grids": 4}, "grids"),
        ({"exact": True, "precision": "bf16"}, "precision"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, named):
    with pytest.raises(ValueError, match=named):
        XFeatOptions(**options)


@pytest.mark.parametrize("exact", [False, True])
def test_masked_pixels_have_no_keypoints(extract, exact):
    image = textured_image(203, 150)
    mask = np.zeros((150, 203), np.uint8)
    mask[40:110, 60:150] = 1
    features = extract(Image(image.name, image.pixels, mask), exact=exact)

    assert len(features) > 10
    columns, rows = np.floor(extract(Image(image.name, image.pixels, mask), exact=True).keypoints).astype(int).T
    assert mask[rows, columns].all()
    assert (features.keypoints >= (59.5, 39.5)).all()
    assert (features.keypoints <= (150.5, 110.5)).all()


def test_an_image_with_a_few_peaks_gets_the_best_of_the_lower_ones(extract):
    """Structure from motion needs keypoints on dull photos too."""
    image = textured_image(200, 160)
    high = extract(image, threshold=0.2, min_keypoints=0)
    filled = extract(image, threshold=0.2, min_keypoints=150)

    assert len(high) < 100
    assert len(filled) == 150
    assert (np.diff(filled.scores) <= 0).all()


def test_colours_of_one_grey_are_blank(extract):
    """The network sees grey: red and green stripes of one brightness are nothing to it."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, ::2, 0], pixels[:, 1::2, 1] = 90, 90

    assert len(extract(Image("stripes.png", pixels))) == 0


def test_the_number_of_threads_does_not_change_the_result(extract):
    before = torch.get_num_threads()
    one, two = (extract(textured_image(200, 160), threads=threads) for threads in (1, 2))

    assert np.array_equal(one.keypoints, two.keypoints)
    assert np.array_equal(one.descriptors, two.descriptors)
    assert torch.get_num_threads() == before, "an extractor left its number of threads behind"


def test_bfloat16_leaves_the_keypoints_where_they_are(extract):
    """The keypoint head stays in float32: only the order by reliability may change a little."""
    image = textured_image(256, 192)
    exactly, roughly = (extract(image, precision=precision) for precision in ("fp32", "bf16"))

    places = {tuple(place) for place in exactly.keypoints}
    common = sum(tuple(place) in places for place in roughly.keypoints)
    assert common >= 0.97 * len(roughly)


def test_a_photo_whose_sides_are_no_multiples_of_32_is_kept_at_its_scale(extract):
    """What is added lies at the right and the bottom: keypoints far from there stay."""
    image = textured_image(256, 256)
    cut = Image(image.name, np.ascontiguousarray(image.pixels[:250, :230]))
    whole, less = (extract(each, max_keypoints=9999, min_keypoints=9999) for each in (image, cut))

    inner = whole.keypoints[(whole.keypoints < 180).all(axis=1)]
    distances = np.linalg.norm(inner[:, None] - less.keypoints[None], axis=2).min(axis=1)
    assert len(inner) > 100
    assert np.median(distances) < 0.1


def test_keypoints_reach_the_last_row_and_column(extract):
    """Upstream loses them: it reads their score beyond the border."""
    image = textured_image(256, 192)
    last = np.array([255, 191])

    assert not (extract(image, exact=True).keypoints > last).any()
    assert (extract(image, subpixel=False, max_keypoints=9999, threshold=0.001).keypoints > last).any()


def written(path, content):
    path.write_bytes(content)
    return path


def saved(path, content):
    torch.save(content, path)
    return path


def damaged_by(change):
    def make(folder):
        state = random_network().state_dict()
        change(state)
        return saved(folder / "xfeat.pt", state)

    return make


def cut_short(folder):
    buffer = io.BytesIO()
    torch.save(random_network().state_dict(), buffer)
    return written(folder / "xfeat.pt", buffer.getvalue()[: buffer.tell() // 2])


def empty_archive(folder):
    with zipfile.ZipFile(folder / "xfeat.pt", "w"):
        return folder / "xfeat.pt"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (cut_short, "damaged"),
        (empty_archive, "damaged"),
        (lambda folder: written(folder / "xfeat.pt", b""), "damaged"),
        (lambda folder: written(folder / "xfeat.pt", b"<!DOCTYPE html><html></html>"), "damaged"),
        (lambda folder: saved(folder / "xfeat.pt", {"a": 1}), "'a' is no tensor"),
        (lambda folder: saved(folder / "xfeat.pt", [torch.zeros(3)]), "no tensors by name"),
        (lambda folder: saved(folder / "xfeat.pt", {}), "no tensors by name"),
        (lambda folder: saved(folder / "xfeat.pt", {"conv1.weight": torch.zeros(3)}), "skip1.1.weight is missing"),
        (damaged_by(lambda state: state.pop("block3.1.layer.0.weight")), "block3.1.layer.0.weight is missing"),
        (damaged_by(lambda state: state.update({"block9.weight": torch.zeros(1)})), "no tensor block9.weight"),
        (damaged_by(lambda state: state.update({"skip1.1.bias": torch.zeros(23)})), "skip1.1.bias has the shape (23,)"),
        (
            damaged_by(lambda state: state["keypoint_head.3.bias"].fill_(float("nan"))),
            "keypoint_head.3.bias has values that are not finite",
        ),
        (
            damaged_by(lambda state: state.update({"skip1.1.bias": torch.zeros(24, dtype=torch.int32)})),
            "skip1.1.bias has numbers of another kind",
        ),
    ],
)
def test_a_file_without_our_weights_is_refused_by_what_is_wrong(tmp_path, make, named):
    path = make(tmp_path)
    with pytest.raises(ReconError) as caught:
        load_network(path)

    assert caught.value.code == Cause.BAD_WEIGHTS
    assert caught.value.file == str(path)
    assert "recon weights get xfeat" in (caught.value.try_ or "")
    assert named in caught.value.message


class _Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_weight_file_is_not_run(tmp_path, save):
    save({"skip1.1.weight": _Code(tmp_path / "ran")}, tmp_path / "xfeat.pt")
    with pytest.raises(ReconError) as caught:
        load_network(tmp_path / "xfeat.pt")

    assert caught.value.code == Cause.BAD_WEIGHTS
    assert not (tmp_path / "ran").exists()


def test_bytes_at_random_are_refused(tmp_path):
    """Whatever a reader of pickles raises at them."""
    random = np.random.default_rng(0)
    for _ in range(60):
        start = random.choice([b"", b"\x80\x02", b"\x80\x04", b"PK\x03\x04"])
        path = written(tmp_path / "xfeat.pt", start + random.bytes(int(random.integers(1, 200))))
        with pytest.raises(ReconError) as caught:
            load_network(path)
        assert caught.value.code == Cause.BAD_WEIGHTS


def test_blank_and_tiny_images_raise_nothing_in_any_mode(extract):
    for options in ({}, {"exact": True}, {"grids": 16}, {"fit": "resize"}):
        for size in ((1, 1), (31, 2), (33, 65)):
            image = textured_image(*size)
            check_features(extract(image, **options), image)
        assert len(extract(blank_image(77), **options)) == 0


def test_winograds_convolutions_give_what_direct_ones_do():
    """As far as float32 tells, layer after layer."""
    direct, fast = (dense_features(chain) for chain in (None, winograd.fast_chain))

    assert torch.equal(direct, fast) != winograd.is_at_hand()
    assert (direct - fast).abs().max() < 1e-4 * direct.abs().max()


def test_a_torch_without_nnpack_convolves_directly(monkeypatch):
    monkeypatch.setattr(winograd, "is_at_hand", lambda: False)

    assert torch.equal(dense_features(None), dense_features(winograd.fast_chain))


def dense_features(chain):
    grey = torch.from_numpy(np.random.default_rng(0).standard_normal((96, 128)).astype(np.float32))
    with torch.inference_mode():
        return FoldedNetwork(random_network(), torch.device("cpu"), torch.float32, chain).features(grey)[0]


@pytest.mark.parametrize("grids", [4, 8, 16])
def test_the_mean_near_pixels_is_the_mean_of_all_grids_there(grids):
    random = np.random.default_rng(0)
    heat = MeanHeatMap(torch.from_numpy(random.standard_normal((160, 224)).astype(np.float32)), some_head, grids)
    columns, rows = random.integers(0, 224, 12), random.integers(0, 160, 12)
    columns[:4], rows[:4] = (0, 223, 0, 223), (0, 0, 159, 159)
    whole, near = heat.mean(), heat.mean_near(columns, rows)

    for down, across in np.ndindex(3, 3):
        places = np.clip(rows + down - 1, 0, 159), np.clip(columns + across - 1, 0, 223)
        torch.testing.assert_close(near[places], whole[places])
    assert (near < 0.99 * whole).float().mean() > 0.2, "it has looked at every cell"
    torch.testing.assert_close(heat.mean(), whole)


def test_the_mean_of_equal_maps_is_that_map():
    """The windows add up to 1 everywhere, up to the border."""
    heat = MeanHeatMap(torch.zeros(96, 64), lambda cells: torch.zeros(len(cells), 65), 8)

    for mean in (heat.first_mean(), heat.mean()):
        torch.testing.assert_close(mean, torch.full((96, 64), 1 / 65))


def some_head(cells):
    """Return logits of cells that depend on every pixel."""
    weights = torch.randn(64, 65, generator=torch.Generator().manual_seed(1))
    return cells @ weights
