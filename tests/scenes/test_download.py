"""Downloads go on where they were cut, are checked, and fail in one sentence."""

from __future__ import annotations

import errno
import hashlib

import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.scenes import download as module
from recon.scenes.catalogue import RemoteFile
from recon.scenes.download import download

CONTENT = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def remote(file_server):
    """Return the file /set.zip of the server."""
    file_server.files["/set.zip"] = CONTENT
    return RemoteFile(f"{file_server.address}/set.zip")


def fetch(remote, tmp_path):
    return download(remote, tmp_path / "set.zip", wait_s=0.001)


def error_of(remote, tmp_path, kind=ReconError):
    with pytest.raises(kind) as caught:
        fetch(remote, tmp_path)
    assert not (tmp_path / "set.zip").exists()
    return caught.value


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_file_comes_whole_and_its_digest_is_told(remote, tmp_path):
    assert fetch(remote, tmp_path) == DIGEST

    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert names(tmp_path) == {"set.zip"}


def test_a_cut_connection_is_taken_up_where_it_broke(remote, file_server, tmp_path):
    file_server.cuts = [300_000, 400_000]

    fetch(remote, tmp_path)

    assert (tmp_path / "set.zip").read_bytes() == CONTENT
    assert [wanted for _, wanted in file_server.requests] == [None, "bytes=300000-", "bytes=700000-"]


def test_a_later_call_takes_up_an_earlier_one(remote, file_server, tmp_path):
    file_server.cuts = [300_000, 0, 0, 0, 0]
    error = error_of(remote, tmp_path)
    assert error.code is Cause.NO_NETWORK
    assert "0.3 MB are here" in error.try_

    assert fetch(remote, tmp_path) == DIGEST
    assert file_server.requests[-1] == ("/set.zip", "bytes=300000-")


def test_many_cuts_are_borne_as_long_as_something_comes(remote, file_server, tmp_path):
    file_server.cuts = [100_000] * 10

    assert fetch(remote, tmp_path) == DIGEST


def test_another_version_of_the_file_is_begun_anew(remote, file_server, tmp_path):
    """Two halves of different files would make neither."""
    file_server.cuts = [300_000, 0, 0, 0, 0]
    error_of(remote, tmp_path)
    file_server.tag = '"v2"'
    file_server.files["/set.zip"] = CONTENT[::-1]

    fetch(remote, tmp_path)

    assert (tmp_path / "set.zip").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("change", [{"knows_ranges": False}, {"tag": None}, {"tag": 'W/"weak"'}], ids=str)
def test_a_server_that_cannot_continue_is_asked_for_all_again(remote, file_server, tmp_path, change):
    for name, value in change.items():
        setattr(file_server, name, value)
    file_server.cuts = [300_000]

    assert fetch(remote, tmp_path) == DIGEST


def test_a_part_that_is_whole_already_is_taken(remote, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(CONTENT)
    (tmp_path / "set.zip.part.json").write_text('{"validator": "\\"v1\\""}')

    assert fetch(remote, tmp_path) == DIGEST


def test_a_wrong_digest_is_refused_and_deleted(remote, tmp_path):
    error = error_of(RemoteFile(remote.url, sha256="0" * 64), tmp_path)

    assert error.code is Cause.CORRUPT_FILE
    assert DIGEST in error.message
    assert names(tmp_path) == set()


def test_a_right_digest_is_accepted(remote, tmp_path):
    assert fetch(RemoteFile(remote.url, sha256=DIGEST), tmp_path) == DIGEST


def test_a_file_that_is_gone_is_asked_for_once(remote, file_server, tmp_path):
    file_server.files.clear()
    error = error_of(remote, tmp_path)

    assert error.code is Cause.NO_NETWORK
    assert "404" in error.message
    assert "names a new address" in error.try_
    assert len(file_server.requests) == 1


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path):
    error = error_of(RemoteFile("http://127.0.0.1:9/set.zip"), tmp_path)

    assert error.code is Cause.NO_NETWORK
    assert "127.0.0.1:9" in error.message


@pytest.mark.parametrize("url", ["http://example.org/set.zip", "ftp://example.org/set.zip", "file:///etc/passwd"])
def test_only_https_is_spoken(url, tmp_path):
    assert "https only" in error_of(RemoteFile(url), tmp_path).message


def test_a_redirect_to_elsewhere_is_refused(remote, file_server, tmp_path):
    file_server.redirects["/set.zip"] = "http://example.org/set.zip"

    assert "https only" in error_of(remote, tmp_path).message


def test_a_full_disk_is_said_and_what_came_stays(remote, file_server, tmp_path, monkeypatch):
    def write_some(response, stream, have, total, progress):
        stream.write(response.read(1000))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", write_some)
    assert error_of(remote, tmp_path).code is Cause.DISK_FULL

    monkeypatch.undo()
    assert fetch(remote, tmp_path) == DIGEST
    assert file_server.requests[-1][1] == "bytes=1000-"


def test_a_place_that_cannot_be_written_is_said(remote, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as caught:
        download(remote, tmp_path / "file" / "set.zip")

    assert caught.value.code is Cause.NOT_WRITABLE


def test_progress_counts_what_was_there_before(remote, file_server, tmp_path):
    file_server.cuts = [300_000]
    seen = []

    download(remote, tmp_path / "set.zip", lambda done, total: seen.append((done, total)), wait_s=0.001)

    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
