"""How much two aligned images look alike: the numbers by which a refinement is judged."""

from __future__ import annotations

import numpy as np

from recon.registration.planar import Float64Array
from recon.registration.pyramid import Float32Array


def correlation(values1: Float32Array, values2: Float32Array) -> float:
    """Return the correlation coefficient of (N,) grey values of one place, -1 to 1; 0 where one is flat."""
    if len(values1) < 2:
        return 0.0
    a = values1.astype(np.float64) - float(values1.mean(dtype=np.float64))
    b = values2.astype(np.float64) - float(values2.mean(dtype=np.float64))
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    # Values that differ by rounding only are flat.
    return float((a * b).sum()) / length if length > 1e-3 * len(a) else 0.0


def mutual_information(values1: Float32Array, values2: Float32Array, bins: int = 32) -> float:
    """Return the mutual information of (N,) grey values in bits: what one image tells of the other."""
    if len(values1) < 2:
        return 0.0
    joint, _, _ = np.histogram2d(values1, values2, bins=bins)
    joint /= joint.sum()
    independent: Float64Array = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / independent[seen])).sum())
