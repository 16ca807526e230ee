"""`recon doctor`: what the environment lacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from recon.core.counting import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.doctor.diagnosis import Diagnosis

_COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> int:
    """Look at Python, libraries, plugins, weights, GPU, screen, memory and disk, and say how to mend what is wrong.

    The exit status is 1 when something is broken that `recon run` needs; notes do not count.
    """
    from recon.doctor.diagnosis import State
    from recon.doctor.examination import examine

    if not as_json:
        click.echo("looking; libraries are loaded one by one, which takes some seconds", err=True)
    diagnoses = examine()
    problems = sum(each.state is State.PROBLEM for each in diagnoses)
    notes = sum(each.state is State.NOTE for each in diagnoses)
    if as_json:
        told = [each.as_dict() for each in diagnoses]
        click.echo(json.dumps({"problems": problems, "notes": notes, "diagnoses": told}, indent=2))
    else:
        _print(diagnoses)
        verdict = counted(problems, "problem") if problems else "recon run works here"
        click.echo(f"\n{verdict}; {counted(notes, 'note')}")
    return 1 if problems else 0


def _print(diagnoses: Sequence[Diagnosis]) -> None:
    width = max(len(each.topic) for each in diagnoses)
    for each in diagnoses:
        state = click.style(f"{each.state:<7}", fg=_COLOURS[each.state])
        click.echo(f"{state}  {each.topic:<{width}}  {each.text}")
        if each.mend:
            click.echo(f"{'':<7}  {'':<{width}}  mend: {each.mend}")
