"""Counts for the page's bar charts."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.report.material import Material
from recon.report.model_arrays import ModelArrays

_MOST_LENGTHS = 12


def histograms(material: Material) -> list[dict[str, Any]]:
    """Return title and bars (label, count) of every chart that there are numbers for."""
    charts = []
    if material.models and len(material.models[0].positions):
        charts += [_errors(material.models[0]), _track_lengths(material.models[0])]
    inliers = [pair.inliers for pair in material.database.pairs if pair.inliers]
    if inliers:
        charts.append(_by_doubling("Verified matches of a pair", inliers))
    return charts


def _errors(model: ModelArrays) -> dict[str, Any]:
    edges = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, np.inf])
    counts, _ = np.histogram(np.maximum(model.errors_px, 0), edges)
    labels = [f"{low:g}" for low in edges[:-1]]
    return {"title": "Reprojection error of the points, px from", "bars": _bars(labels, counts)}


def _track_lengths(model: ModelArrays) -> dict[str, Any]:
    counts = np.bincount(np.minimum(model.track_lengths, _MOST_LENGTHS), minlength=_MOST_LENGTHS + 1)[2:]
    labels = [*(str(length) for length in range(2, _MOST_LENGTHS)), f"{_MOST_LENGTHS}+"]
    return {"title": "Photos that see a point", "bars": _bars(labels, counts)}


def _by_doubling(title: str, values: list[int]) -> dict[str, Any]:
    steps = np.log2(np.maximum(values, 1)).astype(int)
    counts = np.bincount(steps)
    first = int(np.flatnonzero(counts)[0])
    return {"title": f"{title}, from", "bars": _bars([str(2**k) for k in range(first, len(counts))], counts[first:])}


def _bars(labels: list[str], counts: Any) -> list[tuple[str, int]]:
    return [(label, int(count)) for label, count in zip(labels, counts, strict=True)]
