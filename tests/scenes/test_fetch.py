"""A set is brought into a folder once, whole, and with its provenance."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest

from recon.core.errors import ReconError, UsageError
from recon.scenes import fetch as module
from recon.scenes.catalogue import PhotoSet, RemoteFile
from recon.scenes.fetch import fetch_set


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/") + ".jpg", content)
    return out.getvalue()


@pytest.fixture
def photo_set(file_server):
    """Return a set of two archives on the server."""
    file_server.files = {"/one.zip": zipped(images__a=b"A"), "/two.zip": zipped(images__b=b"B", more__c=b"C")}
    files = tuple(RemoteFile(file_server.address + path) for path in file_server.files)
    return PhotoSet("pair", "A pair of archives", 3, files, "unknown", "none", "https://example.org")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_archives_are_unpacked_into_one_folder(photo_set, file_server, tmp_path):
    assert fetch_set(photo_set, tmp_path / "pair")

    found = contents(tmp_path / "pair")
    source = json.loads(found.pop("SOURCE.json"))
    assert found == {"images/a.jpg": b"A", "images/b.jpg": b"B", "more/c.jpg": b"C"}
    assert source["name"] == "pair"
    assert source["licence"] == "unknown"
    assert [file["sha256"] for file in source["files"]] == [
        hashlib.sha256(content).hexdigest() for content in file_server.files.values()
    ]


def test_what_is_here_is_not_fetched_again(photo_set, file_server, tmp_path):
    fetch_set(photo_set, tmp_path / "pair")
    count = len(file_server.requests)

    assert not fetch_set(photo_set, tmp_path / "pair")
    assert len(file_server.requests) == count


def test_what_was_stopped_goes_on_with_the_next_archive(photo_set, file_server, tmp_path):
    second = file_server.files.pop("/two.zip")
    with pytest.raises(ReconError):
        fetch_set(photo_set, tmp_path / "pair")
    file_server.files["/two.zip"] = second

    assert fetch_set(photo_set, tmp_path / "pair")
    assert [path for path, _ in file_server.requests] == ["/one.zip", "/two.zip", "/two.zip"]


def test_a_move_that_was_stopped_half_way_is_finished(photo_set, tmp_path, monkeypatch):
    def stop(path, value):
        if path.name == "SOURCE.json":
            raise KeyboardInterrupt
        write_json(path, value)

    write_json = module.write_json
    monkeypatch.setattr(module, "write_json", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch_set(photo_set, tmp_path / "pair")
    monkeypatch.undo()

    assert fetch_set(photo_set, tmp_path / "pair")
    assert set(contents(tmp_path / "pair")) == {"SOURCE.json", "images/a.jpg", "images/b.jpg", "more/c.jpg"}


def test_nothing_of_a_hostile_archive_is_kept(photo_set, file_server, tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("good.jpg", b"good")
        archive.writestr("../evil.jpg", b"evil")
    file_server.files["/two.zip"] = out.getvalue()

    with pytest.raises(ReconError, match="points outside"):
        fetch_set(photo_set, tmp_path / "pair")

    assert {path.name for path in tmp_path.rglob("*.jpg")} == set()


def test_a_foreign_folder_is_refused(photo_set, tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"mine")

    with pytest.raises(UsageError, match="not empty"):
        fetch_set(photo_set, tmp_path)


def test_another_sets_folder_is_refused(photo_set, tmp_path):
    (tmp_path / "SOURCE.json").write_text('{"name": "other"}')

    with pytest.raises(UsageError, match="'other'"):
        fetch_set(photo_set, tmp_path)
