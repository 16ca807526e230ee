"""Archives are unpacked below their folder only, and what is damaged or hostile is one clear error."""

from __future__ import annotations

import gzip
import io
import stat
import sys
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon.core.errors import Cause, ReconError
from recon.scenes.archives import Limits, unpack

PHOTO = bytes(range(256)) * 64


def make_zip(path, members, mode=stat.S_IFREG | 0o644):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def make_tar(path, *members):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            info.size = len(PHOTO) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(PHOTO) if info.size else None)
    return path


def error_of(archive, folder, limits=None):
    with pytest.raises(ReconError) as caught:
        unpack(archive, folder, limits or Limits())
    return caught.value


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tgz"])
def test_an_archive_is_unpacked(tmp_path, name):
    path = tmp_path / name
    if name.endswith("zip"):
        make_zip(path, {"images/a.jpg": PHOTO, "images/empty/": b""})
    else:
        make_tar(path, (".", tarfile.DIRTYPE, ""), ("./images/a.jpg", tarfile.REGTYPE, ""))

    unpack(path, tmp_path / "out")

    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == PHOTO


def test_a_single_packed_file_is_unpacked(tmp_path):
    (tmp_path / "points.ply.gz").write_bytes(gzip.compress(PHOTO))

    unpack(tmp_path / "points.ply.gz", tmp_path / "out")

    assert (tmp_path / "out" / "points.ply").read_bytes() == PHOTO


OUTSIDE = ["../evil", "images/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil", "\\\\host\\evil"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_zip_member_that_points_outside_is_refused(tmp_path, name):
    error = error_of(make_zip(tmp_path / "set.zip", {"good.jpg": PHOTO, name: b"evil"}), tmp_path / "out")

    assert error.code is Cause.CORRUPT_FILE
    assert "points outside" in error.message
    assert not list(tmp_path.parent.rglob("evil"))


@pytest.mark.parametrize("name", OUTSIDE[:4])
def test_a_tar_member_that_points_outside_is_refused(tmp_path, name):
    archive = make_tar(tmp_path / "set.tar", (name, tarfile.REGTYPE, ""))

    assert "points outside" in error_of(archive, tmp_path / "out").message


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.sampled_from("ab./\\:C~ \u00e9"), min_size=1, max_size=12))
def test_no_name_leads_outside(tmp_path_factory, name):
    """Whatever it is called, a member lands below the folder or stops the unpacking."""
    place = tmp_path_factory.mktemp("names")
    archive = make_zip(place / "set.zip", {name: b"x"})
    before = set(place.rglob("*"))

    try:
        unpack(archive, place / "box" / "out")
    except ReconError:
        return
    assert all(path.is_relative_to(place / "box") for path in set(place.rglob("*")) - before)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_tar_member_that_is_no_file_is_refused(tmp_path, kind):
    """A link may lead outside, and the next member go through it."""
    archive = make_tar(tmp_path / "set.tar", ("door", kind, "/etc"), ("door/passwd", tarfile.REGTYPE, ""))

    assert "no plain file" in error_of(archive, tmp_path / "out").message


def test_a_zip_member_that_is_a_link_is_refused(tmp_path):
    archive = make_zip(tmp_path / "set.zip", {"door": b"/etc"}, mode=stat.S_IFLNK | 0o777)

    assert "no plain file" in error_of(archive, tmp_path / "out").message


def test_an_archive_that_declares_itself_a_bomb_is_refused(tmp_path):
    archive = make_zip(tmp_path / "set.zip", {"zeros": bytes(4_000_000)})

    assert "more than photos do" in error_of(archive, tmp_path / "out", Limits(growth=50, spare_bytes=0)).message


def test_an_archive_that_grows_beyond_its_word_is_refused(tmp_path):
    (tmp_path / "zeros.gz").write_bytes(gzip.compress(bytes(4_000_000)))
    error = error_of(tmp_path / "zeros.gz", tmp_path / "out", Limits(growth=50, spare_bytes=0))

    assert "beyond all measure" in error.message


def test_too_many_members_are_refused(tmp_path):
    archive = make_zip(tmp_path / "set.zip", {f"{n}.jpg": b"" for n in range(20)})

    assert "more members" in error_of(archive, tmp_path / "out", Limits(members=10)).message


def test_more_than_the_disk_holds_is_said_before_it_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 100})())

    error = error_of(make_zip(tmp_path / "set.zip", {"a.jpg": PHOTO}), tmp_path / "out")
    assert error.code is Cause.DISK_FULL


def test_a_damaged_member_is_found_by_its_checksum(tmp_path):
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as stored:
        stored.writestr("a.jpg", PHOTO)
    content = bytearray(archive.read_bytes())
    content[500] ^= 1
    archive.write_bytes(content)

    assert "damaged" in error_of(archive, tmp_path / "out").message


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tar", "set.gz"])
def test_a_truncated_archive_is_damaged(tmp_path, name):
    path = tmp_path / name
    if name == "set.zip":
        make_zip(path, {"a.jpg": PHOTO})
    elif name == "set.gz":
        path.write_bytes(gzip.compress(PHOTO))
    else:
        make_tar(path, ("a.jpg", tarfile.REGTYPE, ""))
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2 if name != "set.tar" else 4000])

    error = error_of(path, tmp_path / "out")
    assert error.code is Cause.CORRUPT_FILE
    assert str(path) in error.try_


def test_an_encrypted_archive_is_refused(tmp_path):
    archive = make_zip(tmp_path / "set.zip", {"a.jpg": PHOTO})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)

    assert "password" in error_of(archive, tmp_path / "out").message


def test_without_py7zr_a_7z_archive_is_left_with_advice(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "py7zr", None)
    (tmp_path / "set.7z").write_bytes(b"7z")
    error = error_of(tmp_path / "set.7z", tmp_path / "out")

    assert error.code is Cause.MISSING_LIBRARY
    assert "pip install py7zr" in error.try_
    assert "7z x" in error.try_


class SevenZip:
    """Stands for py7zr, which is not installed with the tests."""

    members = ("images/a.jpg",)

    def __init__(self, path):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def list(self):
        return [type("Member", (), {"filename": name, "uncompressed": 5})() for name in self.members]

    def extractall(self, folder):
        (folder / "images").mkdir()
        (folder / "images" / "a.jpg").write_bytes(b"photo")


def test_with_py7zr_a_7z_archive_is_unpacked_and_its_names_are_checked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "py7zr", type("Library", (), {"SevenZipFile": SevenZip}))
    (tmp_path / "set.7z").write_bytes(b"7z")

    unpack(tmp_path / "set.7z", tmp_path / "out")
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == b"photo"

    monkeypatch.setattr(SevenZip, "members", ("../evil",))
    assert "points outside" in error_of(tmp_path / "set.7z", tmp_path / "other").message


def test_an_archive_in_parts_is_left_with_advice(tmp_path):
    make_zip(tmp_path / "set.zip", {"a.jpg": PHOTO})
    (tmp_path / "set.z01").write_bytes(b"")

    assert "7z x" in error_of(tmp_path / "set.zip", tmp_path / "out").try_


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "set.rar").write_bytes(b"Rar!")

    assert "no archive" in error_of(tmp_path / "set.rar", tmp_path / "out").message
