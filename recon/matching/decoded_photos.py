"""The photos that were decoded last: each is wanted for many pairs, and only a few fit into memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future

from recon.core.data import Image, ImageFile
from recon.matching.images import load_image

_MEMORY_BYTES = 256 << 20


class DecodedPhotos:
    """Decoded photos by name, the longest unused forgotten first. May be used from several threads."""

    def __init__(self, max_size: int, memory_bytes: int = _MEMORY_BYTES) -> None:
        self._max_size = max_size
        bytes_each = max_size**2 * 3 * 3 // 4  # of a photo of 4 to 3
        self._num_held = max(4, memory_bytes // bytes_each)
        self._held: OrderedDict[str, Future[Image]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def block(self) -> int:
        """Photos of which every pair can be worked off while each is decoded once: two such blocks are held."""
        return min(32, max(1, self._num_held // 2))

    def load(self, image: ImageFile) -> Image:
        """Return a photo as the matcher sees it.

        Raises:
            UnreadableImage: Names the file.
        """
        with self._lock:
            future = self._held.get(image.name)
            is_ours = future is None
            if future is None:
                future = self._held[image.name] = Future()
            self._held.move_to_end(image.name)
            while len(self._held) > self._num_held:
                self._held.popitem(last=False)
        if is_ours:
            try:
                future.set_result(load_image(image, self._max_size))
            except BaseException as error:  # noqa: BLE001 - told to every thread that waits for it
                future.set_exception(error)
        return future.result()
