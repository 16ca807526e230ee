"""A plan survives its own command line, and recon.json: what a run was asked can be asked again."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields, replace
from pathlib import Path

from hypothesis import given, reject
from hypothesis import strategies as st

from recon.choice import choose_team
from recon.cli.run import command as run_command
from recon.cli.running import request_of
from recon.command_line import repeating_command
from recon.core.errors import UsageError
from recon.core.options import Settings
from recon.core.registry import load_plugins
from recon.matching.cameras import CameraOptions, Grouping
from recon.plan import Plan, PriorPosesUse, make_plan
from recon.plan_command import command_of
from recon.plan_record import plan_of
from recon.result import plan_dict

NUMBERS = st.floats(0.001, 1e6, allow_nan=False)
CAMERAS = st.builds(
    CameraOptions,
    model=st.sampled_from([None, "PINHOLE", "OPENCV"]),
    params=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    grouping=st.sampled_from(Grouping),
    refine_intrinsics=st.sampled_from([None, True]),
    file=st.sampled_from([None, Path("/cameras.txt")]),
)
SETTINGS = st.lists(
    st.sampled_from(
        ["sift.max_keypoints=77", "extractor:sift.max_keypoints=88", "nearest.ratio=0.875", "matcher:nearest.ratio=.5"]
    ),
    max_size=3,
).map(Settings.from_texts)
PATHS = st.sampled_from([None, Path("/pairs.txt"), Path("/a folder/with 'quotes' and é.txt")])
FIELDS = {
    "preset": st.sampled_from(["fast", "balanced", "best"]),
    "max_size": st.none() | st.integers(16, 9000),
    "max_keypoints": st.none() | st.integers(1, 90000),
    "threads": st.integers(1, 64),
    "seed": st.integers(0, 2**31),
    "frames": st.none() | st.integers(2, 900),
    "camera": CAMERAS,
    "extractor": st.sampled_from(["auto", "sift"]),
    "matcher": st.sampled_from(["auto", "nearest"]),
    "refiner": st.sampled_from(["auto", "none", "photometric"]),
    "pairs_file": PATHS,
    "masks": PATHS,
    "settings": SETTINGS,
    "device": st.sampled_from(["auto", "cpu"]),
    "pairs": st.just("auto"),
    "mapper": st.sampled_from(["auto", "incremental"]),
    "world": st.sampled_from(["auto", "gps", "upright", "model"]),
    "gps_prior": st.booleans(),
    "strict": st.booleans(),
    "escalate": st.booleans(),
    "keep_overlays": st.booleans(),
    "prior_poses": PATHS,
    "prior_poses_use": st.sampled_from(PriorPosesUse),
}
PLANS = st.fixed_dictionaries(FIELDS)


def plan_with(fields):
    """Return a plan, or pass over fields that exclude each other."""
    try:
        return make_plan(**fields)
    except UsageError:
        reject()


def test_every_field_of_a_plan_is_tried_below():
    """A list of photos has no file: the command leaves it out."""
    assert {field.name for field in fields(Plan)} - set(FIELDS) == {"image_list"}


def parsed(words):
    """Return what `recon run` makes of a command line."""
    with run_command.make_context("run", words) as context:
        return request_of(None, context.params)


@given(PLANS)
def test_a_plan_survives_its_own_command(given_fields):
    plan = plan_with(given_fields)
    command = command_of(plan, Path("my photos"), Path("out put"), Path("out put"))
    command = command.changed({"--threads": str(plan.threads)})

    request = parsed(shlex.split(str(command))[2:])

    assert request.plan == plan
    assert (request.photos, request.output) == (Path("my photos"), Path("out put"))


REGISTRY = load_plugins()


@given(PLANS)
def test_a_plan_survives_its_manifest(given_fields):
    """But for `auto`, in whose place stands what it chose, and for options, which are all there."""
    plan = plan_with(given_fields)
    team = choose_team(plan, REGISTRY, lambda message: None)
    recorded = json.loads(json.dumps(plan_dict(plan, team)))

    again = plan_of(recorded, Path("recon.json"), threads=recorded["threads"])

    chosen = {name: getattr(again, name) for name in ("extractor", "matcher", "pairs", "mapper", "refiner", "settings")}
    assert again == replace(plan, **chosen)
    team_again = choose_team(again, REGISTRY, lambda message: None)
    assert plan_dict(again, team_again)["options"] == plan_dict(plan, team)["options"]


def test_only_options_that_change_something_are_in_the_command():
    settings = Settings.from_texts(["sift.max_keypoints=2048", "nearest.ratio=0.9", "auto.exhaustive_up_to=60"])
    plan = make_plan(preset="fast", threads=1, extractor="sift", matcher="nearest", settings=settings)
    # As a manifest records them: with JSON's types.
    typed = {"max_keypoints": 2048, "ratio": 0.9, "exhaustive_up_to": 60}
    entries = tuple(replace(entry, value=typed[entry.option]) for entry in settings.entries)
    plan = replace(plan, settings=Settings(entries))

    command = repeating_command(plan, Path("photos"), Path("out"), load_plugins())

    assert [value for name, value in command.options if name == "--set"] == ["nearest.ratio=0.9"]
    assert command.value("--preset") == "fast"
    assert command.value("--threads") == "1"
