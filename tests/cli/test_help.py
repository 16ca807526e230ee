"""Help is fast: no command imports a heavy library to describe itself, and each describes itself."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from recon.cli import COMMANDS, recon_command

HEAVY = ("torch", "cv2", "pycolmap", "open3d", "PIL", "rich")

RUN_HELP = f"""
import contextlib, io, json, sys
from recon.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    status = main([*sys.argv[1:], "--help"])
print(json.dumps([status, [name for name in {HEAVY} if name in sys.modules]]))
"""

LIST_PLUGINS = f"""
import json, sys
from recon.core.registry import load_plugins
load_plugins()
print(json.dumps([name for name in {HEAVY} if name in sys.modules]))
"""


def answer_of(code: str, *arguments: str) -> object:
    command = [sys.executable, "-c", code, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def with_subcommands(command: click.Command) -> list[click.Command]:
    if not isinstance(command, click.Group):
        return [command]
    context = click.Context(command)
    below = [command.get_command(context, name) for name in command.list_commands(context)]
    return [command, *(found for each in below if each for found in with_subcommands(each))]


def test_help_of_the_whole_imports_nothing_heavy():
    assert answer_of(RUN_HELP) == [0, []]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_imports_nothing_heavy(name):
    assert answer_of(RUN_HELP, name) == [0, []]


def test_loading_the_plugins_imports_nothing_heavy():
    """A plugin describes itself without its libraries."""
    assert answer_of(LIST_PLUGINS) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself(name):
    command = recon_command.get_command(click.Context(recon_command), name)
    assert command is not None
    for each in with_subcommands(command):
        options = [option for option in each.params if isinstance(option, click.Option) and not option.hidden]

        assert each.help, each.name
        assert [option.name for option in options if not option.help] == []
