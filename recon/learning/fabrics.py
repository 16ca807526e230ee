"""The device, number format and number of GPUs of a training, in the hands of Lightning Fabric."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from recon.core.errors import Cause, ReconError, UsageError
from recon.learning.settings import Machine

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def precision_on(wanted: str, device: str) -> str:
    """Return `bf16` or `32` for what the settings ask for: `auto` is bf16 where the device multiplies faster in it."""
    if wanted != "auto":
        return wanted
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "32"
    if device == "cpu":
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # absent from older versions of torch
        return "bf16" if any(getattr(torch.cpu, name, bool)() for name in asked) else "32"
    return "32"


def make_fabric(machine: Machine, precision: str) -> Fabric:
    """Return a fabric for a machine, and with several GPUs begin a process for each; `precision` is `bf16` or `32`.

    Raises:
        ReconError: MISSING_LIBRARY.
        UsageError: NO_DEVICE, there are not so many GPUs.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ReconError(
            "training needs the Python package lightning-fabric, which is not installed",
            code=Cause.MISSING_LIBRARY,
            try_="pip install 'recon-sfm[train]'",
        ) from error
    for name in ("lightning_fabric", "lightning.fabric"):  # it tells of choices that are not its user's
        logging.getLogger(name).setLevel(logging.WARNING)
    kind, _, number = machine.device.partition(":")
    first = int(number or 0)
    if kind == "cuda" and first + machine.devices > torch.cuda.device_count():
        raise UsageError(
            f"there are not {machine.devices} GPUs here from {machine.device} on",
            code=Cause.NO_DEVICE,
            try_=f"give --gpus {torch.cuda.device_count() - first}",
        )
    fabric = Fabric(
        accelerator=kind,
        devices=list(range(first, first + machine.devices)) if kind == "cuda" else machine.devices,
        strategy="ddp" if machine.devices > 1 else "auto",
        precision="bf16-mixed" if precision == "bf16" else "32-true",
    )
    if machine.devices > 1:
        fabric.launch()  # gives this command to as many processes: see recon.learning.following
    return fabric
