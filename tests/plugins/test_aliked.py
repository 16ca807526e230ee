"""ALIKED: the contract with the published weights, where its keypoints lie, and weights that do not fit refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recon_plugins.aliked import AlikedExtractor, AlikedOptions, recon_feature_extractors
from recon_plugins.nearest import NearestMatcher, NearestOptions

import recon
import recon.testing
from recon.evaluation.pairs import ImagePair, read_views, score_pair
from recon.matching.images import load_image
from recon.matching.listing import list_images

torch = pytest.importorskip("torch")
pytest.importorskip("kornia")

from recon_plugins.aliked import new_model  # noqa: E402

SPECS = {spec.name: spec for spec in recon_feature_extractors()}


def folder_of(variable: str) -> Path:
    if not os.environ.get(variable):
        pytest.fail(f"{variable} is not set, and RECON_DATA is")
    return Path(os.environ[variable])


def create(folder: Path, name: str = "aliked", **options: Any) -> AlikedExtractor:
    spec = SPECS[name]
    extractor = spec.create(AlikedOptions(**options), recon.RunContext(weights=lambda file: folder / file))
    assert isinstance(extractor, AlikedExtractor)
    return extractor


class LearnedPlacesContract(recon.testing.FeatureExtractorContract):
    """What the network takes for a keypoint lies beside a corner or a dot, but always at the same side."""

    def test_marks_are_found_where_they_are(self) -> None:
        """In its place: a photo moved by a known fraction of a pixel moves the keypoints by as much."""
        moves = {0: (0, 0), 1: (2, 0), 2: (0, 2), 3: (4, 8)}
        large = recon.testing.textured_image(4 * 260, 4 * 200).pixels.astype(np.float64)
        found = {}
        for number, (right, down) in moves.items():
            part = large[4 + down : 4 + down + 4 * 192, 4 + right : 4 + right + 4 * 256]
            pixels = part.reshape(192, 4, 256, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)
            found[number] = self.create().extract(recon.Image(f"{number}.png", pixels)).keypoints
        offsets = {
            number: nearest_offsets(found[number], found[0] - np.array(moves[number]) / 4) for number in (1, 2, 3)
        }

        for number, offset in offsets.items():
            assert len(offset) > 0.8 * len(found[0]), (
                f"only {len(offset)} keypoints again after a move of {moves[number]}"
            )
            assert np.abs(np.median(offset, axis=0)).max() < 0.05
            assert np.median(np.linalg.norm(offset, axis=1)) < (
                0.1 if number == 3 else 0.3
            )  # whole pixels, or half ones


def nearest_offsets(points: Any, places: Any) -> Any:
    offsets = points[None] - places[:, None]
    nearest = offsets[np.arange(len(places)), np.linalg.norm(offsets, axis=2).argmin(axis=1)]
    return nearest[np.linalg.norm(nearest, axis=1) < 1]


@pytest.mark.weights
class TestAliked(LearnedPlacesContract):
    spec = SPECS["aliked"]


@pytest.mark.slow
@pytest.mark.weights
class TestAlikedT16(LearnedPlacesContract):
    spec = SPECS["aliked-t16"]


@pytest.mark.photos
@pytest.mark.weights
def test_photos_with_known_poses_are_matched_rightly() -> None:
    """Nine of ten matches of two neighbours agree with the true epipolar geometry."""
    folder = folder_of("RECON_DATA") / "lund_door"
    views = {name: view.resized(640) for name, view in read_views(folder / "gt.json").items()}
    files = [file for file in list_images(folder / "images").images if file.name in views][:3:2]
    extractor = create(folder_of("RECON_WEIGHTS"))
    features1, features2 = (extractor.extract(load_image(file, 640)) for file in files)
    rows1, rows2 = NearestMatcher(NearestOptions(ratio=0.95)).match(features1, features2).indices.T
    positions = recon.PairPositions(
        features1.keypoints[rows1], features2.keypoints[rows2], np.ones(len(rows1), np.float32)
    )
    score = score_pair(ImagePair(files[0].name, files[1].name), positions, views)

    assert score.matches > 250
    assert score.precision > 0.9
    assert score.pose_error_deg < 1


# ---- without the published weights


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with seeded random weights in place of the published ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name in ("aliked-n16", "aliked-t16"):
        tensors = new_model(name, AlikedOptions()).state_dict()
        del tensors["dkd.hw_grid"]  # as in the published files
        torch.save(tensors, folder / f"{name}.pth")
    return folder


def with_score_peak(extractor: AlikedExtractor, x: float, y: float) -> AlikedExtractor:
    """Return the extractor with a score map of one peak, at a place whose origin is the corner of the first pixel."""
    real = extractor._model.extract_dense_map

    def faked(pixels: Any) -> tuple[Any, Any]:
        described, scores = real(pixels)
        rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in scores.shape[2:]), indexing="ij")
        peak = 0.9 * torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)
        return described, peak[None, None].to(scores)

    extractor._model.extract_dense_map = faked
    return extractor


@pytest.mark.parametrize(("x", "y"), [(50.5, 40.5), (50.2, 40.8), (97.4, 11.6)])
def test_a_peak_of_the_score_is_a_keypoint_in_colmaps_origin(x: float, y: float, random_weights: Path) -> None:
    """Also in a photo whose sides are no multiple of what the network needs."""
    extractor = with_score_peak(create(random_weights), x, y)
    features = extractor.extract(recon.testing.textured_image(131, 77))

    assert len(features) == 1
    # The centre of mass of 5x5 pixels leans towards their middle.
    assert np.abs(features.keypoints[0] - (x, y)).max() < 0.15
    if x % 1 == 0.5:
        assert np.abs(features.keypoints[0] - (x, y)).max() < 1e-3


def test_masked_pixels_have_no_keypoints(random_weights: Path) -> None:
    image = recon.testing.textured_image(128, 96)
    mask = np.zeros((96, 128), np.uint8)
    mask[:, 64:] = 255
    extractor = create(random_weights, detection_threshold=0.0)
    seen = extractor.extract(recon.Image(image.name, image.pixels, mask))

    assert len(extractor.extract(image)) > len(seen) > 0
    assert seen.keypoints[:, 0].min() > 62


def test_listing_the_extractors_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    script = "import sys, recon_plugins.aliked as a; a.recon_feature_extractors(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {name: each for name, each in tensors.items() if name != "conv1.weight"},
        lambda tensors: {**tensors, "conv1.weight": torch.zeros(1, 2, 3, 4)},
        lambda tensors: {**tensors, "surplus": torch.zeros(1)},
    ],
)
def test_weights_that_do_not_fit_are_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], random_weights: Path, tmp_path: Path
) -> None:
    torch.save(change(torch.load(random_weights / "aliked-n16.pth", weights_only=True)), tmp_path / "aliked-n16.pth")

    with pytest.raises(recon.ReconError) as caught:
        create(tmp_path)
    assert caught.value.code == recon.Cause.BAD_WEIGHTS
    assert caught.value.file == str(tmp_path / "aliked-n16.pth")


def test_the_weights_of_the_other_size_are_refused(random_weights: Path, tmp_path: Path) -> None:
    (tmp_path / "aliked-n16.pth").write_bytes((random_weights / "aliked-t16.pth").read_bytes())

    with pytest.raises(recon.ReconError, match="shape"):
        create(tmp_path)


@pytest.mark.parametrize("options", [{"max_keypoints": 0}, {"detection_threshold": 1}, {"nms_radius": 0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        AlikedOptions(**options)
