"""Weight files are found in a fixed order, and only what has the published digest is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recon.core.components import WeightsFile
from recon.core.errors import Cause, ReconError, UsageError
from recon.weights import cache_dir, find_weights, has_published_digest, locate_weights

CONTENT = b"weights"
FILE = WeightsFile("net.pth", "https://example.org/net.pth", "MIT", sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Neither the user's cache nor the user's RECON_WEIGHTS may decide a test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def error_of(**arguments: object) -> ReconError:
    with pytest.raises(ReconError) as caught:
        find_weights(FILE, "mynet", **arguments)
    return caught.value


def test_what_the_user_gives_comes_first(tmp_path, monkeypatch):
    """It may be trained by the user: its digest is not compared."""
    monkeypatch.setenv("RECON_WEIGHTS", str(put(tmp_path / "folder" / FILE.name).parent))
    given = put(tmp_path / "mine.pth", b"other")

    assert find_weights(FILE, "mynet", given) == given


def test_a_given_file_that_is_missing_is_wrong_usage(tmp_path):
    """Something else in its place would be a surprise."""
    put(cache_dir() / FILE.name)
    error = error_of(given=tmp_path / "mine.pth")

    assert isinstance(error, UsageError)
    assert error.code is Cause.MISSING_FILE
    assert error.file == str(tmp_path / "mine.pth")


def test_the_folder_of_the_environment_comes_second(tmp_path, monkeypatch):
    put(cache_dir() / FILE.name)
    found = put(tmp_path / "folder" / FILE.name, b"trained here")
    monkeypatch.setenv("RECON_WEIGHTS", str(found.parent))

    assert find_weights(FILE, "mynet") == found


def test_the_cache_comes_third(tmp_path, monkeypatch):
    monkeypatch.setenv("RECON_WEIGHTS", str(tmp_path / "does not exist"))
    cached = put(cache_dir() / FILE.name)

    assert find_weights(FILE, "mynet") == cached


def test_a_damaged_file_in_the_cache_is_not_used():
    cached = put(cache_dir() / FILE.name, b"half")
    error = error_of()

    assert error.code is Cause.BAD_WEIGHTS
    assert error.file == str(cached)


def test_without_the_file_the_error_says_where_to_put_it_and_what_works_without():
    error = error_of()

    assert error.code is Cause.MISSING_WEIGHTS
    assert error.try_ is not None
    for told in (FILE.url, str(cache_dir() / FILE.name), "RECON_WEIGHTS", "sift", "recon weights get mynet"):
        assert told in error.try_


def test_locating_neither_verifies_nor_fails():
    assert locate_weights(FILE) is None
    assert locate_weights(FILE) != put(cache_dir() / FILE.name, b"half")
    assert locate_weights(FILE) == cache_dir() / FILE.name


def test_a_git_blob_id_is_verified_as_git_computes_it(tmp_path):
    """`git hash-object` of a file that holds "weights"."""
    blob = hashlib.sha1(b"blob 7\0weights").hexdigest()
    file = WeightsFile("net.pth", "https://example.org/net.pth", "MIT", git_blob=blob)

    assert has_published_digest(file, put(tmp_path / "net.pth"))
    assert not has_published_digest(file, put(tmp_path / "net.pth", b"weightz"))


def test_digests_are_compared_whatever_their_case(tmp_path):
    file = WeightsFile(FILE.name, FILE.url, "MIT", sha256=(FILE.sha256 or "").upper())

    assert has_published_digest(file, put(tmp_path / "net.pth"))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "net.pth").mkdir()
    with pytest.raises(ReconError, match="cannot read the weights") as caught:
        has_published_digest(FILE, tmp_path / "net.pth")

    assert caught.value.file == str(tmp_path / "net.pth")
