"""A configuration file stands for options; the command line beats it, and what it misspells is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from recon.cli.options import run_options
from recon.core.errors import Cause, UsageError


def parse(*arguments: str) -> dict[str, Any]:
    """Return the values that a command gets from a command line."""
    seen: dict[str, Any] = {}

    @click.command()
    @run_options
    def command(**values: Any) -> None:
        seen.update(values)

    command.main(["photos", *arguments], standalone_mode=False)
    return seen


@pytest.fixture
def config(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


def test_the_command_line_beats_the_configuration_and_that_beats_the_default(config) -> None:
    path = config('[run]\nmax-size = 800\nmax_keypoints = 500\nseed = 3\nextractor = "cnn"\nsingle-camera = true\n')

    values = parse("--config", path, "--seed", "4")

    assert (values["max_size"], values["max_keypoints"], values["seed"]) == (800, 500, 4)
    assert (values["extractor"], values["matcher"], values["single_camera"]) == ("cnn", "auto", True)


def test_camera_parameters_are_numbers_either_way(config) -> None:
    assert parse("--camera-params", "2760.5, 1536,1024,-0.1")["camera_params"] == (2760.5, 1536.0, 1024.0, -0.1)
    assert parse("--config", config("[run]\ncamera-params = [2760, 1536]\n"))["camera_params"] == (2760.0, 1536.0)
    with pytest.raises(click.BadParameter, match="1,x"):
        parse("--camera-params", "1,x")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[run]\nmax-sise = 800\n", "max-size"),
        ("[runn]\nmax-size = 800\n", "run"),
        ("[extracter.sift]\nmax_keypoints = 5\n", "extractor"),
    ],
)
def test_what_a_configuration_misspells_is_refused_with_a_suggestion(text: str, named: str, config) -> None:
    with pytest.raises(UsageError, match=f"'{named}'") as caught:
        parse("--config", config(text))

    assert caught.value.code is Cause.UNKNOWN_OPTION


def test_a_configuration_that_is_missing_or_no_toml_is_named(config, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml"):
        parse("--config", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match=r"config\.toml"):
        parse("--config", config("[run\n"))
    with pytest.raises(UsageError, match=r"run"):
        parse("--config", config("run = 3\n"))


def test_plugin_tables_are_left_to_the_plugins(config) -> None:
    values = parse("--config", config("[extractor.sift]\nmax_keypoints = 5\n"), "--set", "a.b=1", "--set", "c.d=2")

    assert values["settings"] == ("a.b=1", "c.d=2")
