"""What `recon check` prints for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import click

from recon.check import Preflight
from recon.preflight.cost import Forecast, PairForecast, Range
from recon.preflight.findings import Finding, Severity, count
from recon.preflight.machine import free_memory_bytes
from recon.preflight.photo_set import PhotoSetCheck
from recon.preflight.places import Places
from recon.preflight.sizes import count_sizes

_MOST_LISTED = 8
"""Findings of one topic, and photos of one finding, that are written out; `--json` has all."""
_COLOURS = {Severity.PROBLEM: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_check(found: Preflight, run_line: str) -> None:
    """Print the facts, then what is wrong, the worst first, then the next command."""
    for line in check_lines(found, run_line):
        click.echo(line)


def check_lines(found: Preflight, run_line: str) -> list[str]:
    """Return what `print_check` prints, line by line."""
    check = found.check
    lines = [f"photos    {_photos(check)}"]
    if check.looks:
        lines += _facts(check)
    if found.pairs:
        lines.append(f"pairs     {_pairs(found.pairs)}")
    if found.forecast:
        lines += _forecast(found.forecast)
    lines += [f"note      {note}" for note in found.notes if not found.pairs or found.pairs.reason not in note]
    lines += _findings(check.findings)
    if check.is_usable:
        worth = len(check.recommended())
        lines += ["next", f"  {run_line}"]
        if worth < len(check.looks) and "--image-list" not in run_line:
            photos = count(worth, "photo")
            lines.append(f"  or with the {photos} worth using: add --write-list FILE here, and --image-list FILE there")
    return lines


def _photos(check: PhotoSetCheck) -> str:
    copies = len(check.looks) - check.num_different
    listed = f"{len(check.looks)} of {len(check.looks) + len(check.unusable)} usable"
    return f"{listed}, {count(copies, 'copy') if copies == 1 else f'{copies} copies'} among them" if copies else listed


def _facts(check: PhotoSetCheck) -> list[str]:
    sizes = [f"{number} of {width}x{height}" for (width, height), number in count_sizes(check.images)]
    more = f", and {len(sizes) - _MOST_LISTED} more sizes" if len(sizes) > _MOST_LISTED else ""
    lines = [f"sizes     {', '.join(sizes[:_MOST_LISTED])}{more}"]
    if check.cameras is not None:
        first, *rest = check.cameras.describe()
        lines += [f"cameras   {first}", *(f"          {line}" for line in rest)]
    blurs = sorted(look.sharpness.blur_px for look in check.looks if look.sharpness.blur_px is not None)
    if blurs:
        lines.append(f"blur      {blurs[len(blurs) // 2]:.1f} px in the median, {blurs[-1]:.1f} at most, at 1600 px")
    return [*lines, f"gps       {_gps(check.places)}"]


def _gps(places: Places) -> str:
    if not places.num_positions:
        return "none"
    text = count(places.num_positions, "position")
    if places.span_m is not None:
        text += f", {places.span_m:,.0f} m across"
    if places.altitude_span_m is not None:
        text += f", {places.altitude_span_m:,.0f} m up"
    return f"{text}, {len(places.absurd)} absurd" if places.absurd else text


def _pairs(pairs: PairForecast) -> str:
    number = f"{pairs.least:,}" if pairs.least == pairs.most else f"{pairs.least:,} to {pairs.most:,}"
    return f"{number} ({pairs.reason})"


def _forecast(forecast: Forecast) -> list[str]:
    stages = ", ".join(f"{stage} {_span(span)}" for stage, span in forecast.seconds.items() if stage != "total")
    least, most = (value / 1000 for value in forecast.memory_mb)
    free = free_memory_bytes()
    of = f" of {free / 1e9:.1f} GB free" if free is not None else ""
    return [
        f"time      {_span(forecast.seconds['total'])} s ({stages})",
        f"          {forecast.basis}",
        f"memory    {least:.1f} to {most:.1f} GB{of}",
    ]


def _span(span: Range) -> str:
    least, most = span
    if most < 10:
        return f"{least:.1f} to {most:.1f}"
    return f"{least:,.0f} to {most:,.0f}"


def _findings(findings: Sequence[Finding]) -> Iterable[str]:
    order = list(Severity)
    ranked = sorted(findings, key=lambda each: order.index(each.severity))
    for (severity, _), group in groupby(ranked, key=lambda each: (each.severity, each.topic)):
        alike = list(group)
        for each in alike[:_MOST_LISTED]:
            yield f"{click.style(f'{severity:<9}', fg=_COLOURS[severity])} {_named(each)}{each.detail}"
        if len(alike) > _MOST_LISTED:
            yield f"          and {len(alike) - _MOST_LISTED} more; --json lists all"
        advice = dict.fromkeys(each.try_ for each in alike[:_MOST_LISTED] if each.try_)
        for next_step in advice:
            yield f"          try: {next_step}"


def _named(finding: Finding) -> str:
    if not finding.images or len(finding.images) > _MOST_LISTED:
        return ""
    return f"{', '.join(finding.images)}: "
