"""What the contracts of all kinds have in common: the spec, and how the component is built from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from recon.core.components import ComponentSpec, RunContext
from recon.core.frame import ModelFrame
from recon.core.kinds import Kind
from recon.core.validation import check_spec
from recon.weights import find_weights


class ComponentContract:
    """Base of the contracts; a subclass in a test module sets `spec`."""

    kind: ClassVar[Kind]
    spec: ClassVar[ComponentSpec[Any]]
    options: ClassVar[Mapping[str, Any]] = {}
    """Values that differ from the component's defaults."""

    frame: ClassVar[ModelFrame | None] = None
    """What the context says of the model's units."""

    def create(self, **options: Any) -> Any:
        """Return the component on the CPU, with seed 0; `options` stand over the class's own."""
        context = RunContext(threads=1, seed=0, weights=self.find_weights, frame=self.frame)
        return self.spec.create(self.spec.options(**{**self.options, **options}), context)

    def find_weights(self, name: str) -> Path:
        """Return a declared weight file that is on this machine; nothing is downloaded."""
        file = next(file for file in self.spec.weights if file.name == name)
        return find_weights(file, self.spec.name)

    def test_the_spec_can_be_listed_and_chosen(self) -> None:
        """What the registry would refuse fails here, before anybody installs it."""
        check_spec(self.kind, self.spec)

    def test_options_cannot_be_changed(self) -> None:
        """Results are kept by the options that made them."""
        options = self.spec.options(**self.options)
        for field in dataclasses.fields(options):
            try:
                setattr(options, field.name, getattr(options, field.name))
            except dataclasses.FrozenInstanceError:
                continue
            raise AssertionError(f"option {field.name!r} can be changed")
