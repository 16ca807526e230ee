"""The plugins: those that do not load, those that a run cannot do without, and their weights."""

from __future__ import annotations

from collections.abc import Iterable

from recon.core.components import WeightsFile
from recon.core.discovery import BUNDLED_PACKAGE
from recon.core.errors import ReconError
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry, load_plugins
from recon.doctor.diagnosis import Diagnosis, State
from recon.weights import cache_dir, has_published_digest, locate_weights

_OF_EVERY_RUN = (
    (Kind.EXTRACTOR, "sift"),
    (Kind.MATCHER, "nearest"),
    (Kind.PAIRS, "auto"),
    (Kind.MAPPER, "incremental"),
)
"""What a run takes where nothing else is named."""


def examine_plugins() -> list[Diagnosis]:
    """Return what does not load, what is missing, and which weights are not here."""
    try:
        registry = load_plugins()
    except ReconError as error:  # RECON_PLUGINS_DIR names no folder
        return [Diagnosis("plugins", State.PROBLEM, error.message, "correct or unset RECON_PLUGINS_DIR")]
    diagnoses = [*_broken(registry), *_missing(registry)]
    if not diagnoses:
        diagnoses.append(Diagnosis("plugins", State.OK, f"{len(registry.offers())} components, all load"))
    if registry.disabled:
        text = f"switched off: {', '.join(registry.disabled)}"
        diagnoses.append(Diagnosis("plugins", State.NOTE, text, "unset RECON_DISABLE_PLUGINS"))
    return [*diagnoses, *_weights(registry)]


def _broken(registry: PluginRegistry) -> list[Diagnosis]:
    diagnoses = []
    for each in registry.problems:
        text = f"{each.plugin} of {each.package} does not load: {each.reason}"
        if each.package == BUNDLED_PACKAGE:
            mend = f"pip install --force-reinstall --no-deps {BUNDLED_PACKAGE}"
        elif each.package.endswith(".py"):
            mend = f"mend {each.package}, or switch it off: export RECON_DISABLE_PLUGINS={each.plugin}"
        else:
            mend = f"pip install --upgrade {each.package}, or pip uninstall {each.package}"
        diagnoses.append(Diagnosis("plugins", State.NOTE, text, mend))
    return diagnoses


def _missing(registry: PluginRegistry) -> list[Diagnosis]:
    diagnoses = []
    for kind, name in _OF_EVERY_RUN:
        if any(offer.spec.name == name and offer.kind.namespace == kind.namespace for offer in registry.offers()):
            continue
        is_off = bool(registry.disabled)
        mend = "unset RECON_DISABLE_PLUGINS" if is_off else "pip install recon-sfm, or `pip install .` in its source"
        text = f"the {kind.noun} {name!r} is not there, which a run takes by default"
        diagnoses.append(Diagnosis("plugins", State.PROBLEM, text, mend))
    return diagnoses


def _weights(registry: PluginRegistry) -> list[Diagnosis]:
    wanted = [(offer.spec.name, file) for offer in registry.offers() for file in offer.spec.weights]
    files = {file.name: file for _, file in wanted}
    users = {name: [user for user, file in wanted if file.name == name and not file.optional] for name in files}
    if not files:
        return []
    try:
        places = {name: locate_weights(file) for name, file in files.items()}
        cached = cache_dir()
    except ImportError as error:
        return [Diagnosis("weights", State.NOTE, f"could not be looked for: {error}", "pip install platformdirs")]
    diagnoses = []
    for name, file in files.items():
        place = places[name]
        if place is not None and place.parent == cached and not has_published_digest(file, place):
            text = f"{place} is damaged: it has not the published digest"
            diagnoses.append(Diagnosis("weights", State.NOTE, text, f"recon weights get {_first_user(wanted, name)}"))
    missing = list(dict.fromkeys(user for name, place in places.items() if place is None for user in users[name]))
    if missing:
        here = sum(place is not None for place in places.values())
        text = f"{here} of {len(files)} files are here; without theirs: {', '.join(missing)}"
        diagnoses.append(Diagnosis("weights", State.NOTE, text, f"recon weights get {' '.join(missing)}"))
    return diagnoses or [Diagnosis("weights", State.OK, f"all {len(files)} files are here")]


def _first_user(wanted: Iterable[tuple[str, WeightsFile]], name: str) -> str:
    return next(user for user, file in wanted if file.name == name)
