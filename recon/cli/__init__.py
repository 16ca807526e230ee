"""The command line: one short file a command, each loaded when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module

import click

import recon
from recon.core.errors import Interrupted, ReconError

COMMANDS = {
    "check": "Judge a photo set before anything runs.",
    "run": "Photos to a 3D model: every stage, one command.",
    "extract": "Find the features of the photos.",
    "match": "Match the photos and verify the pairs.",
    "map": "Grow the model from the verified matches.",
    "add": "Bring further photos into a model that stays where it is.",
    "locate": "Say where one photo was taken, in a model that stays as it is.",
    "scale": "Give a model metres, by a length that is marked in its photos.",
    "view": "Show a model, or draw it into a picture.",
    "report": "Write a page about a result, or about why there is none.",
    "export": "Write a model for another tool.",
    "evaluate": "Compare a model with ground truth.",
    "compare": "Reconstruct the same photos with several plugins, and say which to take.",
    "align": "Align two photos to each other.",
    "train": "Train the network of an extractor, or tune it to your photos.",
    "plugins": "List the plugins, or begin a new one.",
    "weights": "List, fetch and verify weight files.",
    "datasets": "List, fetch and make photo sets.",
    "mesh": "Put a surface through the points, as a quick look.",
    "replay": "Repeat a run from its recon.json, and say what differs.",
    "doctor": "Say what the environment lacks, and how to mend it.",
}
"""Name and one line each, in the order of use; `recon.cli.NAME` holds the click command `command`."""


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is asked for, so that help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"recon.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(recon.__version__, prog_name="recon")
def recon_command() -> None:
    """Photos in, 3D out, every part a plugin.

    \b
    Examples:
      recon run photos/            # a model in ./photos-recon
      recon view photos-recon      # look at it
      recon plugins                # what is installed
    """


def show(error: ReconError) -> None:
    """Print what happened, to which file, and what to do next, on standard error."""
    click.echo(f"error: {error.message}", err=True)
    if error.file and error.file not in error.message:
        click.echo(f"  file: {error.file}", err=True)
    if error.try_:
        click.echo(f"  try:  {error.try_}", err=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status, a ReconError without a traceback."""
    try:
        status = recon_command.main(arguments, prog_name="recon", standalone_mode=False)
    except Interrupted as error:
        show(error)
        return error.exit_status
    except ReconError as error:
        show(error)
        return error.exit_status
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):  # what click makes of Ctrl-C
        return 130
    except BrokenPipeError:  # `recon plugins | head`
        sys.stderr.close()
        return 1
    return status if isinstance(status, int) else 0
