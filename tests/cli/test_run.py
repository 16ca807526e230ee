"""`recon run` on the command line: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recon.cli import main

SMALL = ("--max-size", "400", "--max-keypoints", "800")
KEYS = {
    *("model", "models", "images", "registered", "points3D", "observations", "mean_track_length"),
    *("mean_reprojection_error_px", "left_out", "apart", "ladder", "seconds", "plan", "versions"),
    *("units", "frame", "overlays", "suspicious_pairs", "suspicious_effect"),
}


def test_people_get_numbers_on_stdout_and_progress_on_stderr(six_photos: Path, tmp_path: Path, capsys) -> None:
    status = main(["run", str(six_photos), "-o", str(tmp_path / "out"), *SMALL])
    output = capsys.readouterr()

    assert status == 0
    assert "6 of 6 registered" in output.out
    assert f"recon view {tmp_path / 'out'}" in output.out
    assert "extract: sift, 400 px" in output.err
    assert "share one camera" in output.err
    assert "focal length" in output.err
    assert "sift, since" in output.err


def test_programs_get_one_json_object_of_the_published_keys(six_photos: Path, tmp_path: Path, run_cli) -> None:
    status, summary = run_cli(tmp_path / "out")

    assert status == 0
    assert set(summary) == KEYS
    assert summary["model"] == str(tmp_path / "out" / "sparse" / "0")
    assert {"extract", "match", "verify", "map", "total"} <= set(summary["seconds"])
    assert summary["plan"]["extractor"] == "sift"
    assert "pycolmap" in summary["versions"]
    assert json.loads((tmp_path / "out" / "recon.json").read_text())["summary"] == summary


@pytest.mark.parametrize(
    "options",
    [("--extractor", "sfit"), ("--image-list", "one.txt"), ("--no-such-option",), ("--config", "none.toml")],
)
def test_a_failure_has_the_same_keys_and_the_error(options, tmp_path: Path, run_cli, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.txt").write_text("0000.jpg\n")

    status, summary = run_cli(tmp_path / "out", *options)

    assert status in (1, 2)
    assert set(summary) == KEYS | {"error"}
    assert set(summary["error"]) == {"code", "message", "file", "try"}


def test_events_go_to_a_file_one_json_object_a_line(six_photos: Path, tmp_path: Path, run_cli) -> None:
    run_cli(tmp_path / "out", "--events", str(tmp_path / "events.jsonl"))

    written = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert written[-1]["event"] == "RunFinished"
    assert written == [json.loads(line) for line in (tmp_path / "out" / "events.jsonl").read_text().splitlines()]


def test_pairs_come_from_a_file(six_photos: Path, tmp_path: Path, run_cli) -> None:
    pairs = [f"{number:04d}.jpg {number + 1:04d}.jpg" for number in range(5)]
    (tmp_path / "pairs.txt").write_text("\n".join(pairs))

    run_cli(tmp_path / "out", "--pairs-file", str(tmp_path / "pairs.txt"))

    events = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["event"] == "PairDone" for line in events) == 5


def test_a_configuration_file_stands_for_options(six_photos: Path, tmp_path: Path, run_cli) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[run]\nseed = 5\n[extractor.sift]\nmax_keypoints = 300\n[matcher.nearest]\nratio = 0.7\n")

    _, summary = run_cli(tmp_path / "out", "--config", str(config))

    assert summary["plan"]["seed"] == 5
    assert summary["plan"]["options"]["matcher:nearest"]["ratio"] == 0.7
    assert summary["plan"]["options"]["extractor:sift"]["max_keypoints"] == 800  # --max-keypoints beats the file
