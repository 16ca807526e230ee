"""Pairs that look alike and contradict the others are listed with their effect; --strict drops them."""

from __future__ import annotations

import json

import pycolmap
import pytest

import recon.engine.ambiguity
from recon.engine.ambiguity import SuspiciousPair

PAIR = ("0000.jpg", "0001.jpg")


@pytest.fixture
def one_suspicious_pair(monkeypatch):
    """Have the first two photos of every set suspected."""
    pair = SuspiciousPair(*PAIR, inliers=41, found=0.4, path=0.9, path_in_sight=0.3, loop_photos=7, loop_error_deg=166)
    monkeypatch.setattr(recon.engine.ambiguity, "assess_database", lambda database: [pair])


def is_verified(output, pair=PAIR):
    with pycolmap.Database.open(output / "database.db") as database:
        ids = {image.name: image.image_id for image in database.read_all_images()}
        return database.exists_two_view_geometry(ids[pair[0]], ids[pair[1]])


def pairs_done(output):
    """Return the pairs that the last run matched, or found matched."""
    events = [json.loads(line) for line in (output / "events.jsonl").read_text("utf-8").splitlines()]
    begun = max(k for k, event in enumerate(events) if event["event"] == "RunStarted")
    found = [event for event in events[begun:] if event["event"] == "PairDone"]
    assert found
    return found


@pytest.mark.usefixtures("one_suspicious_pair")
def test_they_are_listed_and_their_effect_shown(run_cli, tmp_path, capsys):
    status, summary = run_cli(tmp_path / "out")

    (pair,) = summary["suspicious_pairs"]
    told = capsys.readouterr().err
    assert status == 0
    assert (pair["image1"], pair["image2"], pair["dropped"]) == (*PAIR, False)
    assert set(summary["suspicious_effect"]) == {"points3D", "observations", "photos"}
    assert "1 pair looks alike but contradicts the other photos (0000.jpg - 0001.jpg: 41 inliers" in told
    assert "points (" in told
    assert "--strict" in told
    assert is_verified(tmp_path / "out")


@pytest.mark.usefixtures("one_suspicious_pair")
def test_strict_drops_them_and_matches_nothing_again(run_cli, tmp_path, capsys):
    run_cli(tmp_path / "out")

    status, summary = run_cli(tmp_path / "out", "--strict")

    (pair,) = summary["suspicious_pairs"]
    assert status == 0
    assert pair["dropped"] is True
    assert summary["suspicious_effect"] is None
    assert summary["plan"]["strict"] is True
    assert all(event["cached"] for event in pairs_done(tmp_path / "out"))
    assert "it is dropped, since --strict is given" in capsys.readouterr().err
    assert not is_verified(tmp_path / "out")
    assert is_verified(tmp_path / "out", ("0001.jpg", "0002.jpg"))


def test_an_ordinary_set_has_none(run_cli, tmp_path):
    _, summary = run_cli(tmp_path / "out", "--strict")

    assert summary["suspicious_pairs"] == []
    assert summary["registered"] == 6
