"""What a run prints when it is done, for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from recon.core.counting import counted
from recon.core.frame import ARBITRARY, frame_from_dict
from recon.result import ReconstructionResult

_MOST_LISTED = 20
_MOST_MATCHES = 3
_MOST_PAIRS = 3


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
    if only in (None, "map") and (page := result.workspace / "report.html").exists():
        lines.append(f"page      {page}")
    lines += _tried_lines(summary.get("ladder", {}))
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
        f"scale     {(frame_from_dict(summary['frame']) if summary['frame'] else ARBITRARY).describe()}",
    ]
    if summary["models"] > 1:
        lines.append(f"others    {counted(summary['models'] - 1, 'smaller model')} of other parts, from sparse/1 on")
        lines += _apart_lines(summary.get("apart", ()))
    lines += _look_alike_lines(summary.get("suspicious_pairs", ()), summary.get("suspicious_effect"))
    began = summary.get("ladder", {}).get("began", ())
    if began and began[0] not in (None, "strict"):
        lines.append(f"relaxed   the model began at step '{began[0]}', which asks less of its first two photos")
    return lines


def _look_alike_lines(pairs: Sequence[Mapping[str, Any]], effect: Mapping[str, Any] | None) -> list[str]:
    """Return how many pairs look alike and contradict the others, and what of the model rests on them."""
    if not pairs:
        return []
    what = f"{counted(len(pairs), 'pair')} of photos that look alike and contradict the others"
    if effect is None:
        return [f"dropped   {what}"]
    return [f"doubtful  {what}; {effect['points3D']:,} points rest on them (--strict drops them)"]


def _apart_lines(apart: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for each in apart:
        lines += [
            f"  {each['model']}: {counted(each['images'], 'photo')}: {each['cause']}: {each['detail']}",
            f"    try: {each['try']}",
        ]
    return lines


def _tried_lines(ladder: Mapping[str, Any]) -> list[str]:
    """Return what was asked of the two photos that a model begins with, and where the best pairs stopped."""
    if not ladder.get("steps"):
        return []
    lines = [f"tried     {counted(len(ladder['steps']), 'step')}, each asking less of a model's first two photos"]
    for step in ladder["steps"]:
        lines.append(
            f"  {step['step']}: {step['min_inliers']} inliers, {step['min_angle_deg']:g} deg, forward motion up to "
            f"{step['max_forward_motion']:g}: {counted(step['pairs_that_pass'], 'pair')} of the best "
            f"{len(ladder['best_pairs'])}"
        )
    lines.append("best      pairs, and what stops them even at the last step")
    for pair in ladder["best_pairs"][:_MOST_PAIRS]:
        lines.append(
            f"  {pair['image1']} - {pair['image2']}: {pair['inliers']} inliers of {pair['matches']} matches, "
            f"{pair['angle_deg']:.1f} deg, forward motion {pair['forward_motion']:.2f}: "
            + (f"stopped by {pair['gate']}" if pair["gate"] else "good enough")
        )
    return lines


def _times(seconds: Mapping[str, float]) -> str:
    parts = ", ".join(f"{stage} {spent:.1f}" for stage, spent in seconds.items() if stage != "total" and spent >= 0.05)
    return f"{seconds['total']:.1f} s" + (f" ({parts})" if parts else "")


def _left_out_lines(left_out: Sequence[Mapping[str, Any]], workspace: Path) -> list[str]:
    """Return each photo with its cause and what it matches; what to try stands once below those it is for."""
    if not left_out:
        return []
    lines = [f"left out  {counted(len(left_out), 'photo')}"]
    by_try: dict[str, list[Mapping[str, Any]]] = {}
    for each in left_out[:_MOST_LISTED]:
        by_try.setdefault(each["try"], []).append(each)
    for try_, photos in by_try.items():
        for each in photos:
            lines.append(f"  {each['image']}: {each['cause']}: {each['detail']}")
            lines += _matches_lines(each.get("evidence", {}).get("matches", ()))
        lines.append(f"    try: {try_}")
    if len(left_out) > _MOST_LISTED:
        lines.append(f"  and {len(left_out) - _MOST_LISTED} more, listed in {workspace / 'recon.json'}")
    return lines


def _matches_lines(matches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the photos that one matches best, and whether these are in the model."""
    if not matches:
        return []
    told = [
        f"{each['image']} ({each['inliers']} of {each['matches']} fit{', in the model' if each['registered'] else ''})"
        for each in matches[:_MOST_MATCHES]
    ]
    return [f"    matches: {', '.join(told)}"]
