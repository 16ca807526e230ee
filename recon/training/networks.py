"""The network that a training is about: built by the plugin that offers it, begun with, frozen, kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn

from recon.core.components import RunContext, Trainable
from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import PluginRegistry
from recon.device import device_for
from recon.training.request import NetworkRequest
from recon.workspace.atomic import file_digest, storage_errors


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class BuiltNetwork:
    """A network, and what its plugin does with it."""

    name: str
    module: nn.Module
    options: Any
    device: str
    _trainable: Trainable

    @property
    def num_parameters(self) -> int:
        """How many weights it has, frozen ones included."""
        return sum(each.numel() for each in self.module.parameters())

    def save(self, module: nn.Module, path: Path) -> None:
        """Write the weights of a network of this kind.

        Raises:
            ReconError: DISK_FULL.
            UsageError: NOT_WRITABLE.
        """
        with storage_errors(path.parent):
            self._trainable.save(module, path)

    def load(self, module: nn.Module, path: Path) -> None:
        """Read weights into a network of this kind.

        Raises:
            ReconError: BAD_WEIGHTS, or MISSING_FILE.
        """
        self._trainable.load(module, path)


def trainable_options(request: NetworkRequest, registry: PluginRegistry) -> Any:
    """Return the options of the network's plugin.

    Raises:
        UsageError: UNKNOWN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE.
    """
    spec = registry.find(Kind.TRAINABLE, request.trainable).spec
    return _settings_of(request).options_for(Kind.TRAINABLE, spec, {})


def build_network(request: NetworkRequest, registry: PluginRegistry, device: str, seed: int) -> BuiltNetwork:
    """Return a network with fresh weights, or with those it is to begin with.

    Raises:
        UsageError: UNKNOWN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE, NO_DEVICE.
        ReconError: BAD_WEIGHTS, the file to begin with does not fit.
    """
    spec = registry.find(Kind.TRAINABLE, request.trainable).spec
    options = trainable_options(request, registry)
    where = device_for(spec.devices, device)
    trainable = spec.create(options, RunContext(where, seed=seed))
    module = trainable.build(options)
    network = BuiltNetwork(spec.name, module, options, where, trainable)
    if request.start is not None:
        network.load(module, request.start)
    freeze(module, request.frozen or ())
    return network


def pretrained_request(request: NetworkRequest, registry: PluginRegistry) -> NetworkRequest:
    """Return the request with the weights to begin with, and the layers to freeze, that it leaves to the plugin.

    Raises:
        UsageError: USAGE, no weights come with the plugin.
        ReconError: MISSING_WEIGHTS.
    """
    spec = registry.find(Kind.TRAINABLE, request.trainable).spec
    trainable = spec.create(trainable_options(request, registry), RunContext())
    frozen = tuple(getattr(trainable, "early_layers", ())) if request.frozen is None else request.frozen
    return dataclasses.replace(request, start=_starting_weights(request, registry, trainable), frozen=frozen)


def _starting_weights(request: NetworkRequest, registry: PluginRegistry, trainable: Trainable) -> Path:
    if request.start is None:
        pretrained = getattr(trainable, "pretrained", None)
        if pretrained is None:
            raise UsageError(
                f"no weights come with {request.trainable}", code=Cause.USAGE, try_="give some with --start FILE"
            )
        path: Path = pretrained(trainable_options(request, registry))
        return path
    return request.start


def told_of_network(request: NetworkRequest, registry: PluginRegistry) -> dict[str, Any]:
    """Return what decides how a network begins, as JSON holds it; files by their content.

    Raises:
        UsageError: UNKNOWN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE; MISSING_FILE, there are no weights to begin with.
    """
    if request.start is not None and not request.start.is_file():
        raise UsageError(
            f"there are no weights {request.start}",
            code=Cause.MISSING_FILE,
            file=str(request.start),
            try_="check the path given to --start",
        )
    options = dataclasses.asdict(trainable_options(request, registry))
    told = {name: file_digest(value) if _is_file(value) else value for name, value in options.items()}
    start = None if request.start is None else file_digest(request.start)
    return {
        "trainable": request.trainable,
        "options": json.loads(json.dumps(told, default=str)),
        "start": start,
        "frozen": list(request.frozen or ()),
    }


def _is_file(value: object) -> TypeGuard[Path]:
    return isinstance(value, Path) and value.is_file()


def freeze(module: nn.Module, beginnings: Sequence[str]) -> None:
    """Keep the weights whose names begin so from being trained.

    Raises:
        UsageError: BAD_VALUE, no name begins so.
    """
    names = [name for name, _ in module.named_parameters()]
    for beginning in beginnings:
        if not any(_begins(name, beginning) for name in names):
            parts = sorted({".".join(name.split(".")[:2]) for name in names})
            raise UsageError(
                f"the network has no weights {beginning!r} to freeze",
                code=Cause.BAD_VALUE,
                try_=f"its parts: {', '.join(parts)}",
            )
    for name, parameter in module.named_parameters():
        if any(_begins(name, beginning) for beginning in beginnings):
            parameter.requires_grad_(False)


def descriptor_length(module: nn.Module, device: str = "cpu") -> int:
    """Return how many values a network's descriptors have."""
    was_training = module.training
    module.eval()
    with torch.inference_mode():
        outputs = module(torch.zeros(1, 1, 64, 64, device=device))
        length = outputs.describe(torch.full((1, 1, 2), 32.0, device=device))[0].shape[2]
    module.train(was_training)
    return int(length)


def _begins(name: str, beginning: str) -> bool:
    return name == beginning or name.startswith(beginning.rstrip(".") + ".")


def _settings_of(request: NetworkRequest) -> Settings:
    """Return what was set of the trainable: what names no kind may be meant for an extractor of the same name."""
    return Settings(tuple(each for each in request.settings.entries if each.is_for(Kind.TRAINABLE, request.trainable)))
