"""Where a workspace's models lie on disk, and how they are replaced without ever being lost.

Models are written to `sparse.new/`, then `sparse/` moves to `sparse.old/`, `sparse.new/` to `sparse/`, and
the old ones go. `sparse/` is missing only between the two moves, when `sparse.new/` is complete, so that
whatever an interrupted swap leaves behind has one reading.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pycolmap

from recon.core.errors import Cause, ReconError, UsageError
from recon.core.frame import ModelFrame
from recon.engine.model_files import check_binary_model, check_text_model, corrupt, model_files
from recon.engine.model_frames import read_frame, write_frame

MODELS = "sparse"
_NEW = "sparse.new"
_OLD = "sparse.old"


def order_models(models: Sequence[pycolmap.Reconstruction]) -> list[pycolmap.Reconstruction]:
    """Return models best first: by registered images, then points, then the first image's name."""
    return sorted(models, key=_rank)


def _rank(model: pycolmap.Reconstruction) -> tuple[int, int, str]:
    names = [model.image(image_id).name for image_id in model.reg_image_ids()]
    return -len(names), -model.num_points3D(), min(names, default="")


def write_models(
    models: Sequence[pycolmap.Reconstruction], workspace_root: Path, frames: Sequence[ModelFrame] = ()
) -> None:
    """Replace the workspace's models by these, numbered from `sparse/0` in the order given.

    The models that were there stay until all new ones are on disk and have been read back.

    Args:
        frames: Of the first models, each kept beside its model.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE; the earlier models are still there.
    """
    try:
        finish_swap(workspace_root)
        new = workspace_root / _NEW
        new.mkdir(parents=True)
        for number, model in enumerate(models):
            _write_checked(model, new / str(number))
            if number < len(frames):
                write_frame(new / str(number), frames[number])
        if (workspace_root / MODELS).exists():
            (workspace_root / MODELS).rename(workspace_root / _OLD)
        new.rename(workspace_root / MODELS)
        finish_swap(workspace_root)
    except OSError as error:
        with suppress(OSError):  # a full disk gets its room back
            finish_swap(workspace_root)
        raise _cannot_write(workspace_root / MODELS, error) from error


def finish_swap(workspace_root: Path) -> None:
    """Complete or undo what an interrupted `write_models` left behind; nothing to do is fine."""
    models, new, old = (workspace_root / name for name in (MODELS, _NEW, _OLD))
    if not models.exists() and old.exists():
        (new if new.exists() else old).rename(models)
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)


def read_model(path: Path) -> pycolmap.Reconstruction:
    """Return the best model of a workspace, or the model in any COLMAP folder, binary or text.

    Args:
        path: A workspace, a model folder, or a folder with `sparse/0` or `0` in it.

    Raises:
        UsageError: MISSING_FILE when nothing is there, NOT_A_WORKSPACE when there is no model in it.
        ReconError: CORRUPT_FILE, naming the file.
    """
    folder = model_folder(path)
    try:
        is_binary = model_files(folder)[0].suffix == ".bin"
        if is_binary:
            check_binary_model(folder)
        model = pycolmap.Reconstruction(str(folder))
        if not is_binary:
            check_text_model(folder, model)
        return model
    except OSError as error:
        raise corrupt(folder, f"cannot be read: {error.strerror}") from error
    except (ValueError, IndexError, RuntimeError) as error:  # what pycolmap makes of inconsistent content
        raise corrupt(folder, str(error).splitlines()[0].split("] ")[-1]) from error


def frame_of(path: Path) -> ModelFrame:
    """Return the frame of the model that `read_model` reads from the same path; arbitrary where nothing says more.

    Raises:
        UsageError: As `read_model`.
        ReconError: CORRUPT_FILE.
    """
    return read_frame(model_folder(path))


def model_folder(path: Path) -> Path:
    """Return the folder with the files of the model that `read_model` reads from a path.

    Raises:
        UsageError: As `read_model`.
    """
    if not path.exists():
        raise UsageError(
            f"no such file or folder: {path}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="give the output folder of `recon run`, or a COLMAP model folder",
        )
    # `sparse.old` stands in for `sparse` where a swap was interrupted.
    for folder in (path, path / MODELS / "0", path / MODELS, path / "0", path / _OLD / "0"):
        if model_files(folder):
            return folder
    if (path / "recon.json").is_file():
        message = f"the workspace {path} holds no model"
        next_step = "run the same `recon run` command again: it resumes, and says why when no model comes of it"
    else:
        message = f"{path} is neither a recon workspace nor a COLMAP model folder"
        next_step = "give the output folder of `recon run`, or a folder with cameras, images, points3D (.bin or .txt)"
    raise UsageError(message, code=Cause.NOT_A_WORKSPACE, file=str(path), try_=next_step)


def _write_checked(model: pycolmap.Reconstruction, folder: Path) -> None:
    # pycolmap writes through streams whose failure on a full disk it does not always notice.
    folder.mkdir()
    try:
        model.write_binary(str(folder))
        check_binary_model(folder)
    except (ReconError, ValueError, RuntimeError) as error:
        raise OSError(errno.ENOSPC, "the model's files came out incomplete") from error


def _cannot_write(path: Path, error: OSError) -> ReconError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReconError(
            f"the disk is full: the model could not be written to {path}",
            code=Cause.DISK_FULL,
            file=str(path),
            try_="make room, then run the same command again; models of earlier runs are untouched",
        )
    return ReconError(
        f"cannot write the model to {path}: {error.strerror}",
        code=Cause.NOT_WRITABLE,
        file=str(path),
        try_="check the folder's permissions, or choose another output folder",
    )
