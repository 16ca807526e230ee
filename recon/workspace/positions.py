"""What an image matcher found in one pair, as it is kept: positions in both photos as seen, and their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import UInt8Array, check_shape
from recon.core.data import PairPositions

_BYTES_EACH = 4 * 5 + 3 * 2


@dataclass(frozen=True, slots=True, eq=False)
class SeenPositions:
    """The positions of one pair in the pixels of the upright, resized photos, row for row."""

    positions: PairPositions
    colours1: UInt8Array
    """(M, 3) RGB of the first photo at each position."""

    colours2: UInt8Array
    """(M, 3) RGB of the second photo."""

    def __post_init__(self) -> None:
        for name in ("colours1", "colours2"):
            check_shape(name, getattr(self, name), (len(self), 3))
            getattr(self, name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.positions.xy1)

    def to_bytes(self) -> bytes:
        """Return everything as bytes, 26 a match."""
        found = self.positions
        numbers = [np.ascontiguousarray(array, np.float32).tobytes() for array in (found.xy1, found.xy2, found.scores)]
        return b"".join([*numbers, self.colours1.tobytes(), self.colours2.tobytes()])

    @classmethod
    def from_bytes(cls, content: bytes) -> SeenPositions:
        """Return what `to_bytes` wrote."""
        num = len(content) // _BYTES_EACH
        numbers = np.frombuffer(content, np.float32, 5 * num)
        colours = np.frombuffer(content, np.uint8, 6 * num, 20 * num).reshape(2, num, 3)
        xy1, xy2 = numbers[: 4 * num].reshape(2, num, 2)
        return cls(PairPositions(xy1, xy2, numbers[4 * num :]), colours[0], colours[1])
