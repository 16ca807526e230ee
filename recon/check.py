"""`recon check`: a photo set judged, and a run of it foretold, with the components that the run would use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NoReturn

from recon.choice import Choice, Team, choose_team
from recon.core.data import Features, ImageFile
from recon.core.errors import ReconError
from recon.core.events import Observer, ignore
from recon.core.executor import never
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry
from recon.matching.images import list_images, load_image
from recon.matching.masks import with_masks
from recon.matching.pairs import choose_pairs, read_pairs_file
from recon.plan import AUTO, Plan
from recon.preflight.cost import (
    Forecast,
    PairForecast,
    Probe,
    Spent,
    describe_basis,
    forecast_memory_mb,
    forecast_seconds,
    stopwatch,
)
from recon.preflight.findings import Finding, Severity, Topic
from recon.preflight.machine import free_memory_bytes
from recon.preflight.photo_set import PhotoSetCheck, check_photo_set
from recon.preflight.threads import one_thread
from recon.weights import locate_weights

_MATCHED_TIMES = 4
"""The pair that is timed; the first time, which warms caches up, does not count."""


@dataclass(frozen=True, slots=True, eq=False)
class Preflight:
    """A photo set and the run that it would be."""

    check: PhotoSetCheck
    pairs: PairForecast | None
    forecast: Forecast | None
    """None where nothing could be timed; `notes` say why."""
    notes: tuple[str, ...]
    """Choices that recon would make on its own."""


def preflight(
    photos: Path,
    plan: Plan,
    registry: PluginRegistry,
    observer: Observer = ignore,
    should_stop: Callable[[], bool] = never,
) -> Preflight:
    """Return what is known of the photos before a run, and what the run would take; nothing is written or fetched.

    Raises:
        UsageError: A folder, name, plugin or value that does not exist.
        Interrupted: `should_stop` said so.
    """
    notes: list[str] = []
    team = _team(plan, registry, notes)
    with ThreadPoolExecutor(plan.threads) as pool:
        listing = list_images(photos, plan.image_list, pool)
        if plan.masks is not None:
            listing = with_masks(listing, photos, plan.masks, pool)
    check = check_photo_set(listing, plan.camera, plan.threads, observer, should_stop)
    if not check.is_usable:
        return Preflight(check, None, None, tuple(notes))
    try:
        pairs = _forecast_pairs(plan, team, check.images, observer, notes)
        forecast = None if team is None or pairs is None else _forecast(plan, team, check, pairs, notes)
    except ReconError as error:
        if error.exit_status == 2:
            raise
        notes.append(f"no forecast: {error.message}" + (f"; {error.try_}" if error.try_ else ""))
        pairs, forecast = None, None
    if forecast is not None:
        check = check.with_findings(_too_little_memory(forecast))
    return Preflight(check, pairs, forecast, tuple(dict.fromkeys(notes)))


def _team(plan: Plan, registry: PluginRegistry, notes: list[str]) -> Team | None:
    """Return the components of the run; None where weights would have to be downloaded first."""
    wanted = ((Kind.EXTRACTOR, plan.extractor), (Kind.MATCHER, plan.matcher), (Kind.REFINER, plan.refiner_name or AUTO))
    for kind, name in wanted:
        if name == AUTO:
            continue
        offer = registry.find(kind, name)
        for file in offer.spec.weights:
            if file.optional:
                continue
            if plan.settings.weights_for(offer.kind, offer.spec, file) is None and locate_weights(file) is None:
                next_step = f"`recon weights get {name}` fetches them"
                notes.append(f"no forecast: the weights of {name} are not here; {next_step}")
                return None
    return choose_team(plan, registry, notes.append)


class _FeaturesNeededError(LookupError):
    """A pair selector looks at features, of which there are none yet."""


class _NoFeatures(Mapping[str, Features]):
    """Tells a selector that goes by names, places or numbers from one that looks at the photos."""

    def __getitem__(self, name: str) -> NoReturn:
        raise _FeaturesNeededError

    def __iter__(self) -> Iterator[str]:
        raise _FeaturesNeededError

    def __len__(self) -> int:
        raise _FeaturesNeededError


def _forecast_pairs(
    plan: Plan, team: Team | None, images: list[ImageFile], observer: Observer, notes: list[str]
) -> PairForecast | None:
    if plan.pairs_file is not None:
        number = len(read_pairs_file(plan.pairs_file, [image.name for image in images], observer))
        return PairForecast("file", number, number, f"the pairs of {plan.pairs_file}")
    if team is None or team.pairs is None:
        return None
    said: list[str] = []
    selector = team.pairs.create(plan.threads, said.append)
    try:
        number = len(choose_pairs(selector, images, _NoFeatures()))
    except _FeaturesNeededError:
        return _from_options(team.pairs, len(images), said)
    return PairForecast(team.pairs.name, number, number, _reason(said, f"{team.pairs.name} goes by the list of photos"))


def _from_options(chosen: Choice, num_photos: int, said: list[str]) -> PairForecast:
    every = num_photos * (num_photos - 1) // 2
    k = chosen.options_dict().get("k")
    reason = _reason(said, f"{chosen.name} looks at the photos' features")
    if not isinstance(k, int):
        return PairForecast(chosen.name, min(every, num_photos - 1), every, reason)
    # Each photo's k: at best all are each other's, at worst none.
    return PairForecast(chosen.name, min(every, num_photos * k // 2), min(every, num_photos * k), reason)


def _reason(said: list[str], otherwise: str) -> str:
    return said[-1].removeprefix("pairs: ") if said else otherwise


def _forecast(plan: Plan, team: Team, check: PhotoSetCheck, pairs: PairForecast, notes: list[str]) -> Forecast:
    probe, shared_by = _probe(plan, team, check, notes)
    return Forecast(
        seconds=forecast_seconds(len(check.looks), pairs, probe, shared_by),
        memory_mb=forecast_memory_mb(check.images, plan.max_size, plan.threads),
        basis=describe_basis(probe, shared_by),
    )


def _probe(plan: Plan, team: Team, check: PhotoSetCheck, notes: list[str]) -> tuple[Probe, int]:
    """Return the times of two ordinary photos, and how many threads share the photos and pairs of a run."""
    by_texture = sorted(check.looks, key=lambda look: look.sharpness.num_edges)
    image1, image2 = by_texture[len(by_texture) // 3].image, by_texture[-1 - len(by_texture) // 3].image
    if image1 is image2:
        image2 = next(look.image for look in by_texture if look.image is not image1)
    matcher, matcher_threads = _create(team.matcher, plan, notes)
    if team.extractor is None:
        pictures = [load_image(image, plan.max_size) for image in (image1, image2)]
        with one_thread():
            _, spent = stopwatch(lambda: matcher.match_images(*pictures))
        return Probe((image1.name, image2.name), Spent(0.0, 0.0), spent, 0), matcher_threads
    extractor, threads = _create(team.extractor, plan, notes)

    def extract(image: ImageFile) -> Features:
        found: Features = extractor.extract(load_image(image, plan.max_size))
        return found

    with one_thread():
        features1, spent1 = stopwatch(lambda: extract(image1))
        features2, spent2 = stopwatch(lambda: extract(image2))
        matched = [stopwatch(lambda: matcher.match(features1, features2))[1] for _ in range(_MATCHED_TIMES)]
    keypoints = (len(features1) + len(features2)) // 2
    return Probe((image1.name, image2.name), _mean([spent1, spent2]), _mean(matched[1:]), keypoints), threads


def _mean(spent: Sequence[Spent]) -> Spent:
    return Spent(fmean(each.clock for each in spent), fmean(each.processor for each in spent))


def _create(choice: Choice, plan: Plan, notes: list[str]) -> tuple[Any, int]:
    """Return a component, and how many threads call it at a time."""
    component, is_shared = choice.create_for_host(plan.threads, notes.append)
    return component, plan.threads if is_shared else 1


def _too_little_memory(forecast: Forecast) -> list[Finding]:
    free = free_memory_bytes()
    if free is None or forecast.memory_mb[1] * 1e6 <= free:
        return []
    least, most = forecast.memory_mb
    surely = least * 1e6 > free
    return [
        Finding(
            Topic.MEMORY,
            Severity.WARNING if surely else Severity.NOTE,
            f"a run takes {least / 1000:.1f} to {most / 1000:.1f} GB of memory, and {free / 1e9:.1f} GB are free",
            (),
            "give --threads 1 or a smaller --max-size, or close other programs",
        )
    ]
