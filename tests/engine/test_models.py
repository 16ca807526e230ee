"""The workspace's models are replaced without ever being lost, and damaged files are named."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.engine import models as models_module
from recon.engine.models import finish_swap, order_models, read_model, write_models


def test_written_models_read_back_in_the_order_given(tmp_path, synthetic_model):
    write_models([synthetic_model(images=6), synthetic_model(images=4)], tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["sparse"]
    assert read_model(tmp_path).num_reg_images() == 6
    assert read_model(tmp_path / "sparse" / "1").num_reg_images() == 4


def test_new_models_replace_all_old_ones(tmp_path, synthetic_model):
    write_models([synthetic_model(images=6), synthetic_model(images=4)], tmp_path)
    write_models([synthetic_model(images=5)], tmp_path)

    assert [path.name for path in (tmp_path / "sparse").iterdir()] == ["0"]
    assert read_model(tmp_path).num_reg_images() == 5


def test_a_write_stopped_at_any_step_leaves_a_whole_model(tmp_path, synthetic_model, monkeypatch):
    """Every rename, folder creation and deletion fails in turn, as if the process were killed there."""

    class Killed(BaseException):
        """Passes every `except Exception`, like SIGKILL."""

    steps = {"left": 0}

    def killed_after(function):
        def step(*args, **kwargs):
            if steps["left"] == 0:
                raise Killed
            steps["left"] -= 1
            return function(*args, **kwargs)

        return step

    old, new = synthetic_model(images=4), synthetic_model(images=6)
    for name in ("mkdir", "rename"):
        monkeypatch.setattr(Path, name, killed_after(getattr(Path, name)))
    monkeypatch.setattr(os, "unlink", killed_after(os.unlink))
    seen = set()
    for number_of_steps in range(30):
        root = tmp_path / str(number_of_steps)
        steps["left"] = 1000
        root.mkdir()
        write_models([old], root)
        steps["left"] = number_of_steps
        with contextlib.suppress(Killed):
            write_models([new], root)
        steps["left"] = 1000
        before_resume = read_model(root).num_reg_images()
        finish_swap(root)

        after_resume = read_model(root).num_reg_images()
        assert after_resume in (4, 6)
        assert after_resume >= before_resume
        assert [path.name for path in root.iterdir()] == ["sparse"]
        seen.add(after_resume)
    assert seen == {4, 6}


def test_a_failed_write_keeps_the_earlier_model(tmp_path, synthetic_model, monkeypatch):
    write_models([synthetic_model(images=4)], tmp_path)

    def full_disk(folder):
        (folder / "points3D.bin").write_bytes(b"")

    monkeypatch.setattr(models_module, "check_binary_model", lambda folder: full_disk(folder) or _raise_enospc())
    with pytest.raises(ReconError) as caught:
        write_models([synthetic_model(images=6)], tmp_path)
    monkeypatch.undo()

    assert caught.value.code is Cause.DISK_FULL
    assert read_model(tmp_path).num_reg_images() == 4
    assert [path.name for path in tmp_path.iterdir()] == ["sparse"]


def _raise_enospc():
    raise OSError(28, "No space left on device")


def test_models_are_ordered_by_images_then_points_then_first_name(synthetic_model):
    large, many_points, few_points = (
        synthetic_model(images=6, points=50),
        synthetic_model(images=4, points=100),
        synthetic_model(images=4, points=50),
    )
    later_name = synthetic_model(images=4, points=50)
    for image_id in later_name.reg_image_ids():
        later_name.image(image_id).name = f"z{image_id}.png"

    ordered = order_models([later_name, few_points, many_points, large])

    assert ordered[0] is large
    assert ordered[1] is many_points
    assert ordered[2] is few_points
    assert ordered[3] is later_name


@pytest.mark.parametrize("layout", [".", "sparse/0", "sparse", "0"])
@pytest.mark.parametrize("text", [False, True])
def test_a_model_is_found_in_the_usual_places(tmp_path, synthetic_model, layout, text):
    folder = tmp_path / "é 中 😀" / layout
    folder.mkdir(parents=True)
    model = synthetic_model()
    (model.write_text if text else model.write_binary)(str(folder))

    assert read_model(tmp_path / "é 中 😀").num_points3D() == model.num_points3D()


@pytest.mark.parametrize(
    ("folder", "code"),
    [("missing", Cause.MISSING_FILE), ("empty", Cause.NOT_A_WORKSPACE), ("none", Cause.NOT_A_WORKSPACE)],
)
def test_where_there_is_no_model_the_error_says_what_to_give(tmp_path, folder, code):
    (tmp_path / "empty").mkdir()
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "recon.json").write_text("{}")

    with pytest.raises(UsageError) as caught:
        read_model(tmp_path / folder)

    assert caught.value.code is code
    assert caught.value.try_


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _without_tail(content: bytes) -> bytes:
    return content[:-3]


def _empty(content: bytes) -> bytes:
    return b""


def _junk(content: bytes) -> bytes:
    return np.random.default_rng(0).bytes(5000)


def _longer(content: bytes) -> bytes:
    return content + b"\0"


@pytest.mark.parametrize("stem", ["cameras", "images", "points3D", "rigs", "frames"])
@pytest.mark.parametrize("damage", [_half, _without_tail, _empty, _junk, _longer])
def test_a_damaged_binary_file_is_named(tmp_path, synthetic_model, stem, damage):
    """pycolmap accepts some of these in silence, and never returns from an empty points3D.bin."""
    write_models([synthetic_model()], tmp_path)
    file = tmp_path / "sparse" / "0" / f"{stem}.bin"
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(ReconError) as caught:
        read_model(tmp_path)

    assert caught.value.code is Cause.CORRUPT_FILE
    assert caught.value.file == str(file)


def _half_of_the_lines(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[: max(5, len(lines) // 2)])


@pytest.mark.parametrize("damage", [_half, _junk, _half_of_the_lines])
@pytest.mark.parametrize("stem", ["images", "points3D"])
def test_a_damaged_text_model_is_an_error_and_no_traceback(tmp_path, synthetic_model, stem, damage):
    synthetic_model().write_text(str(tmp_path))
    file = tmp_path / f"{stem}.txt"
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(ReconError) as caught:
        read_model(tmp_path)

    assert caught.value.code is Cause.CORRUPT_FILE


def test_models_of_rigs_pass_the_check(tmp_path):
    """A rig's further cameras carry a pose of their own in rigs.bin."""
    import pycolmap

    options = pycolmap.SyntheticDatasetOptions(num_rigs=2, num_cameras_per_rig=3, num_frames_per_rig=3, num_points3D=40)
    write_models([pycolmap.synthesize_dataset(options)], tmp_path)

    assert read_model(tmp_path).num_reg_images() == 18


def test_models_of_older_colmap_without_rigs_are_read(tmp_path, synthetic_model):
    write_models([synthetic_model()], tmp_path)
    for stem in ("rigs", "frames"):
        (tmp_path / "sparse" / "0" / f"{stem}.bin").unlink()

    assert read_model(tmp_path).num_reg_images() == 6


def test_no_models_leave_an_empty_folder(tmp_path, synthetic_model):
    """A run whose options changed and that finds no model must not leave the earlier plan's model behind."""
    write_models([synthetic_model()], tmp_path)
    write_models([], tmp_path)

    assert not list((tmp_path / "sparse").iterdir())
    shutil.rmtree(tmp_path / "sparse")
