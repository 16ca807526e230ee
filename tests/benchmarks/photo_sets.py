"""The photo sets that benchmarks run on, and the calibration that their truth gives."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


def intrinsics(truth: Path) -> tuple[str, list[float]]:
    """Return COLMAP's camera model and parameters of the truth's calibration (COLMAP's pixel origin)."""
    first = next(iter(json.loads(truth.read_text())["images"].values()))
    k, distortion = first["K"], first.get("dist")
    params = [k[0][0], k[1][1], k[0][2] + 0.5, k[1][2] + 0.5]
    return ("OPENCV", params + list(distortion)) if distortion else ("PINHOLE", params)


def camera_options(truth: Path) -> list[str]:
    """Return the options that give `recon run` the truth's calibration, to keep."""
    model, params = intrinsics(truth)
    return ["--camera-model", model, "--camera-params", ",".join(map(str, params)), "--single-camera"]


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """A folder with `images/` and, where the poses are known, `gt.json`."""

    name: str
    photos: Path
    truth: Path | None

    @classmethod
    def named(cls, name: str) -> PhotoSet:
        """Return a folder of $RECON_DATA, or the folder at a path."""
        folder = Path(os.environ.get("RECON_DATA", ".")) / name
        truth = folder / "gt.json"
        return cls(folder.name, folder / "images", truth if truth.is_file() else None)

    @property
    def calibration(self) -> Path | None:
        """The truth, if it gives all photos one calibration."""
        if self.truth is None:
            return None
        images = json.loads(self.truth.read_text())["images"].values()
        found = {json.dumps([image["K"], image.get("dist"), image["width"], image["height"]]) for image in images}
        return self.truth if len(found) == 1 else None

    @property
    def num_photos(self) -> int:
        """How many files there are."""
        return sum(path.is_file() for path in self.photos.iterdir())
