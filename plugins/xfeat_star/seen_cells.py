"""The cells of the photos seen last: each photo is in many pairs, and goes through the network once."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future

import recon

from .cells import CellFinder, Cells

_MOST_CELLS = 1_000_000
"""Held at a time: 256 MB of descriptors, of 244 photos with 4096 cells each."""


class SeenCells:
    """Cells by the content of a photo, the longest unused forgotten first. May be used from several threads."""

    def __init__(self, finder: CellFinder, most_cells: int = _MOST_CELLS) -> None:
        self._finder = finder
        self._most_cells = most_cells
        self._held: OrderedDict[bytes, Future[Cells]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, image: recon.Image) -> Cells:
        """Return the cells of a photo."""
        key = _digest(image)
        with self._lock:
            future = self._held.get(key)
            is_ours = future is None
            if future is None:
                future = self._held[key] = Future()
            self._held.move_to_end(key)
        if is_ours:
            try:
                future.set_result(self._finder.find(image))
            except BaseException as error:
                future.set_exception(error)
                with self._lock:
                    self._held.pop(key, None)
                raise
            self._forget()
        return future.result()

    def _forget(self) -> None:
        with self._lock:
            done = [(key, len(future.result())) for key, future in self._held.items() if future.done()]
            excess = sum(count for _, count in done) - self._most_cells
            for key, count in done[:-2]:
                if excess <= 0:
                    break
                del self._held[key]
                excess -= count


def _digest(image: recon.Image) -> bytes:
    digest = hashlib.blake2b(repr(image.pixels.shape).encode(), digest_size=16)
    digest.update(image.pixels.tobytes() if not image.pixels.flags.c_contiguous else image.pixels.data)
    if image.mask is not None:
        digest.update(image.mask.tobytes())
    return digest.digest()
