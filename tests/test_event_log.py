"""Events are JSON lines, each on disk as soon as it happened."""

from __future__ import annotations

import json
from pathlib import Path

from recon.core.events import ImageDone, Noted
from recon.event_log import write_events


def test_each_event_is_a_line_that_can_be_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with write_events(path) as write:
        write(ImageDone(name="é 中.jpg", keypoints=5))
        (line,) = path.read_text("utf-8").splitlines()
        assert json.loads(line)["name"] == "é 中.jpg"
        assert json.loads(line)["event"] == "ImageDone"

    with write_events(path) as write:  # a later run appends
        write(Noted(message="again"))
    assert len(path.read_text("utf-8").splitlines()) == 2
