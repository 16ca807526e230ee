"""A run through the API recommends commands too: those that its plan amounts to."""

from __future__ import annotations

from pathlib import Path

from recon.core.options import Settings
from recon.matching.cameras import CameraOptions, Grouping
from recon.plan import make_plan
from recon.plan_command import command_of


def test_a_plan_of_defaults_is_the_bare_command():
    command = command_of(make_plan(), Path("photos"), None, Path("photos-recon"))

    assert str(command) == "recon run photos"
    assert command.workspace == "photos-recon"


def test_what_differs_from_the_defaults_is_spelt_out():
    plan = make_plan(
        preset="fast",
        extractor="sift",
        max_keypoints=500,
        seed=3,
        pairs_file=Path("pairs.txt"),
        settings=Settings.from_texts(["nearest.ratio=0.9"]),
        camera=CameraOptions("PINHOLE", (700.0, 700.0, 320.0, 240.0), Grouping.SINGLE, True),
    )

    assert str(command_of(plan, Path("photos"), Path("out"), Path("out"))) == (
        "recon run photos -o out --extractor sift --preset fast --seed 3 --max-keypoints 500 --pairs-file pairs.txt "
        "--set nearest.ratio=0.9 --camera-model PINHOLE --camera-params 700.0,700.0,320.0,240.0 --single-camera "
        "--refine-intrinsics"
    )
