"""Where components run: turns `--device` into a device that exists. Imports torch only when one is asked of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recon.core.errors import Cause, UsageError

_FORM = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def check_device_name(device: str) -> None:
    """Refuse what is no `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        UsageError: BAD_VALUE.
    """
    if not _FORM.fullmatch(device):
        raise UsageError(f"no device named {device!r}", code=Cause.BAD_VALUE, try_="use auto, cpu, cuda, cuda:N or mps")


def device_for(supported: Sequence[str], wanted: str) -> str:
    """Return the device on which a component shall run: `cpu`, `cuda:N` or `mps`.

    A component that only runs on the CPU runs there whatever is wanted.

    Args:
        supported: Kinds of device of the component's spec.

    Raises:
        UsageError: NO_DEVICE, the device was asked for by name and is not there.
    """
    kinds = [kind for kind in supported if kind != "cpu"]
    if wanted == "cpu" or not kinds:
        return "cpu"
    if wanted == "auto":
        return next((_name(kind) for kind in ("cuda", "mps") if kind in kinds and _exists(kind)), "cpu")
    kind = wanted.partition(":")[0]
    if kind not in kinds:
        return "cpu"
    if not _exists(wanted):
        raise UsageError(
            f"there is no device {wanted!r} here, or torch does not find it",
            code=Cause.NO_DEVICE,
            try_="use --device cpu, or install a torch build for that device",
        )
    return _name(wanted)


def _name(device: str) -> str:
    return "cuda:0" if device == "cuda" else device


def _exists(device: str) -> bool:
    try:
        import torch
    except ImportError:
        return False
    kind, _, number = device.partition(":")
    if kind == "mps":
        return bool(torch.backends.mps.is_available())
    return bool(torch.cuda.is_available()) and int(number or 0) < torch.cuda.device_count()
