"""How XFeat's networks are run: in which numbers, and on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..processor import is_bfloat16_fast


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch's operations in the calling thread: photos, or pairs, are what runs in parallel.

    Two photos on a thread each are done sooner than one after the other on two, and the same to the last bit
    whatever the number of threads.
    """
    before = torch.get_num_threads()  # of the calling thread
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def number_format(precision: str, device: torch.device) -> torch.dtype:
    """Return the numbers that `auto`, `fp32` or `bf16` mean on a device; on a GPU the short ones are fp16."""
    if device.type != "cpu":
        return torch.float32 if precision == "fp32" else torch.float16
    is_short = precision == "bf16" or (precision == "auto" and is_bfloat16_fast())
    return torch.bfloat16 if is_short else torch.float32
