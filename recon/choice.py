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
from pathlib import Path
from typing import Any

from recon.code_digest import code_digest
from recon.core.components import RunContext
from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.libraries import missing_library
from recon.core.options import Settings
from recon.core.registry import Offer, PluginRegistry
from recon.device import device_for
from recon.plan import AUTO, Plan
from recon.weights import find_weights

_OURS = "recon-sfm"
_AUTO = {
    Kind.EXTRACTOR: ("sift", "it needs no weights and runs on any machine"),
    Kind.MATCHER: ("nearest", "it fits every extractor and needs no weights"),
    Kind.PAIRS: (AUTO, "it looks at the number of photos"),
    Kind.MAPPER: ("incremental", "it copes with unordered photos of unknown cameras"),
}


def key_of(*parts: object) -> str:
    """Return the sha256 of values that JSON can write, hexadecimal."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Choice:
    """A component that a run uses."""

    offer: Offer
    options: Any
    device: str
    seed: int
    weights: Mapping[str, Path]
    """Local file of each weight file, by its name."""

    weights_digests: Mapping[str, str]
    """sha256 of those files."""

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
        context = RunContext(self.device, threads, self.seed, self._weights_path, note)
        try:
            return self.offer.spec.create(self.options, context)
        except ImportError as error:
            if missing := missing_library(f"{self.offer.kind.noun} {self.name!r}", str(error)):
                raise missing from error
            raise

    def _weights_path(self, name: str) -> Path:
        if name not in self.weights:
            raise LookupError(f"{self.name} declared no weights named {name!r}")
        return self.weights[name]


@dataclass(frozen=True, slots=True)
class Team:
    """The components of a run."""

    extractor: Choice
    matcher: Choice
    pairs: Choice | None
    """None where the pairs come from a file."""
    mapper: Choice

    @property
    def members(self) -> list[Choice]:
        """All of them, in the order of the stages."""
        return [member for member in (self.extractor, self.pairs, self.matcher, self.mapper) if member is not None]


def choose_team(plan: Plan, registry: PluginRegistry, note: Callable[[str], None]) -> Team:
    """Return the components that a plan means; `note` hears why, where the plan says `auto`.

    Raises:
        UsageError: UNKNOWN_PLUGIN, BROKEN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE or NO_DEVICE.
        ReconError: The weights of a component that was named are neither here nor to be had.
    """
    wanted = {
        Kind.EXTRACTOR: plan.extractor,
        Kind.PAIRS: plan.pairs,
        Kind.MATCHER: plan.matcher,
        Kind.MAPPER: plan.mapper,
    }
    if plan.pairs_file is not None:
        del wanted[Kind.PAIRS]
    offers = {kind: _find(kind, name, registry, note) for kind, name in wanted.items()}
    if offers[Kind.MATCHER].kind is Kind.IMAGE_MATCHER:
        raise UsageError(
            f"{offers[Kind.MATCHER].spec.name!r} matches pixels, which `recon run` cannot use yet",
            code=Cause.UNKNOWN_PLUGIN,
            try_="choose a matcher of keypoints; `recon plugins` lists them",
        )
    on_command_line = Settings(tuple(entry for entry in plan.settings.entries if entry.origin == "--set"))
    on_command_line.check_used(list(offers.values()))
    plan.settings.check_used(registry.offers())  # a configuration file may serve several runs

    def choose(kind: Kind) -> Choice:
        return _choose(offers[kind], plan, is_named=wanted[kind] != AUTO, note=note)

    return Team(
        extractor=choose(Kind.EXTRACTOR),
        matcher=choose(Kind.MATCHER),
        pairs=choose(Kind.PAIRS) if Kind.PAIRS in offers else None,
        mapper=choose(Kind.MAPPER),
    )


def _find(kind: Kind, name: str, registry: PluginRegistry, note: Callable[[str], None]) -> Offer:
    if name != AUTO or any(offer.spec.name == AUTO for offer in registry.offers(kind)):
        return registry.find(kind, name)  # a plugin named `auto` decides, and says so, by itself
    chosen, reason = _AUTO[kind]
    note(f"{kind.noun}: {chosen}, since {reason}")
    return registry.find(kind, chosen)


def _choose(offer: Offer, plan: Plan, *, is_named: bool, note: Callable[[str], None]) -> Choice:
    spec = offer.spec
    options = plan.settings.options_for(offer.kind, spec, plan.defaults_for(offer.kind))
    weights = {
        file.name: find_weights(
            file, spec.name, plan.settings.weights_for(offer.kind, spec, file), allow_download=is_named, note=note
        )
        for file in spec.weights
    }
    keeps_results = offer.kind in (Kind.EXTRACTOR, Kind.MATCHER)
    return Choice(
        offer=offer,
        options=options,
        device=device_for(spec.devices, plan.device),
        seed=plan.seed if spec.uses_seed or not keeps_results else 0,
        weights=weights,
        weights_digests={name: _digest(path) for name, path in weights.items()},
    )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
