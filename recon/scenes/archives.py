"""Archives unpacked without trust: only plain files and folders, only below the folder, only so much.

A member that points elsewhere, a link, a device, or an archive that grows beyond all measure stops the
unpacking with one error; what is meant for the folder reaches it only when everything was good.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Protocol

from recon.core.errors import Cause, ReconError
from recon.scenes.disk import disk_errors, disk_full

_BLOCK_BYTES = 1 << 20
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """More than any photo set has; photos hardly shrink when packed."""

    members: int = 500_000
    growth: float = 50.0
    """Most unpacked bytes for each byte of the archive."""
    spare_bytes: int = 64 << 20
    """Allowed beyond that, for small archives of text."""


def unpack(archive: Path, folder: Path, limits: Limits = Limits()) -> None:
    """Unpack a zip, tar, gz or 7z archive into a folder, which is made if need be.

    Raises:
        ReconError: CORRUPT_FILE for an archive that is damaged or not to be trusted, MISSING_LIBRARY for one
            that needs another program, DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    name = archive.name.lower()
    if archive.with_suffix(".z01").exists():
        raise _needs_7z(archive, "comes in parts", "install 7-Zip (Debian: apt install 7zip)")
    with disk_errors(folder), _damage(archive):
        folder.mkdir(parents=True, exist_ok=True)
        box = _Box(archive, folder, limits)
        if name.endswith(".zip"):
            _unpack_zip(box)
        elif name.endswith(_TAR_SUFFIXES):
            _unpack_tar(box)
        elif name.endswith(".gz"):
            with gzip.open(archive) as stream:
                box.write(archive.name[:-3], stream)
        elif name.endswith(".7z"):
            _unpack_7z(box)
        else:
            raise ReconError(
                f"{archive.name} is no archive that can be unpacked",
                code=Cause.CORRUPT_FILE,
                file=str(archive),
                try_="zip, tar, tar.gz, gz and 7z are",
            )


class _Box:
    """The folder that an archive is unpacked into, and what may still go in."""

    def __init__(self, archive: Path, folder: Path, limits: Limits) -> None:
        self.archive = archive
        self.folder = folder
        self._members_left = limits.members
        self._most_bytes = int(archive.stat().st_size * limits.growth) + limits.spare_bytes
        self._bytes_left = self._most_bytes

    def expect(self, total_bytes: int) -> None:
        """Refuse what declares itself too large, for us or for the disk."""
        if total_bytes > self._most_bytes:
            raise self.refusal(f"would grow to {total_bytes / 1e9:.1f} GB, more than photos do")
        if total_bytes > shutil.disk_usage(self.folder).free:
            raise disk_full(self.folder)

    def make_folder(self, name: str) -> None:
        """Make the folder of a member."""
        self._place(name).mkdir(parents=True, exist_ok=True)

    def write(self, name: str, stream: _Readable) -> None:
        """Write a member's content; its own word about its size is not trusted."""
        path = self._place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            while block := stream.read(_BLOCK_BYTES):
                self._bytes_left -= len(block)
                if self._bytes_left < 0:
                    raise self.refusal("grows beyond all measure while it is unpacked")
                out.write(block)

    def check_name(self, name: str) -> PurePosixPath:
        """Return a member's path below the folder, or refuse it."""
        path = PurePosixPath(name.replace("\\", "/"))
        is_outside = path.is_absolute() or ".." in path.parts or bool(PureWindowsPath(name).drive) or "\0" in name
        if is_outside or not path.parts:
            raise self.refusal(f"has a member that points outside: {name!r}")
        return path

    def refusal(self, reason: str) -> ReconError:
        """Return the error of an archive that is not to be trusted."""
        return ReconError(
            f"{self.archive.name} {reason}; nothing of it is kept",
            code=Cause.CORRUPT_FILE,
            file=str(self.archive),
            try_="do not unpack it with another program either, unless you know where it comes from",
        )

    def _place(self, name: str) -> Path:
        self._members_left -= 1
        if self._members_left < 0:
            raise self.refusal("has more members than any photo set")
        return self.folder / self.check_name(name)


def _unpack_zip(box: _Box) -> None:
    with zipfile.ZipFile(box.archive) as archive:
        members = archive.infolist()
        box.expect(sum(member.file_size for member in members))
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise box.refusal(f"has a member that is no plain file: {member.filename!r}")
            if member.flag_bits & 1:
                raise box.refusal("asks for a password")
            if member.is_dir():
                box.make_folder(member.filename)
            else:
                with archive.open(member) as stream:  # checks the CRC at its end
                    box.write(member.filename, stream)


def _unpack_tar(box: _Box) -> None:
    with tarfile.open(box.archive, "r|*") as archive:
        for member in archive:
            if member.isdir():
                if PurePosixPath(member.name).parts:  # "." is where we are
                    box.make_folder(member.name)
            elif member.isreg():
                stream = archive.extractfile(member)
                if stream is not None:
                    box.write(member.name, stream)
            else:
                raise box.refusal(f"has a member that is no plain file: {member.name!r}")


def _unpack_7z(box: _Box) -> None:
    try:
        py7zr = import_module("py7zr")
    except ImportError as error:
        raise _needs_7z(box.archive, "is a 7z archive", "pip install py7zr and give the same command again") from error
    with py7zr.SevenZipFile(box.archive) as archive:
        members = archive.list()
        box.expect(sum(member.uncompressed or 0 for member in members))
        for member in members:
            box.check_name(member.filename)
        archive.extractall(box.folder)  # noqa: S202 - its names are checked
    for path in box.folder.rglob("*"):
        if path.is_symlink():
            raise box.refusal(f"has a member that is no plain file: {path.name!r}")


def _needs_7z(archive: Path, what: str, advice: str) -> ReconError:
    return ReconError(
        f"{archive.name} is downloaded, but {what}, which Python cannot unpack by itself",
        code=Cause.MISSING_LIBRARY,
        file=str(archive),
        try_=f"{advice}; or unpack it by hand: 7z x {archive}",
    )


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Say in words that an archive is damaged."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise _damaged(archive, error) from error
    except gzip.BadGzipFile as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> ReconError:
    return ReconError(
        f"{archive.name} is damaged: {error}",
        code=Cause.CORRUPT_FILE,
        file=str(archive),
        try_=f"delete {archive} and give the same command again",
    )
