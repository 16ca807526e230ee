"""Large files over https: a download that was cut goes on where it stopped, and is checked before it gets its name.

FILE.part        what has come so far
FILE.part.json   from which version of the remote file (its ETag or date)
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from recon.core.errors import Cause, ReconError
from recon.scenes.catalogue import RemoteFile
from recon.scenes.disk import disk_errors, read_json, write_json

_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 30.0
_ATTEMPTS = 5
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Progress = Callable[[int, int | None], None]
"""Told how many bytes of how many have come."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A download that is under way."""

    path: Path

    @property
    def _notes(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str | None:
        """What the server calls the version of which this is a part; None: it cannot be continued."""
        if not self._notes.exists():
            return None
        validator = read_json(self._notes, f"delete {self._notes}")["validator"]
        return validator if isinstance(validator, str) else None

    def begin(self, validator: str | None) -> None:
        self.path.unlink(missing_ok=True)
        write_json(self._notes, {"validator": validator})

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def finish(self, destination: Path) -> None:
        self.path.replace(destination)
        self._notes.unlink(missing_ok=True)


def download(file: RemoteFile, destination: Path, progress: Progress | None = None, wait_s: float = 1.0) -> str:
    """Fetch a file to `destination`, and return its sha256, hexadecimal.

    Args:
        wait_s: Pause before the first of the further attempts; each doubles it.

    Raises:
        ReconError: NO_NETWORK after some attempts, with what has come kept; CORRUPT_FILE where the digest or the
            length is another than published; DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    _check_address(file.url)
    part = _Part(destination.with_name(destination.name + ".part"))
    with disk_errors(destination.parent):
        destination.parent.mkdir(parents=True, exist_ok=True)
        failures = 0
        while True:
            before = part.size
            try:
                _receive(file, part, progress)
                break
            except (HTTPError, HTTPException) as error:
                failures = 1 if part.size > before else failures + 1  # a long download may be cut often
                if failures == _ATTEMPTS or not _is_passing(error):
                    raise _no_network(file, part, error) from error
                time.sleep(wait_s * 2 ** (failures - 1))
        digest = _digest(part.path)
        if file.sha256 is not None and digest != file.sha256:
            part.drop()
            raise ReconError(
                f"what {file.url} sent is not the published {file.name}: its sha256 is {digest}",
                code=Cause.CORRUPT_FILE,
                file=str(destination),
                try_="try again later; what came is deleted",
            )
        part.finish(destination)
    return digest


def _receive(file: RemoteFile, part: _Part, progress: Progress | None) -> None:
    """Ask for what is missing, and append it."""
    have, validator = part.size, part.validator
    headers = {"User-Agent": "recon", "Accept-Encoding": "identity"}
    if have and validator is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = Request(file.url, headers=headers)  # noqa: S310 - its scheme is checked
    try:
        response = build_opener(_CheckedRedirects).open(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # everything had come before
        if error.code == 416:
            part.drop()
        raise
    except OSError as error:
        raise HTTPException(str(getattr(error, "reason", None) or error)) from error
    with response:
        if response.status != 206:
            part.begin(_validator_of(response))
            have = 0
        total = _total(response, have)
        with part.path.open("ab") as stream:
            _copy(response, stream, have, total, progress)
    if total is not None and part.size != total:
        raise HTTPException(f"the connection was cut at {part.size} of {total} bytes")


def _copy(response: HTTPResponse, stream: IO[bytes], have: int, total: int | None, progress: Progress | None) -> None:
    while block := _read(response):
        stream.write(block)
        have += len(block)
        if progress is not None:
            progress(have, total)


def _read(response: HTTPResponse) -> bytes:
    """Return the next bytes; a failing connection is no failing disk."""
    try:
        return response.read(_BLOCK_BYTES)
    except OSError as error:
        raise HTTPException(str(error)) from error


def _validator_of(response: HTTPResponse) -> str | None:
    """Return by what a part of this answer can be continued: a strong ETag, else the date."""
    tag = response.headers.get("ETag")
    return tag if tag is not None and not tag.startswith("W/") else response.headers.get("Last-Modified")


def _total(response: HTTPResponse, have: int) -> int | None:
    length = response.headers.get("Content-Length")
    return have + int(length) if length is not None and length.isdigit() else None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_passing(error: Exception) -> bool:
    """Say whether another attempt may do better: not where the server refuses."""
    return not isinstance(error, HTTPError) or error.code >= 500 or error.code in (408, 416, 429)


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ReconError(
            f"photo sets are fetched over https only, not from {url}",
            code=Cause.BAD_VALUE,
            file=url,
            try_="fetch the file by hand, and unpack it beside the others",
        )


class _CheckedRedirects(HTTPRedirectHandler):
    """Follows a redirect only to where the address itself might point."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: object, newurl: str
    ) -> Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _no_network(file: RemoteFile, part: _Part, error: Exception) -> ReconError:
    return ReconError(
        f"cannot download {file.url}: {error}",
        code=Cause.NO_NETWORK,
        file=file.url,
        try_=f"check the network and give the same command again: {part.size / 1e6:.1f} MB are here and stay"
        if part.size
        else "check the network, and whether the page that describes the set names a new address",
    )
