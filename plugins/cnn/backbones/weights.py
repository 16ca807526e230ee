"""Reads a backbone's weights in the format of torchvision's state dicts; code in a file is never run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

import recon

from ...xfeat.weights import load_exactly, read_tensors
from .trunk import BACKBONES, Backbone, BackboneTrunk

_COUNTER = ".num_batches_tracked"
"""Nothing reads it, and files of old versions are without it."""
_VARIANCE = ".running_var"


def load_backbone_weights(trunk: BackboneTrunk, path: Path) -> None:
    """Copy the weights of a file into a trunk's backbone; names and shapes have to fit exactly.

    What the file holds for the classifier is left out.

    Args:
        path: A state dict as torchvision publishes them (`.pth`), or the same tensors as `.safetensors`.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: BAD_WEIGHTS, saying what does not fit.
    """
    backbone = trunk.backbone
    if not path.is_file():
        raise recon.UsageError(
            f"the weights of {backbone.name} do not exist: {path}",
            code=recon.Cause.MISSING_FILE,
            file=str(path),
            try_="check the path that was given for them",
        )
    tensors: Mapping[str, Tensor] = {}
    try:
        tensors = _read(path, backbone.name)
        _refuse_negative_variances(tensors, path, backbone.name)
        load_exactly(backbone, _completed(tensors, backbone), path, backbone.name)
    except recon.ReconError as error:
        error.try_ = _advice(tensors, backbone)
        raise


def _read(path: Path, component: str) -> dict[str, Tensor]:
    """Return a file's tensors by name.

    Raises:
        ReconError: BAD_WEIGHTS.
    """
    if path.suffix.lower() != ".safetensors":
        return read_tensors(path, component)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise recon.ReconError(
            f"{path} holds no weights of {component}: it is damaged, or no file of tensors",
            code=recon.Cause.BAD_WEIGHTS,
            file=str(path),
        ) from error


def _completed(tensors: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return the tensors without the classifier's, and with the counters that a file may lack."""
    counters = {name: tensor for name, tensor in backbone.state_dict().items() if name.endswith(_COUNTER)}
    return counters | {name: tensor for name, tensor in tensors.items() if not name.startswith(backbone.classifier)}


def _refuse_negative_variances(tensors: Mapping[str, Tensor], path: Path, component: str) -> None:
    for name, tensor in tensors.items():
        if name.endswith(_VARIANCE) and bool((tensor < 0).any()):
            raise recon.ReconError(
                f"{path} holds no weights of {component}: the tensor {name} has negative variances",
                code=recon.Cause.BAD_WEIGHTS,
                file=str(path),
            )


def _advice(tensors: Mapping[str, Tensor], backbone: Backbone) -> str:
    fitting = next((other for other in BACKBONES if other != backbone.name and _fits(tensors, other)), None)
    if fitting is not None:
        return f"the file fits {fitting}: choose that backbone, or give a file of {backbone.name}"
    return f"give a state dict of torchvision's {backbone.name}, as .pth or .safetensors"


def _fits(tensors: Mapping[str, Tensor], name: str) -> bool:
    with torch.device("meta"):
        backbone = BACKBONES[name]()
    wanted = {each: tensor.shape for each, tensor in backbone.state_dict().items()}
    return {each: tensor.shape for each, tensor in _completed(tensors, backbone).items()} == wanted
