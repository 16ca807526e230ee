"""Scenes rendered once, with what a teacher sees in them, and kept: one file a view, made again where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from recon.choice import key_of
from recon.core.arrays import IntArray
from recon.core.errors import Cause, Interrupted, ReconError, UsageError
from recon.core.executor import never
from recon.learning.scene_plan import MAX_VIEWS, plan_scene
from recon.learning.scene_studio import Studio, Teacher
from recon.learning.scene_views import SceneView, load_view, save_view
from recon.workspace.atomic import storage_errors

_VERSION = 1
"""Grows when the same options give other files."""

Progress = Callable[[int, int], None]
"""Told how many views of how many are there."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """Everything that decides what the views of a scene look like."""

    views: int = 6
    """Photos of each scene."""
    size: int = 640
    """Longer side of the photos in pixels; 4:3."""
    samples: int = 2
    """Rays through each pixel are this number squared."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("views", 2, MAX_VIEWS), ("size", 64, 4096), ("samples", 1, 8), ("seed", 0, 2**31)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(
                    f"{name} = {getattr(self, name)} is out of range: {low} to {high}", code=Cause.BAD_VALUE
                )


@dataclass(frozen=True, slots=True, eq=False)
class RenderedScene:
    """The files of a scene's views, and how much each view sees of another."""

    paths: tuple[Path, ...]
    """V files, to be read by `load_view`."""
    num_seen: IntArray
    """(V, V) how many keypoints of one view (row) another one (column) sees."""
    num_solid: IntArray
    """(V,) how many keypoints of a view lie on surfaces, where others may see them."""


def prepare_scenes(
    folder: Path,
    count: int,
    teacher: Teacher,
    options: RenderOptions = RenderOptions(),
    *,
    threads: int = 1,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = never,
) -> list[RenderedScene]:
    """Return that many scenes; what the folder has of them is not rendered again, and a damaged file is replaced.

    Raises:
        Interrupted: `should_stop` said so, asked before each view; the next call goes on from there.
        ReconError: DISK_FULL; MISSING_LIBRARY, which is open3d.
        UsageError: NOT_WRITABLE.
    """
    key = key_of(_VERSION, asdict(options), teacher.key, teacher.with_descriptors)[:16]
    total = count * options.views
    scenes = []
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            paths = [folder / f"{key}-{number:05d}-{view:02d}.npz" for view in range(options.views)]
            views = []
            for view in _views(paths, number, teacher, options, threads, should_stop):
                views.append(view)
                if progress is not None:
                    progress(number * options.views + len(views), total)
            num_solid = np.array([view.num_solid for view in views])
            scenes.append(RenderedScene(tuple(paths), _num_seen(views), num_solid))
    return scenes


def _views(
    paths: Sequence[Path],
    number: int,
    teacher: Teacher,
    options: RenderOptions,
    threads: int,
    should_stop: Callable[[], bool],
) -> Iterator[SceneView]:
    """Yield the views of a scene, from their files or else rendered."""
    studio = None
    for place, path in enumerate(paths):
        view = _kept(path)
        if view is None:
            if should_stop():
                raise Interrupted("stopped between two views")
            if studio is None:
                studio = Studio(plan_scene(options.seed, number, options.views, options.size, threads), threads)
            view = studio.view(place, path.stem, options.samples, teacher)
            save_view(view, path)
        yield view


def _kept(path: Path) -> SceneView | None:
    """Return what a file holds; None where it is missing or damaged."""
    try:
        return load_view(path)
    except ReconError:
        return None


def _num_seen(views: Sequence[SceneView]) -> IntArray:
    counts = np.zeros((len(views), len(views)), np.int64)
    for row, view in enumerate(views):
        for column, seen in view.seen_in.items():
            counts[row, column] = len(seen.rows)
    return counts
