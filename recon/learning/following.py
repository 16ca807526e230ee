"""Several processes that train one network together, each on a GPU of its own: the first begins the others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import Tensor


def is_follower() -> bool:
    """Whether this process was begun by the first one.

    It does what that does, from the command line on, but leaves the folder of the training and the screen to it.
    """
    return os.environ.get("LOCAL_RANK", "0") != "0"


def answers_of_first(fabric: Fabric, *answers: bool) -> list[bool]:
    """Return what the first process says: all of them have to do the same."""
    if fabric.world_size == 1:
        return list(answers)
    import torch

    told = torch.tensor(answers, dtype=torch.uint8, device=fabric.device)
    torch.distributed.broadcast(told, src=0)
    return [bool(answer) for answer in told.tolist()]


def mean_of_all(fabric: Fabric, values: Tensor) -> Tensor:
    """Return the mean of values over the processes."""
    if fabric.world_size == 1:
        return values
    mean: Tensor = fabric.all_reduce(values, reduce_op="mean")  # type: ignore[assignment]  # a tensor for a tensor
    return mean
