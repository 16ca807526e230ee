"""recon.json tells what it was told, and refuses what it cannot understand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recon.core.errors import Cause, UsageError
from recon.workspace.manifest import FORMAT, Manifest, StageRecord, State, read_manifest


def test_a_manifest_reads_as_it_was_written(tmp_path: Path) -> None:
    record = StageRecord("key", {"map": 1.5}, "2026-01-01T00:00:00+00:00", {"sparse/0/images.bin": "ab"}, {"n": 1})
    manifest = Manifest("0.1", "/photos/é", State.FINISHED, stages={"map": record}, files=("sparse",))

    manifest.write(tmp_path / "recon.json")

    assert read_manifest(tmp_path / "recon.json") == manifest


def test_one_from_a_newer_recon_is_refused_by_its_version(tmp_path: Path) -> None:
    path = tmp_path / "recon.json"
    path.write_text(json.dumps({"recon": "9.0", "format": FORMAT + 1, "whatever": []}))

    with pytest.raises(UsageError, match=r"9\.0"):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": 1}', b"\xff\xfe"])
def test_a_damaged_one_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recon.json"
    path.write_bytes(content)

    with pytest.raises(UsageError) as caught:
        read_manifest(path)

    assert caught.value.code is Cause.CORRUPT_FILE
    assert caught.value.file == str(path)
