"""Finds out which format a ground truth is in, and reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.evaluation import camera_files, json_truth, trajectories
from recon.evaluation.truth import Truth, bad_truth


def read_truth(path: Path) -> Truth:
    """Return the true poses in a file or folder of any format that is known.

    A `gt.json`; nerfstudio's `transforms.json`; a trajectory in TUM's or KITTI's format; a folder with Strecha's
    `.camera` files. For a COLMAP model there is `truth_of_model`.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: CORRUPT_FILE, with the image and the field that is wrong; fewer than two images.
    """
    try:
        if path.is_dir():
            return camera_files.read(path)
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise bad_truth(path, f"not JSON, nor any text: {error}") from error
    except OSError as error:
        raise UsageError(
            f"cannot read the ground truth {path}: {error.strerror}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="give the path of a gt.json, or of another format that `recon evaluate --help` names",
        ) from error
    if path.suffix.lower() != ".json" and (trajectory := trajectories.read(path, text)) is not None:
        return trajectory
    document = _document(path, text)
    if isinstance(document, dict) and "frames" in document and "images" not in document:
        return json_truth.read_nerfstudio(path, document)
    return json_truth.read_gt(path, document)


def _document(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_truth(path, f"not JSON: {error}") from error
