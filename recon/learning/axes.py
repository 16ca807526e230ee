"""Axes of a diagram: from values to places along a side, and round numbers to write beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_MANY_TIMES = 100.0
"""Positive values of which the highest is more than so many times the lowest stand on a logarithmic axis."""
_LEAST_STEPS = 3
"""Between round values, along an axis."""
_TINY, _HUGE = 1e-300, 1e300
"""Beyond these, differences and ratios are no numbers any more."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From the lowest value to the highest, low < high."""

    low: float
    high: float
    is_logarithmic: bool
    ticks: tuple[float, ...]
    """Round values between the two."""

    def place(self, value: float) -> float:
        """Return where a value stands: 0 for the lowest, 1 for the highest."""
        if self.is_logarithmic:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


def is_drawable(value: float) -> bool:
    """Whether a value has a place on an axis."""
    return math.isfinite(value) and abs(value) < _HUGE


def axis_of(values: Sequence[float], *, may_be_logarithmic: bool = True) -> Axis:
    """Return an axis on which all values that can be drawn have their place."""
    drawable = [float(value) for value in values if is_drawable(value)] or [0.0]
    low, high = min(drawable), max(drawable)
    if may_be_logarithmic and low > _TINY and high > _MANY_TIMES * low:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        every = math.ceil(len(powers) / 7)
        return Axis(low, high, is_logarithmic=True, ticks=tuple(10.0**power for power in powers[::every]))
    if high - low <= max(_TINY, 1e-9 * max(abs(low), abs(high))):
        margin = abs(low) / 2 if abs(low) > _TINY else 0.5
        low, high = low - margin, high + margin
    step = _round_step((high - low) / _LEAST_STEPS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, is_logarithmic=False, ticks=tuple(number * step for number in range(first, last + 1)))


def _round_step(most: float) -> float:
    """Return the largest of 1, 2, 5, 10, ... (or 0.5, 0.2, ...) that is not above a value."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step == 1 or step * power <= most * (1 + 1e-9))


def short_number(value: float) -> str:
    """Return a number as it is written beside an axis: 2.5k, 0.05, 1e-05."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.4g}M"
    if abs(value) >= 1e3:
        return f"{value / 1e3:.4g}k"
    return f"{value + 0.0:.4g}"
