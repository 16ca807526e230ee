"""Follows a run for `recon view --live`: scenes of the newest model, as long as somebody looks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recon.cli.view_inputs import SmallPhotos, shown_model
from recon.core.errors import Cause, UsageError

if TYPE_CHECKING:
    from recon.engine.live_models import Watching
    from recon.output.view_scene import ViewScene

_WAIT_SECONDS = 0.2
_GRACE_SECONDS = 8.0
"""For a run that is just beginning: it takes a moment to say so."""


@contextmanager
def follow(out: Path, size: tuple[int, int]) -> Iterator[FollowedRun]:
    """Follow the run in a workspace, for as long as the block lasts.

    Raises:
        UsageError: NOT_A_WORKSPACE.
    """
    from recon.engine.live_models import Watching

    if not (out / "recon.json").is_file():
        raise UsageError(
            f"{out} is no workspace of a run",
            code=Cause.NOT_A_WORKSPACE,
            file=str(out),
            try_="begin the run first (recon run PHOTOS -o OUT), then look at its OUT from another terminal",
        )
    watching = Watching(out)
    try:
        yield FollowedRun(out, size, watching)
    finally:
        watching.close()


class FollowedRun:
    """A run whose models are shown as they grow."""

    def __init__(self, out: Path, size: tuple[int, int], watching: Watching) -> None:
        self._out = out
        self._size = size
        self._watching = watching
        self._photos = SmallPhotos()

    def first(self) -> ViewScene:
        """Return the scene of the first model, as soon as there is one.

        Raises:
            UsageError: NOT_A_WORKSPACE, the run ended without one.
        """
        last_seen_running = time.monotonic()
        while True:
            is_running = self._watching.is_running  # before the look: the last model is written before a run ends
            scene = self.newer()
            if scene is not None:
                return scene
            if is_running:
                last_seen_running = time.monotonic()
            elif time.monotonic() - last_seen_running > _GRACE_SECONDS:
                from recon.engine.models import model_folder

                model_folder(self._out)
                raise UsageError(
                    f"the model in {self._out} holds no photos", code=Cause.NOT_A_WORKSPACE, file=str(self._out)
                )
            time.sleep(_WAIT_SECONDS)

    def newer(self) -> ViewScene | None:
        """Return the scene of a model that is newer than the last one; None where there is none."""
        from recon.output.view_models import view_scene
        from recon.output.view_photos import picture_side

        found = self._watching.newer()
        if found is None:
            return None
        model, frame = found
        side = picture_side(model.num_reg_images())
        return view_scene([shown_model(self._out, model, frame, side, self._photos)], self._size)
