"""What is kept of the features is what a run works with, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.core.data import Features
from recon.core.errors import Cause, ReconError
from recon.workspace.features import FeatureStore


def make_features(num: int = 50, seed: int = 0, with_all: bool = True) -> Features:
    generator = np.random.default_rng(seed)
    descriptors = generator.normal(size=(num, 16)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    values = generator.uniform(1, 9, num).astype(np.float32)
    extra = {"scores": values, "scales_px": values, "orientations_rad": values} if with_all else {}
    positions = generator.uniform(0, 4000, (num, 2)).astype(np.float32)
    return Features(positions, descriptors, (4000, 3000), **extra)


def assert_same(one: Features, other: Features) -> None:
    for name in ("keypoints", "descriptors", "scores", "scales_px", "orientations_rad"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_array_equal(a, b)
    assert one.image_size == other.image_size


@pytest.mark.parametrize("with_all", [True, False])
@pytest.mark.parametrize("num", [0, 1, 50])
def test_a_reload_gives_bit_for_bit_what_the_first_run_used(num: int, with_all: bool, tmp_path: Path) -> None:
    """Else a resumed run would end with another model than one that was not interrupted."""
    features = make_features(num, with_all=with_all)

    used = FeatureStore(tmp_path).save("ab12", features, np.zeros((num, 3), np.uint8))

    assert_same(FeatureStore(tmp_path).load("ab12"), used)
    np.testing.assert_array_equal(used.keypoints, features.keypoints)
    np.testing.assert_allclose(used.descriptors, features.descriptors, atol=1e-3)


def test_colours_and_counts_come_back(tmp_path: Path) -> None:
    colours = np.arange(150, dtype=np.uint8).reshape(50, 3)
    FeatureStore(tmp_path).save("ab12", make_features(), colours)

    again = FeatureStore(tmp_path)

    np.testing.assert_array_equal(again.load_colours("ab12"), colours)
    assert again.count("ab12") == 50
    assert again.count("cd34") is None


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "other", "deleted"])
def test_a_damaged_file_is_an_error_and_not_other_features(damage: str, tmp_path: Path) -> None:
    FeatureStore(tmp_path).save("ab12", make_features(), np.zeros((50, 3), np.uint8))
    (path,) = tmp_path.rglob("*.npz")
    content = bytearray(path.read_bytes())
    match damage:
        case "emptied":
            path.write_bytes(b"")
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "flipped":
            content[300] ^= 0xFF
            path.write_bytes(content)
        case "other":
            np.savez(path, something=np.zeros(3))
        case "deleted":
            path.unlink()

    with pytest.raises(ReconError) as caught:
        FeatureStore(tmp_path).load("ab12")

    assert caught.value.code is Cause.CORRUPT_FILE


def test_memory_holds_the_last_used_within_its_bound(tmp_path: Path) -> None:
    size = make_features().descriptors.nbytes + make_features().keypoints.nbytes
    store = FeatureStore(tmp_path, memory_bytes=2 * size)
    for number in range(4):
        store.save(f"ab{number}", make_features(seed=number), np.zeros((50, 3), np.uint8))
    held = store.load("ab3")
    assert store.load("ab3") is held

    first = store.load("ab0")  # drops ab2, the longest unused
    assert store.load("ab3") is held
    assert store.load("ab0") is first
    for path in tmp_path.rglob("*.npz"):
        path.unlink()
    with pytest.raises(ReconError):
        store.load("ab2")
