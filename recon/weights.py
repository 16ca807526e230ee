"""Finds, verifies and fetches weight files: given by the user, in `$RECON_WEIGHTS`, in the cache, else downloaded.

What the user gives or puts into `$RECON_WEIGHTS` is taken as it is: the plugin checks that its tensors fit.
What lies in the cache has to have the published digest.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from recon.core.components import WeightsFile
from recon.core.errors import Cause, ReconError, UsageError

_BLOCK_BYTES = 1 << 20


def cache_dir() -> Path:
    """Return the folder in which downloaded weights are kept; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("recon", appauthor=False) / "weights"


def locate_weights(file: WeightsFile) -> Path | None:
    """Return where a weight file lies, in `$RECON_WEIGHTS` or the cache, unverified; None if in neither."""
    folders = [Path(os.environ["RECON_WEIGHTS"])] if os.environ.get("RECON_WEIGHTS") else []
    return next((folder / file.name for folder in [*folders, cache_dir()] if (folder / file.name).is_file()), None)


def find_weights(
    file: WeightsFile,
    spec_name: str,
    given: Path | None = None,
    allow_download: bool = False,
    note: Callable[[str], None] = lambda message: None,
) -> Path:
    """Return the local path of a component's weight file.

    Args:
        spec_name: The component, for messages.
        given: What the user set as `NAME.weights`; nothing else is looked at then.
        allow_download: True only when the user named the component.
        note: Is told, in a sentence, before anything is downloaded.

    Raises:
        UsageError: MISSING_FILE, `given` does not exist.
        ReconError: MISSING_WEIGHTS, NO_NETWORK, NOT_WRITABLE, DISK_FULL, or BAD_WEIGHTS for a file that has not
            the published digest.
    """
    if given is not None:
        if given.is_file():
            return given
        raise UsageError(
            f"the weights given for {spec_name} do not exist: {given}",
            code=Cause.MISSING_FILE,
            file=str(given),
            try_=f"check the path given by --set {spec_name}.weights",
        )
    cached = cache_dir() / file.name
    path = locate_weights(file)
    if path is not None and (path != cached or has_published_digest(file, path)):
        return path
    if allow_download:
        from recon.fetching import fetch_weights

        note(f"downloading {file.name} for {spec_name} from {file.url} (licence: {file.licence})")
        fetch_weights(file, cached, otherwise=how_to_place(file))
        return cached
    if path is not None:
        raise ReconError(
            f"the weights of {spec_name} are damaged: {path} has not the published digest",
            code=Cause.BAD_WEIGHTS,
            file=str(path),
            try_=f"`recon weights get {spec_name}` fetches them again",
        )
    raise ReconError(
        f"the weights of {spec_name} are not on this machine: {file.name}",
        code=Cause.MISSING_WEIGHTS,
        file=file.name,
        try_=f"`recon weights get {spec_name}` downloads them; without network, {how_to_place(file)}",
    )


def how_to_place(file: WeightsFile) -> str:
    """Return the sentence that says where to put a weight file by hand, and what works without any."""
    return (
        f"fetch {file.url} by hand to {cache_dir() / file.name}, or into a folder that RECON_WEIGHTS names; "
        "the extractor sift needs no weights"
    )


def has_published_digest(file: WeightsFile, path: Path) -> bool:
    """Whether a file is the one that was published: its sha256, or else its git blob id, is as declared.

    Raises:
        ReconError: BAD_WEIGHTS, the file cannot be read.
    """
    try:
        if file.sha256 is not None:
            return _digest(hashlib.sha256(), path) == file.sha256.lower()
        header = f"blob {path.stat().st_size}\0".encode()
        return _digest(hashlib.sha1(header, usedforsecurity=False), path) == (file.git_blob or "").lower()
    except OSError as error:
        raise ReconError(
            f"cannot read the weights {path}: {error.strerror}",
            code=Cause.BAD_WEIGHTS,
            file=str(path),
            try_="give yourself permission to read it, or remove it",
        ) from error


def _digest(hasher: hashlib._Hash, path: Path) -> str:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            hasher.update(block)
    return hasher.hexdigest()
