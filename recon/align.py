"""Two photos aligned, from files to files: chooses the plugins as a run does, registers, and writes the folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

import recon
from recon.choice import Team, choose_team
from recon.core.components import ImageMatcher
from recon.core.errors import Cause, UsageError
from recon.core.events import Announcer, Noted, Observer
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import PluginRegistry, load_plugins
from recon.plan import AUTO, Plan, make_plan
from recon.registration import KeypointMatcher, Model, Refinement, Registration, RegistrationOptions, register
from recon.registration.files import as_dict, check_output, write_registration
from recon.registration.photos import Photo, open_photo

__all__ = ["AlignRequest", "Alignment", "align", "carry_out"]


@dataclass(frozen=True, slots=True)
class Alignment:
    """What came of two photos."""

    registration: Registration
    """In the pixels of the full photos, upright."""
    summary: dict[str, Any]
    """What transform.json says."""
    output: Path | None


@dataclass(frozen=True, slots=True)
class AlignRequest:
    """What a command asks for."""

    image1: Path
    image2: Path
    output: Path | None
    plan: Plan
    options: RegistrationOptions
    mask1: Path | None = None
    mask2: Path | None = None
    force: bool = False


def align(
    image1: Path | str,
    image2: Path | str,
    output: Path | str | None = None,
    *,
    extractor: str = AUTO,
    matcher: str = AUTO,
    model: str = AUTO,
    refine: str = "ssd",
    mask1: Path | str | None = None,
    mask2: Path | str | None = None,
    settings: Mapping[str, object] | Iterable[str] = (),
    max_size: int | None = None,
    max_keypoints: int | None = None,
    device: str = AUTO,
    threads: int | None = None,
    seed: int = 0,
    force: bool = False,
    observers: Iterable[Observer] = (),
) -> Alignment:
    """Return how two photos are related, in the pixels of the full photos, upright.

    Args:
        output: Folder for the pictures and transform.json; None writes nothing.
        settings: Options of plugins, `{"sift.upright": True}` or `["sift.upright=true"]`.
        max_size: Longest side in pixels at which the photos are matched and refined; default 1600.

    Raises:
        UsageError: An unknown plugin, option or file, a bad value, an output that is there already.
        ReconError: The photos cannot be registered, or not be read.
    """
    texts = [f"{name}={value}" for name, value in settings.items()] if isinstance(settings, Mapping) else settings
    plan = make_plan(
        extractor=extractor,
        matcher=matcher,
        settings=Settings.from_texts(texts),
        max_size=max_size,
        max_keypoints=max_keypoints,
        device=device,
        threads=threads,
        seed=seed,
    )
    request = AlignRequest(
        Path(image1),
        Path(image2),
        None if output is None else Path(output),
        plan,
        options_from(model, refine, seed),
        None if mask1 is None else Path(mask1),
        None if mask2 is None else Path(mask2),
        force,
    )
    return carry_out(request, load_plugins(), observers)


def options_from(model: str, refine: str, seed: int) -> RegistrationOptions:
    """Return the options that texts stand for.

    Raises:
        UsageError: BAD_VALUE, with what may be given.
    """
    for name, value, choices in (("model", model, [AUTO, *Model]), ("refine", refine, list(Refinement))):
        if value not in choices:
            raise UsageError(
                f"no {name} named {value!r}", code=Cause.BAD_VALUE, try_=f"use one of: {', '.join(choices)}"
            )
    return RegistrationOptions(None if model == AUTO else Model(model), Refinement(refine), seed=seed)


def carry_out(request: AlignRequest, registry: PluginRegistry, observers: Iterable[Observer]) -> Alignment:
    """Return what the two photos of a request come to; see `align`."""
    start = time.perf_counter()
    announce = Announcer([*observers, *registry.observers()])
    if request.output is not None:
        check_output(request.output, force=request.force)
    photo1, photo2 = open_photo(request.image1, request.mask1), open_photo(request.image2, request.mask2)
    team = choose_team(request.plan, registry, lambda message: _note_of_matching(message, announce))
    matcher = _matcher(team, request.plan, lambda message: announce(Noted(message=message)))
    image1, image2 = (photo.load(request.plan.max_size) for photo in (photo1, photo2))
    found = register(image1, image2, matcher, request.options, announce).in_pixels_of(photo1.size, photo2.size)
    about = {
        "image1": _described(photo1, image1.size),
        "image2": _described(photo2, image2.size),
        "refine": str(request.options.refine),
        "seed": request.options.seed,
        "seconds": round(time.perf_counter() - start, 3),
        "versions": _versions(team),
    }
    if request.output is None:
        return Alignment(found, {**about, **as_dict(found)}, None)
    pixels1, pixels2 = (photo.load(None).pixels for photo in (photo1, photo2))
    return Alignment(found, write_registration(request.output, found, pixels1, pixels2, about), request.output)


def _note_of_matching(message: str, announce: Observer) -> None:
    if not message.startswith((Kind.MAPPER.noun, Kind.PAIRS.noun)):  # chosen for a run, and of no use here
        announce(Noted(message=message))


def _matcher(team: Team, plan: Plan, note: Any) -> ImageMatcher:
    matcher: Any = team.matcher.create(plan.threads, note)
    if team.extractor is None:
        sees_pixels: ImageMatcher = matcher
        return sees_pixels
    return KeypointMatcher(team.extractor.create(plan.threads, note), matcher)


def _described(photo: Photo, seen: tuple[int, int]) -> dict[str, Any]:
    return {
        "file": str(photo.file.path),
        "sha256": photo.file.digest,
        "size": list(photo.size),
        "exif_orientation": photo.file.orientation,
        "aligned_at_size": list(seen),
        "mask": None if photo.mask is None else str(photo.mask.path),
    }


def _versions(team: Team) -> dict[str, str]:
    versions = {"recon": recon.__version__, "python": python_version()}
    for library in ("numpy", "opencv-python"):
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    for member in (team.extractor, team.matcher):
        if member is not None:
            versions[f"{member.offer.kind}:{member.name}"] = f"{member.offer.package} {member.offer.version}"
    return versions
