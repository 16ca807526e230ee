"""Remembers which step of the ladder made each model, as the mapper tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.events import Event, ModelDone, Observer

if TYPE_CHECKING:
    import pycolmap


class StepsTaken:
    """An observer that passes everything on to another."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._steps: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, ModelDone) and event.step:
            self._steps[event.first_image] = event.step
        self._observer(event)

    def of(self, models: Sequence[pycolmap.Reconstruction]) -> list[str | None]:
        """Return the step that each model began at; None where the mapper did not say."""
        firsts = (min(model.image(image_id).name for image_id in model.reg_image_ids()) for model in models)
        return [self._steps.get(first) for first in firsts]
