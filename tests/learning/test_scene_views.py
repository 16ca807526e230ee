from __future__ import annotations

import numpy as np
import pytest

from recon.core.errors import Cause, ReconError
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.scene_views import SceneView, load_view, save_view
from recon.learning.sightings import Sightings


def view_of(counts):
    """Return a view with that many sightings in view 1, 2, ..."""
    rng = np.random.default_rng(0)
    photo = AnnotatedPhoto(
        "a",
        rng.integers(0, 256, (30, 40), dtype=np.uint8),
        rng.uniform(0, 30, (9, 2)).astype(np.float32),
        rng.random(9, np.float32),
        rng.random((9, 4), np.float32).astype(np.float16),
    )
    seen_in = {
        other: Sightings(
            rng.permutation(9)[:count],
            rng.random((count, 2), np.float32),
            np.where(np.arange(count)[:, None, None] == 0, np.nan, rng.random((count, 2, 2))).astype(np.float32),
        )
        for other, count in enumerate(counts, start=1)
    }
    return SceneView(photo, 7, seen_in)


@pytest.mark.parametrize("counts", [(3, 0, 5), (0,)])
def test_a_file_holds_all_of_a_view(tmp_path, counts):
    view = view_of(counts)

    save_view(view, tmp_path / "a.npz")
    kept = load_view(tmp_path / "a.npz")

    assert (kept.photo.name, kept.num_solid, list(kept.seen_in)) == ("a", 7, list(view.seen_in))
    for name in ("grey", "keypoints", "scores", "descriptors"):
        np.testing.assert_array_equal(getattr(kept.photo, name), getattr(view.photo, name))
    for other, seen in view.seen_in.items():
        for name in ("rows", "positions", "jacobians"):
            np.testing.assert_array_equal(getattr(kept.seen_in[other], name), getattr(seen, name))


def test_a_damaged_file_is_one_clear_error(tmp_path):
    path = tmp_path / "a.npz"
    save_view(view_of((3, 2)), path)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(ReconError) as caught:
        load_view(path)

    assert (caught.value.code, caught.value.file) == (Cause.CORRUPT_FILE, str(path))


def test_a_file_that_would_run_code_is_refused(tmp_path):
    """Pickled objects are how a foreign file could: they are never read."""
    path = tmp_path / "a.npz"
    np.savez(path, grey=np.array([object()]), allow_pickle=True)

    with pytest.raises(ReconError) as caught:
        load_view(path)

    assert caught.value.code is Cause.CORRUPT_FILE


def test_a_file_without_a_table_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, grey=np.zeros((3, 4), np.uint8))

    with pytest.raises(ReconError) as caught:
        load_view(path)

    assert caught.value.code is Cause.CORRUPT_FILE
