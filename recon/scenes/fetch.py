"""A set of the catalogue brought into a folder: downloaded, unpacked, and signed when everything is there.

SOURCE.json   what was fetched from where, with digests and licence; written last
.download/    archives on their way; gone when the set is complete
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, ReconError, UsageError
from recon.scenes.archives import unpack
from recon.scenes.catalogue import PhotoSet
from recon.scenes.disk import disk_errors, read_json, write_json
from recon.scenes.download import Progress, download


def fetch_set(photo_set: PhotoSet, folder: Path, progress: Progress | None = None) -> bool:
    """Bring a set into a folder, and return whether anything was left to do.

    What an earlier call has fetched is not fetched again.

    Raises:
        UsageError: The folder holds something else, or cannot be written.
        ReconError: The download, an archive or the disk fails.
    """
    source, work = folder / "SOURCE.json", folder / ".download"
    with disk_errors(folder):
        if source.exists():
            _check_source(source, photo_set)
            return False
        if folder.exists() and not work.exists() and any(folder.iterdir()):
            raise UsageError(
                f"{folder} is not empty, and holds no photo set of ours",
                code=Cause.BAD_VALUE,
                file=str(folder),
                try_="give an empty or a new folder with -o",
            )
        work.mkdir(parents=True, exist_ok=True)
        files = [_fetch(photo_set, number, work, progress) for number in range(len(photo_set.files))]
        staging = work / "unpacked"
        _unpack_all(photo_set, work, staging)
        for path in sorted(staging.iterdir()):
            _move(path, folder / path.name)
        write_json(source, {**photo_set.as_dict(), "files": files})
        shutil.rmtree(work)
    return True


def _unpack_all(photo_set: PhotoSet, work: Path, staging: Path) -> None:
    """Unpack every archive of a set; where one comes in parts (z01, z02, ..., zip), the last stands for all."""
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for file in photo_set.files:
            if not file.name.rpartition(".")[2].startswith("z0"):
                unpack(work / file.name, staging)
    except ReconError:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _fetch(photo_set: PhotoSet, number: int, work: Path, progress: Progress | None) -> dict[str, Any]:
    """Download one archive if it is not here, and return its entry for SOURCE.json."""
    file = photo_set.files[number]
    archive, notes = work / file.name, work / f"{file.name}.json"
    if not (archive.exists() and notes.exists()):
        write_json(notes, {"url": file.url, "sha256": download(file, archive, progress)})
    entry = read_json(notes, f"delete {work}")
    return {"url": file.url, "size_bytes": archive.stat().st_size, "sha256": entry["sha256"]}


def _move(path: Path, destination: Path) -> None:
    """Move into place what an earlier, interrupted move may have left there."""
    if destination.is_dir() and not destination.is_symlink():
        shutil.rmtree(destination)
    path.replace(destination)


def _check_source(source: Path, photo_set: PhotoSet) -> None:
    entry = read_json(source, f"delete {source} if the photos beside it are no longer needed")
    name = entry.get("name") if isinstance(entry, dict) else None
    if name != photo_set.name:
        raise UsageError(
            f"{source.parent} holds the photo set {name!r}, not {photo_set.name!r}",
            code=Cause.BAD_VALUE,
            file=str(source),
            try_="give another folder with -o",
        )
