"""The `incremental` mapper: recon's engine on pycolmap."""

from __future__ import annotations

from dataclasses import dataclass

import recon


@dataclass(frozen=True, slots=True)
class IncrementalOptions:
    """Options of the `incremental` mapper."""

    skeleton: bool = True
    """Grow on a skeleton of the matches first, then complete with all; false grows on all of them."""
    skeleton_keypoints: int = 400
    """Tracks per image in the skeleton."""
    skeleton_matches_per_pair: int = 30
    """Matches that every verified pair keeps at least."""
    max_models: int = 50

    def __post_init__(self) -> None:
        if self.skeleton_keypoints < 50:
            raise ValueError("skeleton_keypoints: at least 50")
        if self.skeleton_matches_per_pair < 15:
            raise ValueError("skeleton_matches_per_pair: at least 15")
        if self.max_models < 1:
            raise ValueError("max_models: at least 1")


def _create(options: IncrementalOptions, context: recon.RunContext) -> recon.Mapper:
    from recon.engine.mapper import IncrementalMapper
    from recon.engine.skeleton import SkeletonOptions

    skeleton = SkeletonOptions(options.skeleton_keypoints, options.skeleton_matches_per_pair)
    return IncrementalMapper(skeleton if options.skeleton else None, options.max_models)


@recon.hookimpl
def recon_mappers() -> list[recon.ComponentSpec[recon.Mapper]]:
    """Offer the engine."""
    return [
        recon.ComponentSpec(
            name="incremental",
            summary="Grows models image by image on a skeleton of the matches (pycolmap)",
            options=IncrementalOptions,
            create=_create,
            licence="BSD-3-Clause",
        )
    ]
