"""A rendered view with what a teacher sees in it and where else that is seen, as a file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray
from recon.core.errors import Cause, ReconError
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.sightings import Sightings
from recon.workspace.atomic import replacing


@dataclass(frozen=True, slots=True, eq=False)
class SceneView:
    """One photo of a rendered scene."""

    photo: AnnotatedPhoto
    """Its descriptors are float16."""
    num_solid: int
    """How many of its keypoints lie on a surface, and neither in the sky nor on an outline."""
    seen_in: Mapping[int, Sightings]
    """Its keypoints in each other view of the scene, by that view's number."""


def save_view(view: SceneView, path: Path) -> None:
    """Write a view, whole or not at all."""
    others = sorted(view.seen_in)
    counts = [len(view.seen_in[other].rows) for other in others]
    seen = [view.seen_in[other] for other in others]
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            allow_pickle=False,
            grey=view.photo.grey,
            keypoints=view.photo.keypoints.astype(np.float32),
            scores=view.photo.scores.astype(np.float32),
            descriptors=view.photo.descriptors.astype(np.float16),
            num_solid=np.int64(view.num_solid),
            others=np.array(others, np.int64),
            counts=np.array(counts, np.int64),
            rows=_joined([each.rows for each in seen], (), np.int64),
            positions=_joined([each.positions for each in seen], (2,), np.float32),
            jacobians=_joined([each.jacobians for each in seen], (2, 2), np.float32),
        )


def load_view(path: Path) -> SceneView:
    """Return the view that a file holds.

    Raises:
        ReconError: CORRUPT_FILE; the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            kept = {name: archive[name] for name in archive.files}
        photo = AnnotatedPhoto(path.stem, kept["grey"], kept["keypoints"], kept["scores"], kept["descriptors"])
        ends = np.cumsum(kept["counts"])[:-1]
        tables = zip(*(np.split(kept[name], ends) for name in ("rows", "positions", "jacobians")), strict=True)
        seen_in = {int(other): Sightings(*table) for other, table in zip(kept["others"], tables, strict=True)}
        return SceneView(photo, int(kept["num_solid"]), seen_in)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ReconError(
            f"the rendered view {path.name} is missing or damaged",
            code=Cause.CORRUPT_FILE,
            file=str(path),
            try_="give the same command again: it is rendered anew",
        ) from error


def _joined(arrays: Sequence[FloatArray | IntArray], shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate([np.empty((0, *shape), dtype), *arrays]).astype(dtype)
