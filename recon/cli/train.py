"""`recon train`: networks of our own, from scratch, from a teacher, or tuned to some photos."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "new": "Train a network from scratch.",
    "distill": "Train a network by a teacher: any installed extractor.",
    "tune": "Tune a network to the photos at hand.",
    "recipe": "Make weights as a file says, in several stages.",
}


class _LazyTrainings(click.Group):
    """Imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"recon.cli.train_{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group("train", cls=_LazyTrainings)
def command() -> None:
    """Train the network of an extractor: on any photos, by a teacher, or for the photos at hand.

    A training is a folder. The same command goes on where it was stopped, and what is best so far lies in
    RUN/weights.safetensors, its curve in RUN/curves.png and RUN/curves.csv.

    \b
    Examples:
      recon train tune photos/ -o tuned
      recon train distill --teacher aliked --data photos/ --data other-recon/ -o run
      recon run photos/ --extractor cnn --set cnn.weights=run/weights.safetensors
    """
