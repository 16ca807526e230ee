"""`recon train` from the command line, on a few small photos and for a few steps."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from recon.cli import main
from recon.core.errors import Cause

SMALL = (
    *("--max-size", "320", "--max-keypoints", "400", "--crop", "64", "--steps", "12", "--batch", "2"),
    *("--warm-up", "2", "--validation-every", "4", "--validation-pairs", "2", "--threads", "1", "--workers", "0"),
)
"""Options with which a training takes about two seconds."""
RECIPE = """
seed = 4
[[data]]
folder = "$TEST_PHOTOS"
[[stages]]
name = "first"
teacher = "sift"
{common}
[[stages]]
name = "second"
teacher = "sift"
descriptors = true
frozen = ["trunk.stem"]
mix = {{ homographies = 2 }}
losses = {{ descriptors = 2 }}
warps = {{ zoom = [0.8, 1.5] }}
{common}
"""
COMMON = """
steps = 6
batch = 2
crop = 64
size = 320
max_keypoints = 400
warm_up = 2
validation_every = 3
validation_pairs = 2
"""


def train(*arguments: object) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the JSON of a `recon train`."""
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        status = main(["train", *map(str, arguments), "--json"])
    return status, json.loads(stdout.getvalue())


def same_weights(run1: Path, run2: Path) -> bool:
    """Whether two trainings ended with the same weights, to the last bit."""
    weights1, weights2 = (load_file(run / "weights.safetensors") for run in (run1, run2))
    return weights1.keys() == weights2.keys() and all(
        np.array_equal(weights1[name], weights2[name]) for name in weights1
    )


@pytest.fixture(scope="session")
def _trained(six_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("trained") / "run"
    status, _ = train("new", "--data", six_photos, "-o", output, *SMALL)
    assert status == 0
    return output


@pytest.fixture
def trained(_trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of a finished `recon train new`, for a test to change."""
    return Path(shutil.copytree(_trained, tmp_path / "trained"))


def test_new_leaves_weights_that_an_extractor_takes(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    told = json.loads((trained / "train.json").read_text())
    curve = (trained / "curves.csv").read_text().splitlines()

    assert told["state"] == "finished"
    assert told["asked"]["settings"]["seed"] == 0
    assert {"torch", "recon", "lightning-fabric"} <= set(told["versions"])
    assert len(told["asked"]["photos"][0]["digest"]) == 64
    assert [line.split(",")[0] for line in curve] == ["step", "4", "8", "12"]
    assert (trained / "curves.png").read_bytes().startswith(b"\x89PNG")
    weights = f"cnn.weights={trained / 'weights.safetensors'}"
    options = ("--extractor", "cnn", "--set", weights, "--max-size", "320", "--threads", "1")
    assert main(["extract", str(six_photos), "-o", str(tmp_path / "out"), *options]) == 0


def test_the_same_command_again_finds_nothing_to_do(trained: Path, six_photos: Path) -> None:
    before = (trained / "weights.safetensors").stat().st_mtime_ns
    status, summary = train("new", "--data", six_photos, "-o", trained, *SMALL)

    assert status == 0
    assert summary["state"] == "finished"
    assert (trained / "weights.safetensors").stat().st_mtime_ns == before


def test_other_settings_are_refused_until_fresh(trained: Path, six_photos: Path) -> None:
    command = ("new", "--data", six_photos, "-o", trained, *SMALL, "--seed", "1")
    status, summary = train(*command)
    assert (status, summary["error"]["code"]) == (2, Cause.SETTINGS_CHANGED)
    assert "seed was 0, not 1" in summary["error"]["message"]

    assert train(*command, "--fresh")[0] == 0


def test_retraining_gives_the_same_curve_and_the_same_weights(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    assert train("new", "--data", six_photos, "-o", tmp_path / "again", *SMALL)[0] == 0

    assert (tmp_path / "again" / "curves.csv").read_bytes() == (trained / "curves.csv").read_bytes()
    assert same_weights(tmp_path / "again", trained)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_signal_ends_it_with_a_checkpoint_and_the_same_command_ends_alike(
    trained: Path, six_photos: Path, tmp_path: Path, number: int, status: int
) -> None:
    """With workers, which are signalled together with the trainer by Ctrl-C."""
    run = tmp_path / "run"
    command = ["train", "new", "--data", str(six_photos), "-o", str(run), *SMALL, "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "recon", *command, "--checkpoint-every", "1"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (run / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.01)

    os.killpg(process.pid, number)
    _, said = process.communicate()

    if process.returncode != 0:  # else it was faster than the signal
        assert process.returncode == status, said
        assert "Traceback" not in said
        assert json.loads((run / "train.json").read_text())["state"] == "interrupted"
    assert main(command) == 0
    assert (run / "curves.csv").read_bytes() == (trained / "curves.csv").read_bytes()
    assert same_weights(run, trained)


def test_a_time_limit_pauses(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    command = ("new", "--data", six_photos, "-o", tmp_path / "run", *SMALL)
    status, summary = train(*command, "--time-limit", "1e-9")
    assert (status, summary["state"]) == (0, "paused")

    assert train(*command)[1]["state"] == "finished"
    assert (tmp_path / "run" / "curves.csv").read_bytes() == (trained / "curves.csv").read_bytes()


@pytest.mark.slow
def test_distil_sets_teacher_and_students_side_by_side(six_photos: Path, tmp_path: Path, capsys) -> None:
    command = ["train", "distill", "--teacher", "sift", "--data", str(six_photos), "-o", str(tmp_path / "run")]
    assert main([*command, *SMALL, "--compare"]) == 0

    said = capsys.readouterr().out
    report = json.loads((tmp_path / "run" / "train.json").read_text())["report"]
    assert [row["role"] for row in report["rows"]] == ["teacher", "student without teacher", "student with teacher"]
    assert report["rows"][0]["matches"] > 20  # SIFT on crops of a wall
    assert report["rows"][0]["bytes"] == 0 < report["rows"][1]["bytes"]
    assert all(row["ms"] > 0 for row in report["rows"])
    assert "student without teacher" in said
    assert "MB" in said
    losses = (tmp_path / "run" / "curves.csv").read_text().splitlines()[0]
    assert "teacher_descriptors" in losses
    assert "teacher_descriptors" not in (tmp_path / "run" / "without" / "curves.csv").read_text()


@pytest.mark.slow
def test_distil_against_a_student_that_is_there(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    command = ("distill", "--teacher", "sift", "--data", six_photos, "-o", tmp_path / "run", *SMALL)
    _, summary = train(*command, "--against", trained)
    assert [row["name"] for row in summary["report"]["rows"]] == ["sift", "cnn", "cnn"]

    status, summary = train(*command[:-2], "--against", tmp_path / "nothing")
    assert (status, summary["error"]["code"]) == (2, Cause.NOT_A_WORKSPACE)


def test_tune_says_whether_it_helped_and_keeps_the_better_weights(
    trained: Path, finished_run: Path, tmp_path: Path, capsys
) -> None:
    start = trained / "weights.safetensors"
    command = ["train", "tune", str(finished_run), "-o", str(tmp_path / "run"), "--start", str(start), *SMALL]
    assert main(command) == 0

    said = capsys.readouterr().out
    told = json.loads((tmp_path / "run" / "train.json").read_text())
    report = told["report"]
    kept = "tuned.safetensors" if report["is_better"] else None
    weights = (tmp_path / "run" / "weights.safetensors").read_bytes()
    assert weights == ((tmp_path / "run" / kept) if kept else start).read_bytes()
    assert ("are better" if kept else "stay as they were") in said
    assert report["pairs"] >= 4
    assert set(report["before"]) == {"matches", "right_1.5px", "share_1.5px", "right_3px", "share_3px"}
    assert told["asked"]["network"]["frozen"] == ["trunk.stem", "trunk.levels.0"]
    tuned, before = load_file(tmp_path / "run" / "tuned.safetensors"), load_file(start)
    changed = {name for name in before if not np.array_equal(tuned[name], before[name])}
    assert changed
    assert not [name for name in changed if name.startswith(("trunk.stem", "trunk.levels.0"))]


@pytest.mark.slow
def test_tune_reconstructs_photos_first(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    start = trained / "weights.safetensors"
    options = ("--start", start, "--preset", "fast", *SMALL)
    status, summary = train("tune", six_photos, "-o", tmp_path / "run", *options)

    assert status == 0
    assert summary["report"]["pairs"] >= 4
    assert (tmp_path / "run" / "reconstruction" / "sparse" / "0").is_dir()


def test_a_recipe_is_carried_out_stage_by_stage(
    six_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PHOTOS", str(six_photos))
    (tmp_path / "recipe.toml").write_text(RECIPE.format(common=COMMON))
    command = ("recipe", tmp_path / "recipe.toml", "-o", tmp_path / "run", "--threads", "1", "--workers", "0")
    paused = train(*command, "--time-limit", "1e-9")[1]
    assert (paused["state"], len(paused["stages"])) == ("paused", 1)

    status, summary = train(*command)

    assert (status, summary["state"]) == (0, "finished")
    assert [stage["kind"] for stage in summary["stages"]] == ["new", "distill"]
    stages = tmp_path / "run" / "stages"
    last = stages / "second" / "weights.safetensors"
    assert (tmp_path / "run" / "weights.safetensors").read_bytes() == last.read_bytes()
    first, second = load_file(stages / "first" / "weights.safetensors"), load_file(last)
    stem = [name for name in first if name.startswith("trunk.stem")]
    assert stem
    assert all(np.array_equal(first[name], second[name]) for name in stem)
    assert train(*command)[1]["state"] == "finished"


@pytest.mark.slow
def test_a_recipe_reconstructs_photos_first_where_it_says_so(six_photos: Path, tmp_path: Path) -> None:
    data = f'[[data]]\nfolder = "{six_photos}"\nextractor = "sift"\npreset = "fast"\n'
    (tmp_path / "recipe.toml").write_text(f'{data}[[stages]]\nteacher = "sift"\n{COMMON}')
    options = ("-o", tmp_path / "run", "--threads", "1", "--workers", "0")
    status, summary = train("recipe", tmp_path / "recipe.toml", *options)

    assert (status, summary["state"]) == (0, "finished")
    assert summary["stages"][0]["counts"]["pairs"] > 4
    assert (tmp_path / "run" / "workspaces" / f"1-{six_photos.name}" / "recon.json").is_file()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seed = 1", "nothing to learn from"),
        ("[scenes]\ncount = 2", "no stage"),
        ("[scenes]\ncont = 2", "did you mean 'count'"),
        ("[scenes]\ncount = 'many'", "expected a whole number"),
        ("[[data]]\nextractor = 'sift'", "has no folder"),
        ("[[data]]\nfolder = '$NOT_SET_AT_ALL/a'", "NOT_SET_AT_ALL is not set"),
        ("[scenes]\ncount = 2\n[[stages]]\nstep = 3", "did you mean 'steps'"),
        ("[scenes]\ncount = 2\n[[stages]]\nsteps = 0", "steps = 0 is out of range"),
        ("[scenes]\ncount = 2\n[[stages]]\nname = '../../up'", "no name of a folder"),
        ("[scenes]\ncount = 2\n[[stages]]\nlosses = { descriptor = 1 }", "did you mean 'descriptors'"),
        ("[scenes]\ncount = 2\n[stages]\nsteps = 3", "two brackets"),
        ("seed = ", "no valid TOML"),
    ],
)
def test_a_recipe_that_is_wrong_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    status, summary = train("recipe", tmp_path / "recipe.toml", "-o", tmp_path / "run")

    error = summary["error"]
    assert status == 2
    assert says in f"{error['message']} {error['try']}"
    assert error["file"] == str(tmp_path / "recipe.toml")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_imagenet_network_as_trunk_frozen_or_tuned(six_photos: Path, tmp_path: Path) -> None:
    """Its weights come in torchvision's format, here made at random."""
    weights = tmp_path / "resnet18.pth"
    network = _backbone("resnet18")
    torch.save(network.state_dict(), weights)
    changed = {}
    for choice in ("--freeze-backbone", "--tune-backbone"):
        run = tmp_path / choice
        options = ("--backbone", "resnet18", "--backbone-weights", weights, choice, *SMALL, "--steps", "4")
        assert train("new", "--data", six_photos, "-o", run, *options)[0] == 0
        trained = load_file(run / "weights.safetensors")
        changed[choice] = {
            name
            for name, value in network.state_dict().items()
            if not np.array_equal(trained[f"trunk.backbone.{name}"], value.numpy())
        }

    assert changed["--freeze-backbone"] == set()
    assert "conv1.weight" in changed["--tune-backbone"]
    settings = ("--set", "cnn.backbone=resnet18", "--set", f"cnn.weights={run / 'weights.safetensors'}")
    options = ("--extractor", "cnn", *settings, "--max-size", "160", "--threads", "1")
    assert main(["extract", str(six_photos), "-o", str(tmp_path / "out"), *options]) == 0


def _backbone(name: str) -> torch.nn.Module:
    from recon_plugins.cnn.backbones import create_trunk

    torch.manual_seed(0)
    return create_trunk(name).backbone


def test_a_killed_training_goes_on_at_once(trained: Path, six_photos: Path, tmp_path: Path) -> None:
    """Its workers, which live on for seconds, hold nothing up for good."""
    run = tmp_path / "run"
    command = ["train", "new", "--data", str(six_photos), "-o", str(run), *SMALL]
    process = subprocess.Popen([sys.executable, "-m", "recon", *command, "--checkpoint-every", "1", "--workers", "1"])
    while not (run / "checkpoint.pt").exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()

    assert main(command) == 0
    assert (run / "curves.csv").read_bytes() == (trained / "curves.csv").read_bytes()
    assert same_weights(run, trained)


@pytest.mark.slow
def test_tensorboard_is_written_where_wanted(six_photos: Path, tmp_path: Path) -> None:
    assert train("new", "--data", six_photos, "-o", tmp_path / "run", *SMALL, "--tensorboard")[0] == 0

    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


@pytest.mark.slow
def test_two_processes_train_together(six_photos: Path, tmp_path: Path) -> None:
    """As on two GPUs: one begins the other, which leaves the folder to it."""
    options = ["train", "new", "--data", str(six_photos), "-o", str(tmp_path / "run"), *SMALL, "--gpus", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "recon", *options, "--device", "cpu", "--json"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["state"], summary["step"]) == ("finished", 12)
    assert load_file(tmp_path / "run" / "weights.safetensors")


def test_no_photos_and_too_few(tmp_path: Path, six_photos: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "two").mkdir()
    for path in sorted(six_photos.iterdir())[:2]:
        shutil.copy(path, tmp_path / "two")

    def code(*arguments: object) -> tuple[int, str]:
        status, summary = train("new", *arguments, "-o", tmp_path / "run", *SMALL)
        return status, summary["error"]["code"]

    assert code("--data", tmp_path / "missing") == (2, Cause.MISSING_FILE)
    assert code("--data", tmp_path / "empty") == (1, Cause.NO_PHOTOS)
    assert code("--data", tmp_path / "two") == (1, Cause.TOO_FEW_PHOTOS)
    assert code() == (2, Cause.USAGE)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_photos_without_overlap_cannot_be_tuned_to(
    trained: Path, write_noise: Callable[[Path, int], Path], tmp_path: Path
) -> None:
    photos = write_noise(tmp_path / "noise", 5)
    start = trained / "weights.safetensors"
    status, summary = train("tune", photos, "-o", tmp_path / "run", "--start", start, *SMALL)

    assert status == 1
    assert "too little in common" in summary["error"]["message"] or "no model" in summary["error"]["message"]
    assert summary["error"]["try"]


@pytest.fixture
def write_noise() -> Callable[[Path, int], Path]:
    """Return a function that writes photos of nothing but noise, each another."""
    import cv2

    def write(folder: Path, count: int) -> Path:
        folder.mkdir()
        for number in range(count):
            rng = np.random.default_rng(number)
            small = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(small, (320, 240), interpolation=cv2.INTER_CUBIC))
        return folder

    return write


@pytest.mark.parametrize("content", ["pickle", "garbage", "missing"])
def test_foreign_and_malicious_weights_are_refused(finished_run: Path, tmp_path: Path, content: str) -> None:
    """Nothing in them is ever executed."""
    weights = tmp_path / "weights.safetensors"
    if content == "pickle":
        torch.save({"a": torch.zeros(2)}, weights)
    elif content == "garbage":
        weights.write_bytes(bytes(range(256)) * 40)
    status, summary = train("tune", finished_run, "-o", tmp_path / "run", "--start", weights, *SMALL)

    expected = (2, Cause.MISSING_FILE) if content == "missing" else (1, Cause.BAD_WEIGHTS)
    assert (status, summary["error"]["code"]) == expected


def test_a_teacher_without_weights_says_where_to_get_them(
    six_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recon.core.errors import ReconError

    def offline(*arguments: object, **options: object) -> None:
        raise ReconError("no network", code=Cause.NO_NETWORK, try_="`recon weights get xfeat` later")

    monkeypatch.setattr("recon.fetching.fetch_weights", offline)
    monkeypatch.setenv("RECON_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("recon.weights.cache_dir", lambda: tmp_path / "cache")
    status, summary = train("distill", "--teacher", "xfeat", "--data", six_photos, "-o", tmp_path / "run", *SMALL)

    assert (status, summary["error"]["code"]) == (1, Cause.NO_NETWORK)
    assert "recon weights get xfeat" in summary["error"]["try"]
    assert "sift" in summary["error"]["try"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--crop", "100"), "no multiple of 32"),
        (("--mix", "homography=1"), "did you mean 'homographies'"),
        (("--loss", "descriptors=x"), "not of the form"),
        (("--keypoints", "sfit"), "did you mean 'sift'"),
        (("--network", "cn"), "did you mean 'cnn'"),
        (("--set", "cnn.trunk=3"), "has no option 'trunk'"),
        (("--batch", "0"), "batch = 0 is out of range"),
        (("--backbone-weights", "x.pth"), "goes with --backbone"),
    ],
)
def test_what_does_not_exist_is_refused_with_a_suggestion(
    six_photos: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    status, summary = train("new", "--data", six_photos, "-o", tmp_path / "run", *SMALL, *options)

    assert status == 2
    assert says in summary["error"]["message"]
