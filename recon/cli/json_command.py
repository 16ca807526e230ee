"""Commands that answer in JSON also where the command line itself is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from recon.core.errors import Cause, ReconError, UsageError


class JsonCommand(click.Command):
    """With `--json`, a command line that is refused is answered by one object, too; the refusal goes on from there."""

    def __init__(self, *arguments: Any, refused: Callable[[ReconError], Any], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refused = refused

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> click.Context:
        """Return the context; print what `refused` makes of the error where there is none."""
        as_json = "--json" in args
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except (click.UsageError, ReconError) as error:
            if as_json:
                ours = error if isinstance(error, ReconError) else UsageError(error.format_message(), code=Cause.USAGE)
                print_json(self._refused(ours))
            raise


def print_json(told: Any) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))
