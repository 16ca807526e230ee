"""LoFTR with weights drawn by chance: what is read, what is refused, and where positions lie."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from recon_plugins.loftr import LoftrOptions, recon_image_matchers

import recon
import recon.testing

torch = pytest.importorskip("torch")

(SPEC,) = recon_image_matchers()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of the network's tensors as kornia's published checkpoints hold them, of random numbers."""
    from kornia.feature import LoFTR

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "loftr.ckpt"
    torch.save({"state_dict": LoFTR(pretrained=None).state_dict()}, path)
    return path


def create(weights: Path | None, **options) -> recon.ImageMatcher:
    return SPEC.create(LoftrOptions(weights=weights, **options), recon.RunContext())


class TestContract(recon.testing.ImageMatcherContract):
    """Random weights match hardly anything with confidence, but an image with itself."""

    spec = SPEC

    @pytest.fixture(autouse=True)
    def _use(self, weights: Path) -> None:
        type(self).options = {"weights": weights, "min_confidence": 0.0, "max_size": 128}

    def test_an_image_is_matched_to_itself(self) -> None:
        """Only to the cell: what random weights say of places within it means nothing."""
        image = recon.testing.textured_image(128, 96)
        found = self.create().match_images(image, image)

        assert len(found.xy1) > 0
        assert np.median(np.abs(found.xy1 - found.xy2)) <= 4


def test_without_weights_it_says_what_to_give() -> None:
    with pytest.raises(recon.ReconError) as caught:
        create(None)

    assert caught.value.code is recon.Cause.MISSING_WEIGHTS
    assert "--set loftr.weights=FILE" in (caught.value.try_ or "")


def test_weights_that_are_not_there_are_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(recon.UsageError, match="do not exist"):
        create(tmp_path / "gone.ckpt")


@pytest.mark.parametrize("content", [b"", b"no tensors", b"PK\x03\x04 half a zip"])
def test_a_file_of_something_else_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.ckpt"
    path.write_bytes(content)
    with pytest.raises(recon.ReconError) as caught:
        create(path)

    assert caught.value.code is recon.Cause.BAD_WEIGHTS
    assert caught.value.file == str(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    torch.save({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}}, path)
    with pytest.raises(recon.ReconError, match="no weights of loftr"):
        create(path)


def test_the_authors_own_names_are_read_too(weights: Path, tmp_path: Path) -> None:
    """Their checkpoints carry `matcher.` before every name."""
    tensors = torch.load(weights, weights_only=True)["state_dict"]
    path = tmp_path / "prefixed.ckpt"
    torch.save({"state_dict": {f"matcher.{name}": tensor for name, tensor in tensors.items()}}, path)
    image = recon.testing.textured_image(128, 96)
    expected = create(weights, min_confidence=0.0).match_images(image, image)

    assert np.array_equal(create(path, min_confidence=0.0).match_images(image, image).xy1, expected.xy1)


def test_a_large_photo_is_seen_small_and_positions_are_in_its_own_pixels(weights: Path) -> None:
    """Cells are 8 pixels of what the network sees: 16 of a photo twice as large."""
    image = recon.testing.textured_image(320, 240)
    found = create(weights, min_confidence=0.0, max_size=160).match_images(image, image)

    assert len(found.xy1) > 0
    assert np.abs(found.xy1 / 16 - np.round(found.xy1 / 16)).max() < 1e-3
    assert found.xy1.max() > 160


def test_at_most_max_matches_are_kept_the_best_first(weights: Path) -> None:
    image = recon.testing.textured_image(128, 96)
    every = create(weights, min_confidence=0.0).match_images(image, image)
    few = create(weights, min_confidence=0.0, max_matches=10).match_images(image, image)

    assert len(few.xy1) == 10 < len(every.xy1)
    assert np.array_equal(few.scores, np.sort(every.scores)[::-1][:10])


@pytest.mark.parametrize("options", [{"max_size": 8}, {"min_confidence": 1.0}, {"max_matches": 0}])
def test_options_out_of_range_are_refused(options) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        LoftrOptions(**options)


def test_a_run_matches_with_it_and_keeps_the_digest_of_its_weights(
    weights: Path, six_photos: Path, tmp_path: Path, run_cli
) -> None:
    """The same way as `xfeat-star`; what random weights match is nothing, so that the run ends before the model."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted(six_photos.iterdir())[:3]:
        shutil.copy(path, photos)
    options = ("--matcher", "loftr", "--set", f"loftr.weights={weights}", "--set", "loftr.max_size=128")
    status, summary = run_cli(
        tmp_path / "out", *options, "--set", "loftr.min_confidence=0", photos=photos, command="match"
    )
    manifest = json.loads((tmp_path / "out" / "recon.json").read_text())

    assert status == 0, summary
    assert manifest["stages"]["match"]["facts"]["pairs"] == 3
    assert manifest["weights"] == {"loftr.weights": hashlib.sha256(weights.read_bytes()).hexdigest()}
