"""LightGlue: the reference reproduced, kornia's own pass reproduced, and weights that do not fit refused.

Without weights at hand, the contract and the arithmetic are tested with seeded random ones. Those for aliked, disk and
sift were never at hand: their files' names and shapes are, as published.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recon_plugins.lightglue import LIGHTERGLUE, recon_feature_matchers
from recon_plugins.lightglue.options import LightGlueOptions

import recon
import recon.testing

torch = pytest.importorskip("torch")
pytest.importorskip("kornia")

from recon_plugins.lightglue.matcher import LightGlueMatcher, create_matcher  # noqa: E402
from recon_plugins.lightglue.network import LightGlueNetwork, Stops  # noqa: E402
from recon_plugins.lightglue.weights import LoadedModel, Shape, load_model, new_model  # noqa: E402

SPECS = {spec.name: spec for spec in recon_feature_matchers()}
SMALL = Shape(input_length=64, width=96, heads=1, layers=3, place_length=2)
SIFT = Shape(input_length=128, width=128, heads=4, layers=2, place_length=4)
EXACT: dict[str, Any] = {"precision": "fp32"}


def random_model(shape: Shape = SMALL, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    model = new_model(shape)
    for head in model.log_assignment:  # else no pair is likely, and the nearest is not the most alike
        torch.nn.init.eye_(head.final_proj.weight)
        head.final_proj.weight.data *= 10
        torch.nn.init.constant_(head.matchability.bias, 4.0)
    return model


@pytest.fixture(scope="module")
def write_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes random weights, in the names of the published files."""

    def write(
        shape: Shape = SMALL, change: Callable[[dict[str, Any]], dict[str, Any]] = lambda tensors: tensors
    ) -> Path:
        path = tmp_path_factory.mktemp("weights") / LIGHTERGLUE.name
        torch.save(change(published_names(random_model(shape).state_dict())), path)
        return path

    return write


def published_names(tensors: dict[str, Any]) -> dict[str, Any]:
    named = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] == "transformers":
            name = ".".join([parts[2], parts[1], *parts[3:]])
        if name != "confidence_thresholds":
            named[name] = tensor
    return named


def create(path: Path, **options: Any) -> LightGlueMatcher:
    context = recon.RunContext(weights=lambda name: path)
    return create_matcher("lightglue", LIGHTERGLUE.name, LightGlueOptions(**options), context)


class TestContractWithRandomWeights(recon.testing.FeatureMatcherContract):
    spec = SPECS["lightglue"]
    options = EXACT
    descriptor_length = 64
    path: Path

    @pytest.fixture(autouse=True)
    def _weights(self, write_weights: Callable[..., Path]) -> None:
        type(self).path = write_weights()

    def find_weights(self, name: str) -> Path:
        return self.path


class TestContractForSiftWithRandomWeights(TestContractWithRandomWeights):
    spec = SPECS["lightglue-sift"]
    descriptor_length = 128

    @pytest.fixture(autouse=True)
    def _weights(self, write_weights: Callable[..., Path]) -> None:
        type(self).path = write_weights(SIFT)


def test_listing_the_matchers_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    script = "import sys, recon_plugins.lightglue as l; l.recon_feature_matchers(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def tensors_of(features: recon.Features) -> tuple[Any, Any]:
    size = np.array(features.image_size, np.float32)
    places = (features.keypoints - size / 2) / (size.max() / 2)
    return torch.from_numpy(places), torch.from_numpy(features.descriptors.copy())


@pytest.mark.parametrize(
    ("stops", "kornias"),
    [
        (Stops(), {"depth_confidence": -1, "width_confidence": -1}),
        (Stops(width_confidence=0.5), {"depth_confidence": -1, "width_confidence": 0.5}),
        (Stops(0.3, 0.5), {"depth_confidence": 0.3, "width_confidence": 0.5}),
    ],
)
def test_matches_are_those_of_kornias_own_pass(stops: Stops, kornias: dict[str, float]) -> None:
    """Fused attention and scores made in blocks change the order of sums, nothing else."""
    features1, features2 = noisy_copies(700)
    model = random_model()
    vars(model.conf).update(kornias, filter_threshold=0.01)
    with torch.inference_mode():
        wanted = model({f"image{side}": kornia_input(each) for side, each in enumerate((features1, features2))})
    network = LightGlueNetwork(model, SMALL.layers, dtype=torch.float32, stops=stops)
    pairs, scores = network.match(*(network.tokens(*tensors_of(each)) for each in (features1, features2)), 0.01)

    assert len(pairs) > 50
    assert set(map(tuple, pairs.tolist())) == set(map(tuple, wanted["matches"][0].tolist()))
    assert np.allclose(scores.numpy(), wanted["scores"][0].numpy(), atol=1e-4)


def noisy_copies(count: int) -> tuple[recon.Features, recon.Features]:
    """Return two photos of which the second shows the first's points again, a little changed and in another order."""
    features1 = recon.testing.random_features(count, length=64)
    random = np.random.default_rng(1)
    order = random.permutation(count)
    descriptors = features1.descriptors[order] + 0.05 * random.standard_normal((count, 64)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    return features1, recon.Features(features1.keypoints[order], descriptors, features1.image_size)


def kornia_input(features: recon.Features) -> dict[str, Any]:
    return {
        "keypoints": torch.from_numpy(features.keypoints.copy())[None],
        "descriptors": torch.from_numpy(features.descriptors.copy())[None],
        "image_size": torch.tensor([features.image_size]),
    }


def test_equal_keypoints_are_matched_once() -> None:
    """Two photos of identical points: each may have one partner, whatever the tie."""
    one = recon.testing.random_features(1, length=64)
    same = recon.Features(np.repeat(one.keypoints, 9, 0), np.repeat(one.descriptors, 9, 0), one.image_size)
    model = LoadedModel(random_model(), SMALL, frozenset({3}), can_skip=True)
    matches = LightGlueMatcher(model, LightGlueOptions(filter_threshold=0.0, **EXACT), "cpu").match(same, same)

    recon.testing.check_matches(matches, same, same)


def test_only_the_best_keypoints_are_looked_at_where_they_are_limited(write_weights: Callable[..., Path]) -> None:
    features1, features2 = (recon.testing.random_features(300, length=64, seed=0) for _ in range(2))
    matches = create(write_weights(), max_keypoints=100, **EXACT).match(features1, features2)
    best = np.argsort(-features1.scores)[:100]

    assert 50 < len(matches) <= 100
    assert set(matches.indices[:, 0]) <= set(best)


def test_bfloat16_gives_nearly_the_same(write_weights: Callable[..., Path]) -> None:
    features1, features2 = noisy_copies(400)
    path = write_weights()
    exact, rounded = (
        {tuple(row) for row in create(path, precision=name).match(features1, features2).indices.tolist()}
        for name in ("fp32", "bf16")
    )

    assert len(exact & rounded) > 0.8 * max(len(exact), len(rounded)) > 0


# ---- what a weight file may lack, and what not


def without(*beginnings: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda tensors: {name: each for name, each in tensors.items() if not name.startswith(beginnings)}


def test_the_official_names_fit_too(write_weights: Callable[..., Path]) -> None:
    """The official LighterGlue file has a prefix, and the extractor beside the matcher; DISK's has an unused number."""
    plain = load_model(write_weights(), "lightglue").model.state_dict()
    official = load_model(
        write_weights(
            change=lambda tensors: {
                **{f"matcher.{name}": tensor for name, tensor in tensors.items()},
                "extractor.model.net.block1.0.layer.0.weight": torch.zeros(4, 1, 3, 3),
                "matcher.log_assignment.0.r": torch.zeros(()),
            }
        ),
        "lightglue",
    ).model.state_dict()

    assert plain.keys() == official.keys()
    assert all(torch.equal(plain[name], official[name]) for name in plain)


@pytest.mark.parametrize("option", ["depth_confidence", "width_confidence"])
def test_leaving_out_points_is_refused_without_the_heads_for_it(
    option: str, write_weights: Callable[..., Path]
) -> None:
    """Heads of random numbers would leave out what matters."""
    path = write_weights(change=without("token_confidence", "log_assignment.0"))
    create(path)

    with pytest.raises(recon.UsageError, match="lacks") as caught:
        create(path, **{option: 0.95})
    assert caught.value.file == str(path)
    assert option in (caught.value.try_ or "")


@pytest.mark.parametrize(("layers", "told"), [(2, "3"), (4, "3")])
def test_a_layer_without_what_makes_matches_is_refused(
    layers: int, told: str, write_weights: Callable[..., Path]
) -> None:
    path = write_weights(change=without("log_assignment.0", "log_assignment.1"))

    with pytest.raises(recon.UsageError, match=f"after {layers} layers") as caught:
        create(path, layers=layers)
    assert told in (caught.value.try_ or "")


@pytest.mark.parametrize(
    "change",
    [
        without("posenc"),
        without("self_attn.1.Wqkv"),
        without("cross_attn"),
        lambda tensors: {**tensors, "posenc.Wr.weight": torch.zeros(48, 3)},
        lambda tensors: {**tensors, "input_proj.weight": torch.zeros(95, 64)},
        lambda tensors: {**tensors, "surplus": torch.zeros(1)},
        lambda tensors: {**tensors, "posenc.Wr.weight": torch.full((48, 2), torch.nan)},
        lambda tensors: {"block1.0.layer.0.weight": torch.zeros(4, 1, 3, 3)},
    ],
)
def test_foreign_weights_are_refused(change: Any, write_weights: Callable[..., Path]) -> None:
    path = write_weights(change=change)

    with pytest.raises(recon.ReconError) as caught:
        create(path)
    assert caught.value.code == recon.Cause.BAD_WEIGHTS
    assert caught.value.file == str(path)
    assert caught.value.try_


def test_a_truncated_file_is_refused(write_weights: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "cut.pt"
    path.write_bytes(write_weights().read_bytes()[:5000])

    with pytest.raises(recon.ReconError) as caught:
        create(path)
    assert caught.value.code == recon.Cause.BAD_WEIGHTS


@pytest.mark.parametrize("shape", [SMALL, SIFT])
def test_features_of_another_extractor_are_refused(shape: Shape, write_weights: Callable[..., Path]) -> None:
    """DISK and ALIKED have as many numbers as SIFT, but no orientation."""
    features = recon.testing.random_features(20, length=128)
    bare = recon.Features(features.keypoints, features.descriptors, features.image_size)

    with pytest.raises(recon.UsageError, match="128 numbers") as caught:
        create(write_weights(shape)).match(bare, bare)
    assert "lightglue-aliked" in (caught.value.try_ or "")


@pytest.mark.parametrize(("extractor", "num_notes"), [("aliked-t16", 1), ("xfeat", 0), (None, 0)])
def test_features_that_fit_by_chance_are_told(
    extractor: str | None, num_notes: int, write_weights: Callable[..., Path]
) -> None:
    """ALIKED-t16 has descriptors as long as XFeat's: LightGlue would find little, and nobody would know why."""
    path, notes = write_weights(), []
    context = recon.RunContext(weights=lambda name: path, note=notes.append, extractor=extractor)
    SPECS["lightglue"].create(LightGlueOptions(), context)

    assert len(notes) == num_notes


@pytest.mark.parametrize(
    "options",
    [{"layers": 0}, {"max_keypoints": 0}, {"filter_threshold": -0.1}, {"filter_threshold": 1}, {"width_confidence": 2}],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        LightGlueOptions(**options)


# ---- the real weights


def folder_of(variable: str) -> Path:
    if not os.environ.get(variable):
        pytest.fail(f"{variable} is not set, and RECON_DATA is")
    return Path(os.environ[variable])


def reference_features(name: str, count: int) -> recon.Features:
    """Return upstream's features, whose origin is the centre of the first pixel."""
    kept = np.load(folder_of("RECON_REFERENCE") / f"{name}_sparse.npz")
    descriptors = kept["descriptors"][:count].astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    return recon.Features(kept["keypoints"][:count] + np.float32(0.5), descriptors, (1024, 683))


@pytest.mark.weights
@pytest.mark.reference
@pytest.mark.parametrize(
    ("layers", "count", "suffix"),
    [
        (6, 512, "_first512"),
        (3, 512, "_first512"),
        pytest.param(6, 4096, "", marks=pytest.mark.slow),
        pytest.param(3, 4096, "", marks=pytest.mark.slow),
    ],
)
def test_upstreams_matches_are_reproduced(layers: int, count: int, suffix: str) -> None:
    """The same pairs; scores as near as descriptors that were kept in 16 bits allow."""
    kept = np.load(folder_of("RECON_REFERENCE") / "fountain_pair_matches.npz")
    name = f"lighterglue{layers}{suffix}"
    wanted = dict(zip(map(tuple, kept[f"{name}_index"].tolist()), kept[f"{name}_score"], strict=True))
    matcher = create(folder_of("RECON_WEIGHTS") / LIGHTERGLUE.name, layers=layers, **EXACT)
    matches = matcher.match(*(reference_features(side, count) for side in ("fountain_a", "fountain_b")))
    found = dict(zip(map(tuple, matches.indices.tolist()), matches.scores, strict=True))

    assert found.keys() == wanted.keys()
    assert max(abs(found[pair] - wanted[pair]) for pair in wanted) < 0.005


@pytest.mark.weights
def test_the_weights_at_hand_lack_the_heads_for_leaving_out() -> None:
    with pytest.raises(recon.UsageError, match="lacks"):
        create(folder_of("RECON_WEIGHTS") / LIGHTERGLUE.name, width_confidence=0.95)
