"""The `auto` mapper: `incremental`, and `global` beside it where no pair of photos makes a strong beginning."""

from __future__ import annotations

from dataclasses import dataclass

import recon


@dataclass(frozen=True, slots=True)
class AutoOptions:
    """Options of the `auto` mapper; those of `incremental` are set there."""

    skeleton: bool = True
    """Grow on a skeleton of the matches first, then complete with all; false grows on all of them."""


def _create(options: AutoOptions, context: recon.RunContext) -> recon.Mapper:
    from recon.engine.mapper import IncrementalMapper
    from recon.engine.second_opinion import AutoMapper

    return AutoMapper(IncrementalMapper() if options.skeleton else IncrementalMapper(skeleton=None))


@recon.hookimpl
def recon_mappers() -> list[recon.ComponentSpec[recon.Mapper]]:
    """Offer the choice between the engines."""
    return [
        recon.ComponentSpec(
            name="auto",
            summary="incremental; where no pair makes a strong beginning, global too, and the better is kept",
            options=AutoOptions,
            create=_create,
            licence="BSD-3-Clause",
        )
    ]
