"""The stage before all others where the photos are a video: its frames, chosen and written into the workspace.

The frames stay there, since the model refers to them. What was measured of the video is kept in `.cache`, so that
another number of frames measures nothing again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recon.choice import key_of
from recon.core.errors import Cause, UsageError
from recon.core.events import Observer, Progress, StageStarted, Warned
from recon.core.executor import never
from recon.plan import Plan
from recon.run import Run
from recon.video.frames import JPEG_QUALITY, VideoMeasures, measure_frames, write_frames
from recon.video.selection import (
    BLURRED,
    DEFAULT_FRAMES,
    LEAST_FRAMES,
    STEP,
    STILL,
    FrameMeasure,
    choose_frames,
    length_of,
    step_of,
)
from recon.workspace import StageRecord, write_text
from recon.workspace.atomic import file_digest
from recon.workspace.folder import FRAMES, HALF_WRITTEN_FRAMES

_VERSION = 1
"""Raised when the same video gives other frames."""
_EVENTS = 100
"""Times that progress is told."""


def take_frames(run: Run, video: Path) -> None:
    """Bring the frames of a video into the workspace's folder of frames, unless they are there.

    Raises:
        NoModel: UNREADABLE, the video has no frame that can be read.
        UsageError: NOT_A_WORKSPACE, the folder of frames is not ours.
        Interrupted: The run was asked to stop.
    """
    digest = file_digest(video)
    most = run.plan.frames or DEFAULT_FRAMES
    measure_key = key_of("video", _VERSION, digest)
    key = key_of("frames", measure_key, most, STEP, LEAST_FRAMES, STILL, BLURRED, JPEG_QUALITY)
    if run.workspace.finished_stage("frames", key) is not None:
        return
    folder = run.workspace.path / FRAMES
    if folder.exists() and "frames" not in run.workspace.manifest.stages:
        raise UsageError(
            f"{folder} is where the frames would go, and is not recon's",
            code=Cause.NOT_A_WORKSPACE,
            file=str(folder),
            try_="choose another folder with -o DIR",
        )
    with run.timed("frames"):
        measures = _measures(run, video, measure_key)
        chosen = choose_frames(measures.frames, most)
        run.note(describe_choice(measures, chosen, most))
        if measures.is_cut_short:
            message = f"{video.name} ends after {measures.num_frames} frames of the {measures.announced} it announces"
            run.observer(Warned(message=message, file=str(video)))
        half = run.workspace.path / HALF_WRITTEN_FRAMES
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        names = write_frames(video, chosen, half, run.plan.threads, run.should_stop)
        digests = {f"{FRAMES}/{name}": file_digest(half / name) for name in names}
    facts = {
        "video": str(video.resolve()),
        "digest": digest,
        "frames": measures.num_frames,
        "frames_per_second": measures.frames_per_second,
        "chosen": chosen,
    }
    seconds = {"frames": round(run.seconds["frames"], 3)}
    # On record first: frames that are on record and not there are written anew, others would count as foreign.
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    run.workspace.record_stage("frames", StageRecord(key, seconds, finished, digests, facts))
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)


def write_chosen_frames(video: Path, plan: Plan, folder: Path, observer: Observer) -> str:
    """Write the frames that a run would take into a folder, and return how they were chosen, as a sentence.

    Raises:
        NoModel: UNREADABLE, the video has no frame that can be read.
    """
    most = plan.frames or DEFAULT_FRAMES
    measures = _measure(video, plan, observer)
    chosen = choose_frames(measures.frames, most)
    write_frames(video, chosen, folder, plan.threads)
    return describe_choice(measures, chosen, most)


def describe_choice(measures: VideoMeasures, chosen: list[int], most: int) -> str:
    """Return how frames were chosen, as a sentence."""
    length = f"{measures.seconds:.1f} s, " if measures.seconds else ""
    head = f"video: {len(chosen)} of {measures.num_frames} frames ({length}{measures.width}x{measures.height} px)"
    if length_of(measures.frames) < STILL:
        return f"{head}, spread by time, since the camera does not seem to move: a model needs one that moves sideways"
    step = 100 * step_of(measures.frames, most)
    return f"{head}, the sharpest of each step in which the picture moves by {step:.1f} % of its width"


def _measures(run: Run, video: Path, key: str) -> VideoMeasures:
    kept = run.workspace.cache / "video" / f"{key}.json"
    if kept.is_file():
        try:
            return _from_json(json.loads(kept.read_text("utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            pass  # damaged: measured anew
    measures = _measure(video, run.plan, run.observer, run.should_stop)
    kept.parent.mkdir(exist_ok=True)
    write_text(kept, json.dumps(asdict(measures)))
    return measures


def _measure(video: Path, plan: Plan, observer: Observer, should_stop: Callable[[], bool] = never) -> VideoMeasures:
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        if (part := _EVENTS * done // total) != told:
            told = part
            observer(Progress(stage="frames", done=done, total=total))

    observer(StageStarted(stage="frames", summary=f"measuring sharpness and motion in {video.name}"))
    return measure_frames(video, plan.threads, tell, should_stop)


def _from_json(content: Mapping[str, Any]) -> VideoMeasures:
    return VideoMeasures(**{**content, "frames": tuple(FrameMeasure(**each) for each in content["frames"])})
