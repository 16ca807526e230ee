"""The `global` mapper: pycolmap's global pipeline (GLOMAP), completed by recon's engine."""

from __future__ import annotations

from dataclasses import dataclass

import recon


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The `global` mapper has no options."""


def _create(options: GlobalOptions, context: recon.RunContext) -> recon.Mapper:
    from recon.engine.global_mapper import GlobalMapper

    return GlobalMapper()


@recon.hookimpl
def recon_mappers() -> list[recon.ComponentSpec[recon.Mapper]]:
    """Offer the global engine."""
    return [
        recon.ComponentSpec(
            name="global",
            summary="Places all images at once: rotations, then positions (pycolmap's GLOMAP)",
            options=GlobalOptions,
            create=_create,
            licence="BSD-3-Clause",
        )
    ]
