"""Parts of an image, from side to side, that are computed one after the other to save memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """Rows of an image, and the rows that are looked at for their sake."""

    first: int
    last: int
    """The row after its last."""
    begin: int
    """The first row that is looked at."""
    end: int

    def seen(self, stride: int) -> slice:
        """Return the rows of a level that are looked at."""
        return slice(self.begin // stride, self.end // stride)

    def of_seen(self, stride: int) -> slice:
        """Return which of the rows of a level that are looked at are the band's own."""
        return slice((self.first - self.begin) // stride, (self.last - self.begin) // stride)


def bands(height: int, width: int, pixels: int, halo: int, step: int) -> Iterator[Band]:
    """Yield bands of about so many pixels, their rows multiples of `step`, with `halo` rows above and below."""
    rows = max(1, round(pixels / width / step)) * step
    for first in range(0, height, rows):
        last = min(first + rows, height)
        yield Band(first, last, max(0, first - halo), min(height, last + halo))
