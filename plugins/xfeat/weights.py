"""Reads a file of tensors by name, and refuses what is no such file or does not fit, saying what is wrong."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch

import recon

_DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    OverflowError,
    MemoryError,
)
"""All that reading a damaged or foreign file was seen to raise."""
_KEPT_UNDER = ("state_dict", "extractor")
"""Where training programs keep the tensors beside other things; DISK's under the second."""


def read_tensors(path: Path, component: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a weight file by name, on the CPU; code in the file is not run.

    Raises:
        ReconError: BAD_WEIGHTS, the file is damaged or holds something else.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except _DAMAGED as error:
        raise _refusal(path, component, "it is damaged, or no file of tensors") from error
    if isinstance(content, Mapping):
        content = next((content[name] for name in _KEPT_UNDER if isinstance(content.get(name), Mapping)), content)
    if not isinstance(content, Mapping) or not content:
        raise _refusal(path, component, "it holds no tensors by name")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise _refusal(path, component, f"{name!r} is no tensor")
    return dict(content)


def load_exactly(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path, component: str) -> None:
    """Copy tensors into a module; names, shapes and kinds of number have to fit exactly.

    Raises:
        ReconError: BAD_WEIGHTS, naming the first tensor that is missing, unknown, of another shape or not finite.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        found = tensors.get(name)
        if found is None:
            raise _refusal(path, component, f"the tensor {name} is missing")
        if found.shape != tensor.shape:
            shapes = f"{tuple(found.shape)} instead of {tuple(tensor.shape)}"
            raise _refusal(path, component, f"the tensor {name} has the shape {shapes}")
        if found.is_floating_point() != tensor.is_floating_point() or found.is_complex():
            raise _refusal(path, component, f"the tensor {name} has numbers of another kind: {found.dtype}")
        if not bool(torch.isfinite(found).all()):
            raise _refusal(path, component, f"the tensor {name} has values that are not finite")
    unknown = next((name for name in tensors if name not in wanted), None)
    if unknown is not None:
        raise _refusal(path, component, f"the network has no tensor {unknown}")
    module.load_state_dict(tensors)


def _refusal(path: Path, component: str, reason: str) -> recon.ReconError:
    return recon.ReconError(
        f"{path} holds no weights of {component}: {reason}",
        code=recon.Cause.BAD_WEIGHTS,
        file=str(path),
        try_=f"remove the file, then `recon weights get {component}` fetches the published one",
    )
