"""What is recommended at the end of a run is the command that the user typed, with something changed."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from PIL import Image


def test_the_next_command_keeps_the_options_that_were_given(six_photos: Path, tmp_path: Path, run_cli) -> None:
    photos = tmp_path / "my photos"
    shutil.copytree(six_photos, photos)
    Image.new("RGB", (640, 480), (128, 128, 128)).save(photos / "blank.png")
    options = ("--no-escalate", "--camera-per-image", "--set", "nearest.ratio=0.85", "--seed", "3")

    status, summary = run_cli(tmp_path / "out", *options, photos=photos)
    (blank,) = summary["left_out"]
    command = blank["try"].partition("recon run ")[2].partition(", for more")[0]

    assert status == 0
    assert blank["cause"] == "blank"
    expected = [str(photos), "-o", str(tmp_path / "out"), *options, "--preset", "best"]
    assert sorted(shlex.split(command)) == sorted(expected)
