"""The `auto` mapper: incremental, and global beside it where the incremental model began with a weak pair.

Measured on photo sets with truth: where a model begins with a strong pair, the two agree, or the global one is worse
(video frames of one room: AUC@3 82 and 53, though with more points). Where no pair is strong, the global one is the
better one about as often as not, and how well it fits its own points says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import Event, ModelDone, Noted, Observer
from recon.engine.attempts import MANY_IMAGES
from recon.engine.global_mapper import GlobalMapper
from recon.engine.ladder import LADDER
from recon.engine.mapper import IncrementalMapper
from recon.engine.models import order_models
from recon.engine.refinement import MAX_ERROR_PX


@dataclass(frozen=True, slots=True)
class AutoMapper:
    """Asks the global engine too where the incremental one is in doubt; never loses the incremental model for less."""

    incremental: IncrementalMapper
    second: GlobalMapper = GlobalMapper()  # noqa: RUF009 - frozen

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the models of a COLMAP database, best first; see `recon.Mapper`."""
        done: list[ModelDone] = []

        def listen(event: Event) -> None:
            if isinstance(event, ModelDone):
                done.append(event)
            observer(event)

        models = list(self.incremental.map(database, options, listen))
        if not models or done[0].step == LADDER[0].name or options.should_stop():
            return models
        num_registered = models[0].num_reg_images()
        if num_registered < 3:
            return models  # two photos have one relative pose, which both estimate from the same matches
        if num_registered > MANY_IMAGES:
            return models  # the global engine takes longer than the whole run: on 252 photos, more than two minutes
        others = self.second.map(database, options, _only_warnings(observer))
        best = models[0]
        rival = next((model for model in others if set(model.reg_image_ids()) == set(best.reg_image_ids())), None)
        if rival is None or support(rival) <= support(best):
            observer(Noted(message="the global mapper was asked too, and found nothing better"))
            return models
        observer(
            Noted(
                message=f"the global mapper's model of the same {best.num_reg_images()} photos is kept: its points fit "
                f"better ({support(rival):,.0f} against {support(best):,.0f} observations, weighed by their error)"
            )
        )
        return order_models([rival, *models[1:]])


def support(model: pycolmap.Reconstruction) -> float:
    """Return the number of observations, each weighed from 1, where it fits, to 0 at the largest error allowed."""
    model.update_point_3d_errors()
    return float(
        sum(point.track.length() * max(0.0, 1 - (point.error / MAX_ERROR_PX) ** 2) for point in model.points3D.values())
    )


def _only_warnings(observer: Observer) -> Observer:
    def listen(event: Event) -> None:
        if not isinstance(event, ModelDone):
            observer(event)

    return listen
