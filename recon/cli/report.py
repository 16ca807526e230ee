"""What a run prints when it is done, for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from recon.result import ReconstructionResult

_MOST_LISTED = 20


def print_result(result: ReconstructionResult, only: str | None) -> None:
    """Print the numbers of a result, the photos left out and why, and what to do next."""
    for line in result_lines(result, only):
        click.echo(line)


def result_lines(result: ReconstructionResult, only: str | None) -> list[str]:
    """Return what `print_result` prints, line by line."""
    summary = result.summary
    lines = []
    if summary["model"]:
        lines += _model_lines(summary)
    elif only is not None and "error" not in summary:
        lines.append(f"{only}: done, in {result.workspace}")
    lines.append(f"time      {_times(summary['seconds'])}")
    lines += _left_out_lines(summary["left_out"], result.workspace)
    if summary["model"]:
        out = shlex.quote(str(result.workspace))
        lines += ["next", f"  recon view {out}", f"  recon export {out} --help"]
    return lines


def _model_lines(summary: Mapping[str, Any]) -> list[str]:
    lines = [
        f"model     {summary['model']}",
        f"photos    {summary['registered']} of {summary['images']} registered",
        f"points    {summary['points3D']:,} ({summary['observations']:,} observations, "
        f"mean track length {summary['mean_track_length']:.2f})",
        f"error     {summary['mean_reprojection_error_px']:.3f} px, mean reprojection error",
        "scale     arbitrary, and so are position and orientation: photos alone do not tell them",
    ]
    if summary["models"] > 1:
        lines.append(f"others    {_count(summary['models'] - 1, 'smaller model')} of other parts, from sparse/1 on")
    return lines


def _times(seconds: Mapping[str, float]) -> str:
    parts = ", ".join(f"{stage} {spent:.1f}" for stage, spent in seconds.items() if stage != "total" and spent >= 0.05)
    return f"{seconds['total']:.1f} s" + (f" ({parts})" if parts else "")


def _left_out_lines(left_out: Sequence[Mapping[str, str]], workspace: Path) -> list[str]:
    if not left_out:
        return []
    lines = [f"left out  {_count(len(left_out), 'photo')}"]
    for each in left_out[:_MOST_LISTED]:
        lines += [f"  {each['image']}: {each['cause']}: {each['detail']}", f"    try: {each['try']}"]
    if len(left_out) > _MOST_LISTED:
        lines.append(f"  and {len(left_out) - _MOST_LISTED} more, listed in {workspace / 'recon.json'}")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
