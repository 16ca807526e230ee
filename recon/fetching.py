"""Downloads one weight file: over https only, verified before it is moved into place."""

from __future__ import annotations

import errno
import os
import tempfile
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from recon.core.components import WeightsFile
from recon.core.errors import Cause, ReconError
from recon.weights import has_published_digest

_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 30
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def fetch_weights(file: WeightsFile, destination: Path, otherwise: str) -> None:
    """Download a weight file to `destination`, which is replaced only by a file of the published digest.

    Args:
        otherwise: What the user can do instead, for messages.

    Raises:
        ReconError: NO_NETWORK, BAD_WEIGHTS, NOT_WRITABLE or DISK_FULL.
    """
    _check_address(file.url)
    partial = _begin(destination)
    try:
        with partial.open("wb") as stream:
            _copy(file, stream, otherwise)
        if not has_published_digest(file, partial):
            raise ReconError(
                f"what {file.url} sent is not the published {file.name}: its digest differs",
                code=Cause.BAD_WEIGHTS,
                file=str(destination),
                try_="try again later, or tell the plugin's author",
            )
        partial.chmod(0o644)  # as any file in a cache, not as a temporary one
        partial.replace(destination)
    except OSError as error:
        raise _cannot_write(destination, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _begin(destination: Path) -> Path:
    """Return an empty file beside `destination`, whose name no other process uses."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    except OSError as error:
        raise _cannot_write(destination, error) from error
    os.close(handle)
    return Path(path)


def _copy(file: WeightsFile, stream: IO[bytes], otherwise: str) -> None:
    opener = build_opener(_CheckedRedirects)
    request = Request(file.url, headers={"User-Agent": "recon"})  # noqa: S310 - its scheme is checked
    num_bytes = 0
    try:
        response = opener.open(request, timeout=_TIMEOUT_S)
    except (URLError, HTTPException, OSError) as error:
        raise _no_network(file, error, otherwise) from error
    with response:
        while True:
            try:
                block = response.read(_BLOCK_BYTES)
            except (HTTPException, OSError) as error:
                raise _no_network(file, error, otherwise) from error
            if not block:
                return
            num_bytes += stream.write(block)
            if file.size is not None and num_bytes > file.size:
                return  # longer than published: its digest differs already, and the rest need not be fetched


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ReconError(
            f"weights are fetched over https only, not from {url}",
            code=Cause.BAD_WEIGHTS,
            file=url,
            try_="tell the plugin's author; or fetch the file by hand and name its folder in RECON_WEIGHTS",
        )


class _CheckedRedirects(HTTPRedirectHandler):
    """Follows a redirect only to where the address itself might point."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _no_network(file: WeightsFile, error: Exception, otherwise: str) -> ReconError:
    return ReconError(
        f"cannot download {file.name} from {file.url}: {getattr(error, 'reason', None) or error}",
        code=Cause.NO_NETWORK,
        file=file.name,
        try_=f"check the network; or {otherwise}",
    )


def _cannot_write(destination: Path, error: OSError) -> ReconError:
    code = Cause.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Cause.NOT_WRITABLE
    return ReconError(
        f"cannot write the weights to {destination}: {error.strerror}",
        code=code,
        file=str(destination),
        try_="make room or give permission there, or set XDG_CACHE_HOME to another folder",
    )
