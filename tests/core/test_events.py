"""Events are plain JSON, and a watcher that fails does not fail the run."""

from __future__ import annotations

import json

from recon.core.events import Announcer, ImageRegistered, Progress, RunFinished, Warned, ignore


def test_an_event_is_one_json_object():
    event = ImageRegistered(name="a.jpg", registered=2, points3D=10)
    told = json.loads(json.dumps(event.as_dict()))

    assert told == {"event": "ImageRegistered", "time": event.time, "name": "a.jpg", "registered": 2, "points3D": 10}


def test_events_know_their_time():
    assert Progress(stage="map", done=1, total=2).time <= Progress(stage="map", done=2, total=2).time


def test_every_observer_is_told_in_order():
    seen = []
    announce = Announcer([lambda event: seen.append("first"), lambda event: seen.append("second")])
    announce(RunFinished(exit_status=0, summary={}))

    assert seen == ["first", "second"]


def test_an_observer_that_raises_is_reported_once_and_dropped():
    seen = []

    def fails(event):
        raise OSError("full")

    announce = Announcer([fails, seen.append])
    for done in (1, 2, 3):
        announce(Progress(stage="map", done=done, total=3))

    warnings = [event.message for event in seen if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "OSError: full" in warnings[0]
    assert len(seen) == 4


def test_when_all_observers_fail_the_run_goes_on():
    def fails(event):
        raise OSError

    Announcer([fails, fails])(Progress(stage="map", done=1, total=3))
    ignore(Progress(stage="map", done=1, total=3))
