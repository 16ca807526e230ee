"""DISK: never measured, for want of its weights; loading, shapes and arithmetic are tested with seeded random ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recon_plugins.disk import WEIGHTS, DiskExtractor, DiskOptions, recon_feature_extractors

import recon
import recon.testing

torch = pytest.importorskip("torch")
pytest.importorskip("kornia")

from recon_plugins.disk import new_model  # noqa: E402

(SPEC,) = recon_feature_extractors()


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file as the authors' training program writes it, of seeded random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / WEIGHTS.name
    torch.save({"extractor": new_model().state_dict(), "epoch": 3}, path)
    return path


def create(path: Path, **options: Any) -> DiskExtractor:
    extractor = SPEC.create(DiskOptions(**options), recon.RunContext(weights=lambda name: path))
    assert isinstance(extractor, DiskExtractor)
    return extractor


@pytest.mark.slow
class TestContractWithRandomWeights(recon.testing.FeatureExtractorContract):
    spec = SPEC
    path: Path

    @pytest.fixture(autouse=True)
    def _weights(self, random_weights: Path) -> None:
        type(self).path = random_weights

    def find_weights(self, name: str) -> Path:
        return self.path

    def test_marks_are_found_where_they_are(self) -> None:
        """In its place, since a random network sees no marks: peaks of a heat map are keypoints in COLMAP's origin."""
        extractor = self.create()
        real = extractor._model.heatmap_and_dense_descriptors

        def faked(pixels: Any) -> tuple[Any, Any]:
            heatmap, dense = real(pixels)
            heatmap = torch.full_like(heatmap, -1)
            heatmap[0, 0, 40, 71] = heatmap[0, 0, 3, 0] = 1
            heatmap[0, 0, 41, 72] = 0.5  # beside a higher one
            return heatmap, dense

        extractor._model.heatmap_and_dense_descriptors = faked
        keypoints = extractor.extract(recon.testing.textured_image(101, 67)).keypoints

        assert keypoints.tolist() == [[0.5, 3.5], [71.5, 40.5]]


def test_the_descriptor_is_kornias(random_weights: Path) -> None:
    """In a photo that needs no filling up, kornia's own pass finds the same."""
    image = recon.testing.textured_image(160, 96)
    extractor = create(random_weights)
    with torch.inference_mode():
        (wanted,) = extractor._model(torch.from_numpy(image.pixels.transpose(2, 0, 1)[None] / np.float32(255)))
    features = extractor.extract(image)
    ours = {tuple(place): row for row, place in enumerate((features.keypoints - 0.5).astype(int).tolist())}
    rows = [ours[tuple(place)] for place in wanted.keypoints.int().tolist()]

    assert len(rows) > 50
    assert np.allclose(features.descriptors[rows], wanted.descriptors.numpy(), atol=1e-5)
    assert np.allclose(features.scores[rows], wanted.detection_scores.numpy(), atol=1e-5)


def test_masked_pixels_have_no_keypoints(random_weights: Path) -> None:
    image = recon.testing.textured_image(128, 96)
    mask = np.zeros((96, 128), np.uint8)
    mask[:, 64:] = 255
    seen = create(random_weights).extract(recon.Image(image.name, image.pixels, mask))

    assert len(seen) > 0
    assert seen.keypoints[:, 0].min() > 64


def test_a_plain_part_of_a_photo_has_no_keypoints(random_weights: Path) -> None:
    """In a burnt-out sky the network answers to the border of the photo."""
    pixels = recon.testing.textured_image(160, 128).pixels.copy()
    pixels[:64] = 255
    features = create(random_weights).extract(recon.Image("sky.png", pixels))

    assert len(features) > 0
    assert features.keypoints[:, 1].min() > 64 - 17


@pytest.mark.parametrize(
    "content",
    [
        lambda: {"extractor": {"unet.weight": torch.zeros(3)}},
        lambda: {"extractor": {}},
        lambda: [1, 2],
    ],
)
def test_foreign_weights_are_refused(content: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS.name
    torch.save(content(), path)

    with pytest.raises(recon.ReconError) as caught:
        create(path)
    assert caught.value.code == recon.Cause.BAD_WEIGHTS
    assert caught.value.file == str(path)


@pytest.mark.parametrize("options", [{"max_keypoints": 0}, {"window_px": 4}, {"detection_threshold": float("nan")}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        DiskOptions(**options)
