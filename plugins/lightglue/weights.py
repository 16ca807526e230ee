"""Reads LightGlue's published weights, whichever features they were trained for, into kornia's network.

The numbers of layers and heads, and what the keypoints have to bring, follow from the shapes of the tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import recon

from ..xfeat.weights import load_exactly, read_tensors

_PREFIX = "matcher."
"""Of every name in the official LighterGlue file, which holds an extractor too."""
_OLD_NAME = re.compile(r"(self_attn|cross_attn)\.(\d+)\.")
_UNUSED = re.compile(r"log_assignment\.\d+\.r")
"""One number a layer in the weights for DISK, which nothing reads."""
_SKIPPING_HEAD = re.compile(r"confidence_thresholds|token_confidence\..*|log_assignment\..*")
"""What may be absent: it only serves to leave out points and layers, except the head of the last layer that is run."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a LightGlue."""

    input_length: int
    """Numbers in a descriptor."""
    width: int
    """Numbers per keypoint inside the network."""
    heads: int
    layers: int
    place_length: int
    """What is known of a keypoint's place: 2 for x and y, 4 with scale and orientation."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """kornia's network with weights from a file."""

    model: Any
    shape: Shape
    finishing_layers: frozenset[int]
    """After how many layers the file has the head that makes matches."""
    can_skip: bool
    """Whether it has all heads for leaving out points and layers."""


def load_model(path: Path, component: str) -> LoadedModel:
    """Return the network whose weights a file holds.

    Raises:
        ReconError: BAD_WEIGHTS, the file holds no LightGlue.
    """
    tensors = _in_kornias_names(read_tensors(path, component))
    try:
        shape = _shape_of(tensors)
    except (LookupError, ValueError) as error:
        raise recon.ReconError(
            f"{path} holds no LightGlue: {error}",
            code=recon.Cause.BAD_WEIGHTS,
            file=str(path),
            try_=f"remove the file, then `recon weights get {component}` fetches the published one",
        ) from error
    model = new_model(shape)
    own = model.state_dict()
    absent = {name for name in own if name not in tensors and _SKIPPING_HEAD.fullmatch(name)}
    load_exactly(model, {**{name: own[name] for name in absent}, **tensors}, path, component)
    heads = [f"log_assignment.{layer}." for layer in range(shape.layers)]
    finishing = frozenset(
        number for number, head in enumerate(heads, 1) if not any(name.startswith(head) for name in absent)
    )
    return LoadedModel(model, shape, finishing, can_skip=absent <= {"confidence_thresholds"})


def new_model(shape: Shape) -> Any:
    """Return kornia's network of these sizes with random weights; nothing is downloaded."""
    from kornia.feature import LightGlue

    untyped: Any = LightGlue
    model = untyped(
        features=None,
        input_dim=shape.input_length,
        descriptor_dim=shape.width,
        num_heads=shape.heads,
        n_layers=shape.layers,
        add_scale_ori=shape.place_length == 4,
        flash=True,  # kornia sets torch's own switch for fused attention by this, for everybody
    )
    model.eval()
    return model


def _in_kornias_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if any(name.startswith(_PREFIX) for name in tensors):
        tensors = {name.removeprefix(_PREFIX): each for name, each in tensors.items() if name.startswith(_PREFIX)}
    renamed = {_OLD_NAME.sub(r"transformers.\2.\1.", name): each for name, each in tensors.items()}
    return {name: each for name, each in renamed.items() if not _UNUSED.fullmatch(name)}


def _shape_of(tensors: Mapping[str, torch.Tensor]) -> Shape:
    """Return the sizes.

    Raises:
        LookupError: A tensor that tells a size is missing.
        ValueError: The sizes contradict each other.
    """

    def size(name: str) -> tuple[int, int]:
        if name not in tensors or tensors[name].dim() != 2:
            raise LookupError(f"the tensor {name} is missing, or no table")
        return tensors[name].shape[0], tensors[name].shape[1]

    _, width = size("transformers.0.self_attn.Wqkv.weight")
    half_head, place_length = size("posenc.Wr.weight")
    input_length = size("input_proj.weight")[1] if "input_proj.weight" in tensors else width
    layers = len({name.split(".")[1] for name in tensors if name.startswith("transformers.")})
    if place_length not in (2, 4) or not half_head or width % (2 * half_head):
        raise ValueError(f"{width} numbers per keypoint, {half_head} angles and {place_length} of a place do not fit")
    return Shape(input_length, width, width // (2 * half_head), layers, place_length)
