"""A scene rendered into a folder: photos, truth, and the options that made them; what is there is not made again.

scene.json      the options; written first, and the sign that the folder is ours
images/         the photos, each whole or absent
gt.json         the exact truth; written last
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.scenes.disk import disk_errors, read_json, write_json, write_whole
from recon.scenes.generator import FOCAL_35MM, SceneOptions, image_name, make_scene
from recon.scenes.jpeg import jpeg_bytes
from recon.scenes.truth import truth_of

GENERATOR_VERSION = 1
"""Grows when the same options give other photos."""

Progress = Callable[[int, int], None]
"""Told how many photos of how many are there."""


def write_scene(
    options: SceneOptions, folder: Path, *, fresh: bool = False, threads: int = 1, progress: Progress | None = None
) -> int:
    """Render what the folder lacks of a scene, and return how many photos that were.

    Args:
        fresh: Render all photos again, in a folder that is ours.

    Raises:
        UsageError: The folder holds something else or a scene of other options, or cannot be written.
        ReconError: The disk is full; open3d is missing.
    """
    with disk_errors(folder):
        _claim(folder, options, fresh)
        images = folder / "images"
        missing = [n for n in range(options.photos) if fresh or not (images / image_name(n)).exists()]
        if not missing and (folder / "gt.json").exists():
            return 0
        scene = make_scene(options, threads)
        if missing:
            from recon.scenes.render import Stage

            images.mkdir(exist_ok=True)
            stage = Stage(scene.world, threads)
            for done, number in enumerate(missing, start=options.photos - len(missing) + 1):
                shot = scene.shots[number]
                pixels = stage.photo(shot.camera, shot.sensor, options.samples)
                content = jpeg_bytes(pixels, quality=options.quality, focal_35mm=FOCAL_35MM, number=number)
                write_whole(images / shot.name, content)
                if progress is not None:
                    progress(done, options.photos)
        write_json(folder / "gt.json", truth_of(scene.shots))
    return len(missing)


def _claim(folder: Path, options: SceneOptions, fresh: bool) -> None:
    """Make the folder ours, or refuse it."""
    manifest = folder / "scene.json"
    ours: dict[str, Any] = {
        "made_by": "recon datasets make",
        "generator": GENERATOR_VERSION,
        "options": asdict(options),
    }
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(manifest, ours)
        return
    if not manifest.exists():
        raise UsageError(
            f"{folder} is not empty, and holds no scene of ours",
            code=Cause.BAD_VALUE,
            file=str(folder),
            try_="give an empty or a new folder",
        )
    theirs = read_json(manifest, "give a new folder")
    if theirs == ours and not fresh:
        return
    if not fresh:
        raise UsageError(
            f"{folder} holds a scene of other options, or of another version of recon",
            code=Cause.BAD_VALUE,
            file=str(manifest),
            try_="give a new folder, or --fresh to replace the scene in this one",
        )
    _clear(folder, theirs)
    write_json(manifest, ours)


def _clear(folder: Path, manifest: Any) -> None:
    """Delete what the manifest names: its photos and their truth, and nothing else."""
    options = manifest.get("options") if isinstance(manifest, dict) else None
    photos = options.get("photos") if isinstance(options, dict) else None
    (folder / "gt.json").unlink(missing_ok=True)
    for number in range(photos if isinstance(photos, int) else 0):
        (folder / "images" / image_name(number)).unlink(missing_ok=True)
