"""How a photo is exposed: what share of it is black or white without detail, and how bright its brightest parts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import UInt8Array
from recon.preflight.findings import Finding, Severity, Topic

_BLACK, _WHITE = 3, 252
"""Grey levels at and beyond which there is no detail left: JPEG moves black and white by a few."""
TOO_DARK = 48
"""Grey level that 99 % of a photo's pixels stay below. The darkest of 421 photos of twelve sets has 144; an object
on black is lit itself."""
TOO_BRIGHT = 224
"""Grey level that 95 % of a photo's pixels are above."""
CLIPPED_SHARE = 0.5
"""Share of white without detail that is worth a warning; skies take up to a third of a photo."""
CLIPPED_MORE = 0.2
"""And by this much more than in the median photo of the set: a white background is the same in all."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The brightness of a photo, in grey levels 0 to 255."""

    mean: float
    dark_end: float
    """Grey level that 5 % of the pixels stay below."""
    bright_end: float
    """Grey level that 99 % of the pixels stay below."""
    clipped_black: float
    """Share of the pixels that are black without detail, 0 to 1."""
    clipped_white: float
    """Share of the pixels that are white without detail, 0 to 1."""


def measure_exposure(grey: UInt8Array) -> Exposure:
    """Return the exposure of a photo from its (H, W) pixels at any size."""
    counts = np.bincount(grey.ravel(), minlength=256)
    below = np.cumsum(counts) / grey.size
    return Exposure(
        mean=float((counts * np.arange(256)).sum() / grey.size),
        dark_end=float(np.searchsorted(below, 0.05)),
        bright_end=float(np.searchsorted(below, 0.99)),
        clipped_black=float(counts[: _BLACK + 1].sum() / grey.size),
        clipped_white=float(counts[_WHITE:].sum() / grey.size),
    )


def find_badly_exposed(photos: Mapping[str, Exposure]) -> list[Finding]:
    """Return the photos that are too dark, too bright, or lost large parts to white or black."""
    if not photos:
        return []
    usual_white = float(np.median([each.clipped_white for each in photos.values()]))
    usual_black = float(np.median([each.clipped_black for each in photos.values()]))
    findings = []
    for name, each in photos.items():
        shares = f"{each.clipped_black:.0%} black and {each.clipped_white:.0%} white without detail"
        if each.bright_end < TOO_DARK:
            detail = f"too dark: 99 % of it is below grey level {each.bright_end:.0f} of 255; {shares}"
            next_step = "expose longer or add light; brightening the file brings back no detail that it lost"
            findings.append(Finding(Topic.TOO_DARK, Severity.WARNING, detail, (name,), next_step))
        elif each.dark_end >= TOO_BRIGHT:
            detail = f"too bright: 95 % of it is above grey level {each.dark_end:.0f} of 255; {shares}"
            next_step = "expose shorter, and take it again"
            findings.append(Finding(Topic.TOO_BRIGHT, Severity.WARNING, detail, (name,), next_step))
        elif each.clipped_white >= max(CLIPPED_SHARE, usual_white + CLIPPED_MORE):
            detail = f"overexposed in part: {shares} (the set's median is {usual_white:.0%} white)"
            findings.append(Finding(Topic.CLIPPED, Severity.NOTE, detail, (name,), "expose for the bright parts"))
        elif each.clipped_black >= max(CLIPPED_SHARE, usual_black + CLIPPED_MORE):
            detail = f"underexposed in part: {shares} (the set's median is {usual_black:.0%} black)"
            findings.append(Finding(Topic.CLIPPED, Severity.NOTE, detail, (name,), "expose for the dark parts"))
    return findings
