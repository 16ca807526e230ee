"""From names to components: which plugins a plan means, with which options, where they run, and their keys.

A key is the sha256 of everything that makes a result, so that a changed option redoes what depends on it and
nothing else, and two extractors never mix in one result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from recon.code_digest import code_digest
from recon.core.components import ComponentSpec, RunContext
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.kinds import Kind
from recon.core.libraries import missing_library
from recon.core.options import Settings
from recon.core.registry import Offer, PluginRegistry
from recon.device import device_for
from recon.plan import AUTO, Plan
from recon.weights import find_weights, locate_weights

_OURS = "recon-sfm"
_AUTO = {
    Kind.EXTRACTOR: ("sift", "it needs no weights and runs on any machine"),
    Kind.MATCHER: ("nearest", "it fits every extractor and needs no weights"),
    Kind.PAIRS: (AUTO, "it looks at the number of photos"),
    Kind.MAPPER: ("incremental", "it copes with unordered photos of unknown cameras"),
}
_ATTENTION = {
    "xfeat": "lightglue",
    "aliked": "lightglue-aliked",
    "disk": "lightglue-disk",
    "sift": "lightglue-sift",
}
"""The attention matcher for each extractor's features."""
_FOR_ATTENTION = {"max_keypoints": 1536}
"""Options of both: the time of attention grows with the square of the keypoints."""
FOR_PAIRS = {"max_keypoints": 1024}
"""Options of an extractor by whose features pairs are chosen and nothing else: as many as `retrieval` looks at."""


def key_of(*parts: object) -> str:
    """Return the sha256 of values that JSON can write, hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Choice:
    """A component that a run uses."""

    offer: Offer
    options: Any
    device: str
    """`cpu`, `cuda:N`, `mps`; or `auto`, found out when the component is built: that takes a second, to load torch."""
    seed: int
    weights: Mapping[str, Path]
    """Local file of each weight file, by its name."""

    weights_digests: Mapping[str, str]
    """sha256 of those files, and of any that an option names, as NAME.OPTION."""
    extractor: str | None = None
    """Of a matcher of features: whose."""

    @property
    def name(self) -> str:
        """What the user types."""
        return self.offer.spec.name

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides what the component answers to a given input, for JSON."""
        offer = self.offer
        return {
            "kind": str(offer.kind),
            "name": self.name,
            "package": offer.package,
            "version": [offer.version, offer.spec.version],
            "code": code_digest(offer.spec, is_bundled=offer.package == _OURS),
            "options": self.options_dict(),
            "weights": dict(self.weights_digests),
            "seed": self.seed,
        }

    def options_dict(self) -> dict[str, Any]:
        """Return the options by name, for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self.options), default=str))
        return plain

    def create(self, threads: int, note: Callable[[str], None]) -> Any:
        """Return the component, built for a number of threads that it may use by itself.

        Raises:
            ReconError: MISSING_LIBRARY, with the line that installs it.
        """
        device = device_for(self.offer.spec.devices, self.device)
        context = RunContext(device, threads, self.seed, self._weights_path, note, self.extractor)
        try:
            return self.offer.spec.create(self.options, context)
        except ImportError as error:
            if missing := missing_library(f"{self.offer.kind.noun} {self.name!r}", str(error)):
                raise missing from error
            raise

    def create_for_host(self, threads: int, note: Callable[[str], None]) -> tuple[Any, bool]:
        """Return the component, and whether several threads may call it; then each call has one thread to itself."""
        is_shared = self.offer.spec.thread_safe and device_for(self.offer.spec.devices, self.device) == "cpu"
        return self.create(1 if is_shared else threads, note), is_shared

    def _weights_path(self, name: str) -> Path:
        if name in self.weights:
            return self.weights[name]
        file = next((file for file in self.offer.spec.weights if file.name == name), None)
        if file is None:
            raise LookupError(f"{self.name} declared no weights named {name!r}")
        return find_weights(file, self.name)


@dataclass(frozen=True, slots=True)
class Team:
    """The components of a run."""

    extractor: Choice | None
    """None where the matcher sees pixels, and keypoints come from the pairs."""
    matcher: Choice
    pairs: Choice | None
    """None where the pairs come from a file."""
    mapper: Choice
    refiner: Choice | None = None
    """None where the keypoints stay as they were found."""
    pairs_extractor: Choice | None = None
    """Finds the features that a pair selector may look at, where there is no extractor."""
    attention: tuple[Choice, Choice] | None = None
    """An extractor and a matcher that finds more, for photos that stay out; None where their weights are not here."""

    @property
    def members(self) -> list[Choice]:
        """All of them, in the order of the stages."""
        members = (self.extractor, self.pairs_extractor, self.pairs, self.matcher, self.mapper, self.refiner)
        return [member for member in members if member is not None]


def choose_team(plan: Plan, registry: PluginRegistry, note: Callable[[str], None]) -> Team:
    """Return the components that a plan means; `note` hears why, where the plan says `auto`.

    Raises:
        UsageError: UNKNOWN_PLUGIN, BROKEN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE or NO_DEVICE.
        ReconError: The weights of a component that was named are neither here nor to be had.
    """
    matcher = _find(Kind.MATCHER, plan.matcher, registry, plan.settings, note)
    sees_pixels = matcher.kind is Kind.IMAGE_MATCHER
    if sees_pixels and plan.extractor != AUTO:
        raise UsageError(
            f"--extractor {plan.extractor} has no place beside --matcher {matcher.spec.name}, "
            "which finds matches in the pixels themselves",
            code=Cause.BAD_VALUE,
            try_="leave --extractor out, or choose a matcher of keypoints; `recon plugins` lists them",
        )
    wanted = {
        Kind.EXTRACTOR: plan.extractor,
        Kind.PAIRS: plan.pairs,
        Kind.MAPPER: plan.mapper,
    }
    if plan.pairs_file is not None:
        del wanted[Kind.PAIRS]
        if sees_pixels:
            del wanted[Kind.EXTRACTOR]
    if plan.refiner_name is not None:
        wanted[Kind.REFINER] = plan.refiner_name
    offers = {
        kind: _find(
            kind, name, registry, plan.settings, _say_nothing if kind is Kind.EXTRACTOR and sees_pixels else note
        )
        for kind, name in wanted.items()
    }
    offers[Kind.MATCHER] = matcher
    wanted[Kind.MATCHER] = plan.matcher
    on_command_line = Settings(tuple(entry for entry in plan.settings.entries if entry.origin == "--set"))
    on_command_line.check_used(list(offers.values()))
    plan.settings.check_used(registry.offers())  # a configuration file may serve several runs

    def choose(kind: Kind, **defaults: Any) -> Choice:
        return _choose(offers[kind], plan, defaults, is_named=wanted[kind] != AUTO, note=note)

    if sees_pixels:
        extractor = None
        pairs_extractor = choose(Kind.EXTRACTOR, **FOR_PAIRS) if Kind.EXTRACTOR in offers else None
    else:
        extractor, pairs_extractor = choose(Kind.EXTRACTOR), None
    return Team(
        extractor=extractor,
        matcher=dataclasses.replace(
            choose(Kind.MATCHER, **(extractor.offer.spec.matching_defaults if extractor else {})),
            extractor=extractor.name if extractor else None,
        ),
        pairs=choose(Kind.PAIRS) if Kind.PAIRS in offers else None,
        mapper=choose(Kind.MAPPER),
        refiner=choose(Kind.REFINER) if Kind.REFINER in offers else None,
        pairs_extractor=pairs_extractor,
        attention=_attention(plan, registry, extractor) if plan.escalate and extractor is not None else None,
    )


def _attention(plan: Plan, registry: PluginRegistry, extractor: Choice) -> tuple[Choice, Choice] | None:
    """Return features and an attention matcher for them, the run's own if there is one for these; nothing is
    downloaded for it."""
    if find_spec("kornia") is None:
        return None
    offers = {(offer.kind, offer.spec.name): offer for offer in registry.offers()}
    for features in dict.fromkeys((extractor.name, *_ATTENTION)):
        finder = offers.get((Kind.EXTRACTOR, features))
        matcher = offers.get((Kind.MATCHER, _ATTENTION.get(features, "")))
        if finder is None or matcher is None or not (_is_at_hand(finder.spec) and _is_at_hand(matcher.spec)):
            continue
        anywhere = dataclasses.replace(plan, device="cpu")  # most runs never build them, and need not look for a GPU
        try:
            found = _choose(finder, anywhere, _FOR_ATTENTION, is_named=False, note=_say_nothing)
            attending = _choose(matcher, anywhere, _FOR_ATTENTION, is_named=False, note=_say_nothing)
        except ReconError:  # a damaged file of weights is no reason to end a run that goes without
            continue
        return (
            dataclasses.replace(found, device=plan.device),
            dataclasses.replace(attending, device=plan.device, extractor=features),
        )
    return None


def _is_at_hand(spec: ComponentSpec[Any]) -> bool:
    return all(file.optional or locate_weights(file) is not None for file in spec.weights)


def _find(kind: Kind, name: str, registry: PluginRegistry, settings: Settings, note: Callable[[str], None]) -> Offer:
    if name != AUTO:
        return registry.find(kind, name)
    chosen, reason = _AUTO[kind]
    if any(offer.spec.name == AUTO for offer in registry.offers(kind)):
        if not any(entry.is_for(kind, chosen) for entry in settings.entries):
            return registry.find(kind, AUTO)  # a plugin named `auto` decides, and says so, by itself
        reason = "its options are set"
    note(f"{kind.noun}: {chosen}, since {reason}")
    return registry.find(kind, chosen)


def _say_nothing(message: str) -> None:
    return None


def _choose(
    offer: Offer, plan: Plan, defaults: Mapping[str, Any], *, is_named: bool, note: Callable[[str], None]
) -> Choice:
    spec = offer.spec
    options = plan.settings.options_for(offer.kind, spec, {**plan.defaults_for(offer.kind), **defaults})
    weights: dict[str, Path] = {}
    for file in spec.weights:
        given = plan.settings.weights_for(offer.kind, spec, file)
        if not file.optional or given is not None:
            weights[file.name] = find_weights(file, spec.name, given, allow_download=is_named, note=note)
        elif (path := locate_weights(file)) is not None:
            weights[file.name] = path
    keeps_results = offer.kind in (Kind.EXTRACTOR, Kind.MATCHER, Kind.IMAGE_MATCHER)
    return Choice(
        offer=offer,
        options=options,
        device=device_for(spec.devices, plan.device),
        seed=plan.seed if spec.uses_seed or not keeps_results else 0,
        weights=weights,
        weights_digests={name: _digest(path) for name, path in {**weights, **_files_in(spec.name, options)}.items()},
    )


def _files_in(name: str, options: Any) -> dict[str, Path]:
    """Return the files that options name, by option: what they hold decides the result, not where they lie."""
    values = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return {f"{name}.{key}": value for key, value in values.items() if isinstance(value, Path) and value.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
