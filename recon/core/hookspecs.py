"""The hooks: the whole contract with plugins on one page.

A plugin is a module (or object) with functions of these names marked `@recon.hookimpl`, and one entry
point in the group `recon`. A hook returns its offers; it is called once, together with the plugin's other
hooks, when a command first needs plugins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from recon.core.components import (
        ComponentSpec,
        Exporter,
        FeatureExtractor,
        FeatureMatcher,
        ImageMatcher,
        Mapper,
        PairSelector,
        Refiner,
        Trainable,
    )
    from recon.core.events import Event

PROJECT = "recon"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def recon_feature_extractors() -> Iterable[ComponentSpec[FeatureExtractor]]:
    """Offer feature extractors: `extract(image) -> Features`.

    Called once, when a command first needs plugins. Describe only: import torch or OpenCV inside
    `create`, never at the top of the module. Every extractor's options have `max_keypoints`.
    """
    return ()


@hookspec
def recon_pair_selectors() -> Iterable[ComponentSpec[PairSelector]]:
    """Offer pair selectors: `select(images, features) -> list[ImagePair]`.

    Called once, when a command first needs plugins.
    """
    return ()


@hookspec
def recon_feature_matchers() -> Iterable[ComponentSpec[FeatureMatcher]]:
    """Offer matchers of keypoints: `match(features1, features2) -> Matches`.

    Called once, when a command first needs plugins.
    """
    return ()


@hookspec
def recon_image_matchers() -> Iterable[ComponentSpec[ImageMatcher]]:
    """Offer matchers that see pixels: `match_images(image1, image2) -> PairPositions`.

    Chosen by the same `--matcher` as a feature matcher; the host merges the positions into keypoints.
    """
    return ()


@hookspec
def recon_mappers() -> Iterable[ComponentSpec[Mapper]]:
    """Offer mappers: `map(database, options, observer) -> models`, best first.

    Called once, when a command first needs plugins.
    """
    return ()


@hookspec
def recon_refiners() -> Iterable[ComponentSpec[Refiner]]:
    """Offer refiners of keypoints: `refine(keypoints, tracks, cameras, poses, load_image) -> keypoints`.

    Called once, when a command first needs plugins; one is used when a run refines its first model.
    """
    return ()


@hookspec
def recon_exporters() -> Iterable[ComponentSpec[Exporter]]:
    """Offer export formats: `export(model, destination)`; the name is what `recon export OUT NAME` takes.

    Called once, when a command first needs plugins.
    """
    return ()


@hookspec
def recon_trainables() -> Iterable[ComponentSpec[Trainable]]:
    """Offer networks to train: `build(options)`, `save(module, path)`, `load(module, path)`.

    Called once, when a command first needs plugins.
    """
    return ()


@hookspec
def recon_event(event: Event) -> None:
    """Watch a run: called for every event, in the process of the run, one after the other.

    Return quickly; an observer that raises is reported once and dropped.
    """
