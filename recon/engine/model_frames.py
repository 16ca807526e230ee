"""The file in a model's folder that says what its units are; COLMAP's tools pass it by."""

from __future__ import annotations

import json
from pathlib import Path

from recon.core.frame import ModelFrame, frame_from_dict
from recon.engine.model_files import corrupt

FRAME_FILE = "frame.json"


def write_frame(folder: Path, frame: ModelFrame) -> None:
    """Write down the frame of the model in a folder.

    Raises:
        OSError: It cannot be written.
    """
    (folder / FRAME_FILE).write_text(json.dumps(frame.as_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")


def read_frame(folder: Path) -> ModelFrame:
    """Return the frame of the model in a folder; one of arbitrary units where nothing says more.

    Raises:
        ReconError: CORRUPT_FILE.
    """
    file = folder / FRAME_FILE
    if not file.is_file():
        return ModelFrame()
    try:
        return frame_from_dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise corrupt(file, str(error)) from error
