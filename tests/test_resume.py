"""After an interruption at any moment the same command finishes the job; a changed option redoes what it changes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pycolmap
import pytest


def bytes_of_model(workspace: Path) -> dict[str, str]:
    """Return the sha256 of every file of the model."""
    files = [*sorted((workspace / "sparse").rglob("*.bin")), workspace / "points.ply"]
    return {str(file.relative_to(workspace)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def events_since(workspace: Path, position: int) -> list[dict]:
    lines = (workspace / "events.jsonl").read_text().splitlines()[position:]
    return [json.loads(line) for line in lines]


def num_events(workspace: Path) -> int:
    return len((workspace / "events.jsonl").read_text().splitlines())


def redone(events: list[dict]) -> tuple[int, int, int]:
    """Return how many photos were extracted, pairs matched or verified, and photos registered anew."""
    fresh = [event for event in events if not event.get("cached")]
    return tuple(sum(e["event"] == kind for e in fresh) for kind in ("ImageDone", "PairDone", "ImageRegistered"))


@pytest.fixture
def rerun(finished_run: Path, run_cli):
    """Return a function that runs the command of `finished_run` again and returns its JSON and what was redone."""

    def run(*options: str) -> tuple[dict, tuple[int, int, int]]:
        position = 0 if "--fresh" in options else num_events(finished_run)
        status, summary = run_cli(finished_run, "--threads", "1", *options)
        assert status == 0
        return summary, redone(events_since(finished_run, position))

    return run


def test_the_same_command_has_nothing_to_do(finished_run: Path, rerun) -> None:
    before = json.loads((finished_run / "recon.json").read_text())["summary"]
    model = bytes_of_model(finished_run)

    summary, work = rerun()

    assert work == (0, 0, 0)
    assert {**summary, "model": None} == {**before, "model": None}
    assert bytes_of_model(finished_run) == model


def test_the_same_command_has_nothing_to_do_without_its_cache(finished_run: Path, rerun) -> None:
    shutil.rmtree(finished_run / ".cache")

    assert rerun()[1] == (0, 0, 0)


@pytest.mark.parametrize(
    ("options", "photos", "pairs"),
    [
        (("--set", "nearest.ratio=0.9"), 0, 15),
        (("--max-keypoints", "600"), 6, 15),
        (("--seed", "7"), 0, 15),  # the seed decides the verification's samples
        (("--camera-model", "PINHOLE"), 0, 15),
        (("--preset", "best"), 0, 0),  # sizes are given: only the mapper's option changes
        (("--fresh",), 6, 15),
    ],
)
def test_a_changed_option_redoes_what_depends_on_it_and_nothing_else(options, photos, pairs, rerun) -> None:
    _, (extracted, matched, registered) = rerun(*options)

    assert (extracted, matched) == (photos, pairs)
    assert registered > 0


def test_a_changed_photo_redoes_its_own_pairs(finished_run: Path, six_photos: Path, tmp_path: Path, run_cli) -> None:
    photos = Path(shutil.copytree(six_photos, tmp_path / "copy"))
    with (photos / "0003.jpg").open("ab") as stream:
        stream.write(b"\0")  # another content, the same picture
    position = num_events(finished_run)

    run_cli(finished_run, "--threads", "1", photos=photos)

    assert redone(events_since(finished_run, position))[:2] == (1, 5)


def test_what_was_damaged_is_made_again_and_ends_in_the_same_bytes(finished_run: Path, rerun) -> None:
    """Features, pairs, the database, a model and the points: in turn, and then all at once."""
    model = bytes_of_model(finished_run)
    damages = [
        lambda: [path.write_bytes(b"damaged") for path in (finished_run / ".cache").rglob("*.npz")][:2],
        lambda: (finished_run / ".cache" / "pairs.db").write_bytes(b"damaged" * 1000),
        lambda: (finished_run / "database.db").write_bytes(b"damaged"),
        lambda: (finished_run / "sparse" / "0" / "images.bin").write_bytes(b"damaged"),
        lambda: (finished_run / "points.ply").unlink(),
    ]
    for damage in damages:
        damage()
        rerun()
        assert bytes_of_model(finished_run) == model
    for damage in damages:
        damage()
    rerun()
    assert bytes_of_model(finished_run) == model


def test_two_threads_find_the_same_features_and_pairs_as_one(finished_run: Path, tmp_path: Path, run_cli) -> None:
    run_cli(tmp_path / "two", "--threads", "2")

    one, two = (json.loads((each / "recon.json").read_text())["stages"] for each in (finished_run, tmp_path / "two"))
    assert one["match"]["digests"] == two["match"]["digests"]
    assert one["map"]["facts"]["numbers"]["registered"] == two["map"]["facts"]["numbers"]["registered"]


def test_stages_alone_end_in_the_bytes_of_a_whole_run(finished_run: Path, tmp_path: Path, run_cli) -> None:
    for command in ("extract", "match", "map"):
        assert run_cli(tmp_path / "out", "--threads", "1", command=command)[0] == 0

    assert bytes_of_model(tmp_path / "out") == bytes_of_model(finished_run)
    position = num_events(tmp_path / "out")
    run_cli(tmp_path / "out", "--threads", "1")
    assert redone(events_since(tmp_path / "out", position)) == (0, 0, 0)


@pytest.mark.parametrize(("command", "needs"), [("match", "recon extract"), ("map", "recon match")])
def test_a_stage_whose_input_is_missing_names_the_command_that_makes_it(
    command, needs, tmp_path: Path, run_cli
) -> None:
    status, summary = run_cli(tmp_path / "out", command=command)

    assert status == 2
    assert needs in summary["error"]["try"] or "recon extract" in summary["error"]["try"]


def begin(photos: Path, output: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "recon", "run", str(photos), "-o", str(output), "--threads", "1"]
    small = ["--max-size", "400", "--max-keypoints", "800"]
    return subprocess.Popen([*command, *small, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_event(process: subprocess.Popen[str], output: Path, kind: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (output / "events.jsonl").exists() and f'"{kind}"' in (output / "events.jsonl").read_text():
            return
        time.sleep(0.005)
    process.kill()
    pytest.fail(f"no {kind} came: {process.communicate()}")


@pytest.mark.parametrize(
    ("number", "status", "when"),
    [(signal.SIGINT, 130, "ImageDone"), (signal.SIGTERM, 143, "PairDone"), (signal.SIGINT, 130, "ImageRegistered")],
)
def test_a_signal_ends_the_run_after_a_checkpoint(
    number, status, when, finished_run, six_photos, write_plugin, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    slowly = write_plugin("slow", "import time\n@recon.hookimpl\ndef recon_event(event):\n    time.sleep(0.05)\n")
    with begin(six_photos, output, "--json", "--plugins-dir", str(slowly)) as process:
        wait_for_event(process, output, when)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)

    manifest = json.loads((output / "recon.json").read_text())
    assert process.returncode == status
    assert manifest["state"] == "interrupted"
    assert json.loads(stdout)["error"]["code"] == "interrupted"
    assert "Traceback" not in stderr
    assert "same command" in stderr
    assert not list(output.rglob("*.part"))

    with begin(six_photos, output) as process:
        process.communicate(timeout=60)
    assert bytes_of_model(output) == bytes_of_model(finished_run)


@pytest.mark.slow
def test_a_run_that_is_killed_at_twenty_random_moments_ends_in_the_same_bytes(
    finished_run: Path, six_photos: Path, tmp_path: Path
) -> None:
    """What lies on disk is valid after every kill: the model, where there is one, and the manifest."""
    moments = random.Random(0)
    output = tmp_path / "out"
    begun = time.monotonic()
    with begin(six_photos, output) as process:
        process.communicate(timeout=60)
    whole = time.monotonic() - begun
    shutil.rmtree(output)
    for number in range(20):
        if number % 4 == 0:
            shutil.rmtree(output, ignore_errors=True)
        with begin(six_photos, output) as process:
            time.sleep(moments.uniform(0, whole))
            process.kill()
        if (output / "recon.json").exists():
            json.loads((output / "recon.json").read_text())
        if (output / "sparse" / "0").is_dir():
            assert pycolmap.Reconstruction(output / "sparse" / "0").num_reg_images() == 6

        if number % 4 == 3:
            with begin(six_photos, output) as process:
                _, stderr = process.communicate(timeout=60)
            assert process.returncode == 0, stderr
            assert "Traceback" not in stderr
            assert bytes_of_model(output) == bytes_of_model(finished_run)


def test_a_second_run_on_the_same_folder_is_refused_by_the_first_ones_pid(
    six_photos: Path, tmp_path: Path, run_cli
) -> None:
    output = tmp_path / "out"
    with begin(six_photos, output) as process:
        wait_for_event(process, output, "StageStarted")
        os.kill(process.pid, signal.SIGSTOP)
        status, summary = run_cli(output)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=60)

    assert status == 2
    assert summary["error"]["code"] == "workspace_locked"
    assert str(process.pid) in summary["error"]["message"]
    assert process.returncode == 0


def test_a_run_without_a_model_keeps_the_earlier_one_and_says_so(finished_run: Path, run_cli) -> None:
    """Nothing is lost, and nobody takes the old model for the answer to the new question."""
    model = bytes_of_model(finished_run)

    status, summary = run_cli(finished_run, "--threads", "1", "--no-escalate", "--set", "sift.max_keypoints=20")

    assert (status, summary["model"]) == (1, None)
    assert bytes_of_model(finished_run) == model
    assert "still holds" in (finished_run / "events.jsonl").read_text()
