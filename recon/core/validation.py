"""Checks that what a plugin offers is what the host can list, choose and build."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, get_type_hints

from recon.core.components import ComponentSpec, WeightsFile
from recon.core.kinds import Kind

# Neither "." nor ":" nor "=", which separate names in `--set KIND:NAME.OPTION=VALUE`.
_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def is_valid_name(name: str) -> bool:
    """Whether a component may have this name: lower-case letters, digits, single - and _ between them."""
    return _NAME.fullmatch(name) is not None


def check_spec(kind: Kind, spec: object) -> ComponentSpec[Any]:
    """Return `spec` when it can be listed, chosen and built as a component of `kind`.

    Raises:
        ValueError: Names what is wrong, in one sentence.
    """
    if not isinstance(spec, ComponentSpec):
        raise ValueError(f"{kind.hook} offered {_shown(spec)}, which is no ComponentSpec")
    if not isinstance(spec.name, str) or not is_valid_name(spec.name):
        raise ValueError(
            f"{kind.noun} {spec.name!r}: a name is lower-case letters and digits, with - or _ between them"
        )
    what = f"{kind.noun} {spec.name!r}"
    for text in ("summary", "licence", "version"):
        value = getattr(spec, text)
        if not isinstance(value, str) or not value.strip() or "\n" in value:
            raise ValueError(f"{what}: its {text} has to be one line of text, not {_shown(value)}")
    if not callable(spec.create):
        raise ValueError(f"{what}: create has to be a function of (options, context), not {_shown(spec.create)}")
    _check_options(what, spec.options)
    if kind is Kind.EXTRACTOR and "max_keypoints" not in {field.name for field in dataclasses.fields(spec.options)}:
        raise ValueError(f"{what}: its options have no max_keypoints, which every extractor's have")
    _check_weights(what, spec.weights)
    if not isinstance(spec.devices, tuple) or not spec.devices or not all(isinstance(d, str) for d in spec.devices):
        raise ValueError(f"{what}: devices has to be a tuple like ('cpu', 'cuda'), not {_shown(spec.devices)}")
    return spec


def _check_options(what: str, options: object) -> None:
    if not isinstance(options, type) or not dataclasses.is_dataclass(options):
        raise ValueError(f"{what}: its options have to be a frozen dataclass, not {_shown(options)}")
    parameters: Any = options
    if not parameters.__dataclass_params__.frozen:
        raise ValueError(f"{what}: the dataclass of its options is not frozen")
    for field in dataclasses.fields(options):
        if field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{what}: its option {field.name!r} has no default")
    try:
        get_type_hints(options)
        options()
    except Exception as error:
        raise ValueError(f"{what}: its options cannot be made from their defaults: {error}") from error


def _check_weights(what: str, weights: object) -> None:
    if not isinstance(weights, tuple) or not all(isinstance(file, WeightsFile) for file in weights):
        raise ValueError(f"{what}: weights has to be a tuple of WeightsFile, not {_shown(weights)}")
    for file in weights:
        # The name becomes a file name in the user's cache.
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", file.name):
            raise ValueError(f"{what}: {file.name!r} is no plain file name for weights")
    if len({file.name for file in weights}) < len(weights):
        raise ValueError(f"{what}: two of its weight files have one name")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
