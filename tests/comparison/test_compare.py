"""`recon compare` on real runs, and what it refuses."""

from __future__ import annotations

import json

import pytest

from recon.cli import main


@pytest.mark.slow
def test_two_combinations_are_measured_once_and_then_remembered(tmp_path, sample_photos, capsys, monkeypatch):
    out = tmp_path / "compared"
    arguments = ["compare", str(sample_photos), "--with", "sift:nearest,sift", "-o", str(out), "--preset", "fast"]
    arguments += ["--max-size", "400", "--truth", str(sample_photos.parent / "gt.json"), "--json"]
    assert main(arguments) == 0
    first = json.loads(capsys.readouterr().out)

    for trial in first["trials"]:
        assert trial["registered"] == trial["images"] == 16
        assert trial["stability"] == 1.0
        assert trial["held_out_consistency"] > 0.9
        assert trial["held_out_pairs"] > 0
        assert trial["auc_deg"]["3"] > 80
        assert trial["memory_mb"] > 50
        assert (out / trial["label"].replace(":", "_") / "report.html").is_file()
    assert first["recommendation"]["label"] in ("sift", "sift:nearest")
    assert "sift:nearest" in (out / "compare.html").read_text("utf-8")
    assert not (out / ".again").exists()

    def refuse(*arguments):
        raise AssertionError("measured again")

    monkeypatch.setattr("recon.comparison.comparing._measure", refuse)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == first["trials"]


def test_a_folder_of_others_is_not_written_to(tmp_path, sample_photos, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    status = main(["compare", str(sample_photos), "--with", "sift,xfeat", "-o", str(tmp_path)])

    assert status == 2
    assert "is not empty" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "change", [["--with", "sift"], ["--with", "sift,nosuch"], ["--with", "sift,xfeat", "--truth", "nowhere.json"]]
)
def test_what_is_wrong_is_known_before_anything_runs(tmp_path, sample_photos, capsys, change):
    status = main(["compare", str(sample_photos), *change, "-o", str(tmp_path / "out"), "--json"])
    said = json.loads(capsys.readouterr().out)

    assert status == 2
    assert said["error"]["try"]
    assert not (tmp_path / "out").exists()
