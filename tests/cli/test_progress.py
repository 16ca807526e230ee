"""What a run shows while it goes on: lines where nobody looks, bars on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress as Bars

from recon.cli import progress
from recon.cli.progress import BarProgress, PlainProgress, show_progress
from recon.core.events import (
    Event,
    ImageDone,
    ImageRegistered,
    Noted,
    Progress,
    RunFinished,
    StageStarted,
    Warned,
)

EVENTS: list[Event] = [
    StageStarted(stage="extract", total=40, summary="sift, 1600 px"),
    ImageDone(name="a.jpg", keypoints=10),
    Progress(stage="extract", done=10, total=40),
    Warned(message="[b.jpg] is left out: empty", file="b.jpg"),
    Noted(message="pairs: exhaustive, since there are few photos"),
    StageStarted(stage="map", total=40, summary="incremental"),
    ImageRegistered(name="a.jpg", registered=20, points3D=1234),
    RunFinished(exit_status=0, summary={}),
]


def test_lines_say_the_stage_how_far_it_is_and_what_is_left(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(times)))
    observer = PlainProgress()

    for event in EVENTS:
        observer(event)

    output = capsys.readouterr()
    assert output.out == ""  # stdout is for results
    assert output.err.splitlines() == [
        "extract: sift, 1600 px",
        "extract: 10 of 40, about 30 s left",
        "warning: [b.jpg] is left out: empty",
        "pairs: exhaustive, since there are few photos",
        "map: incremental",
        "map: 20 of 40, 1234 points, about 10 s left",
    ]


def test_lines_come_every_few_seconds_and_not_with_every_photo(capsys) -> None:
    observer = PlainProgress()
    observer(EVENTS[0])

    for done in range(40):
        observer(Progress(stage="extract", done=done + 1, total=40))

    assert capsys.readouterr().err.splitlines() == ["extract: sift, 1600 px"]


def test_bars_show_each_stage_and_print_names_as_they_are() -> None:
    """Square brackets in a photo's name are no markup."""
    stream = io.StringIO()
    with Bars(console=Console(file=stream, force_terminal=True, width=200)) as bars:
        observer = BarProgress(bars)
        for event in EVENTS:
            observer(event)
        tasks = {task.description: task for task in bars.tasks}

    assert (tasks["extract"].completed, tasks["extract"].total) == (10, 40)
    assert (tasks["map"].completed, tasks["map"].fields["detail"]) == (20, "1,234 points")
    assert "[b.jpg] is left out" in stream.getvalue()


def test_without_a_terminal_there_are_lines() -> None:
    with show_progress() as observer:
        assert isinstance(observer, PlainProgress)


def test_what_an_earlier_run_did_counts_as_done_but_not_into_the_time_left(capsys, monkeypatch) -> None:
    times = iter([0.0, 10.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    observer = PlainProgress()
    observer(StageStarted(stage="train", total=1000, done=900, summary="a network"))

    observer(Progress(stage="train", done=910, total=1000, detail="loss 2.5"))

    assert capsys.readouterr().err.splitlines()[-1] == "train: 910 of 1000, loss 2.5, about 90 s left"


def test_bars_begin_where_an_earlier_run_stopped_and_show_the_losses() -> None:
    screen = io.StringIO()
    with Bars("{task.completed:.0f} {task.fields[detail]}", console=Console(file=screen, width=80)) as bars:
        observer = BarProgress(bars)
        observer(StageStarted(stage="train", total=1000, done=900, summary="a network"))
        assert bars.tasks[0].completed == 900
        observer(Progress(stage="train", done=910, total=1000, detail="loss 2.5"))

    assert bars.tasks[0].fields["detail"] == "loss 2.5"
    assert "910 loss 2.5" in screen.getvalue()
