"""Finds the installed plugins and looks a component up by name.

Plugins are loaded one by one, so that a broken one is reported by name and package while the others work.
There is no global registry: who needs one loads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from recon.core.discovery import PluginProblem, find_plugins
from recon.core.errors import Cause, UsageError
from recon.core.events import Observer
from recon.core.kinds import Kind
from recon.core.loading import LoadedPlugin, Offer, reason_of
from recon.core.suggestions import did_you_mean

__all__ = ["Kind", "Offer", "PluginProblem", "PluginRegistry", "load_plugins"]


class PluginRegistry:
    """The plugins of one process, loaded and checked."""

    def __init__(
        self,
        offers: Iterable[Offer],
        problems: Iterable[PluginProblem] = (),
        observers: Iterable[Observer] = (),
        disabled: Iterable[str] = (),
    ) -> None:
        order = list(Kind)
        self._offers = sorted(offers, key=lambda offer: (order.index(offer.kind), offer.spec.name))
        self._observers = list(observers)
        self.problems: tuple[PluginProblem, ...] = tuple(problems)
        """The plugins that are left out, and why."""
        self.disabled: tuple[str, ...] = tuple(sorted(disabled))
        """Installed plugins that the user has switched off."""

    def offers(self, kind: Kind | None = None) -> list[Offer]:
        """Return the components of one kind, or all, by kind and name."""
        return [offer for offer in self._offers if kind in (None, offer.kind)]

    def observers(self) -> list[Observer]:
        """Return the `recon_event` hooks, one observer a plugin, so that one that raises is dropped alone."""
        return list(self._observers)

    def find(self, kind: Kind, name: str) -> Offer:
        """Return the component of a name; either kind of matcher when `kind` is one of them (see `Offer.kind`).

        Raises:
            UsageError: UNKNOWN_PLUGIN, with a suggestion; BROKEN_PLUGIN when it is installed and does not load.
        """
        choices = {offer.spec.name: offer for offer in self._offers if offer.kind.namespace == kind.namespace}
        if name not in choices:
            raise self._missing(kind.noun, name, choices)
        return choices[name]

    def named(self, name: str) -> list[Offer]:
        """Return the components of a name, of every kind.

        Raises:
            UsageError: As for `find`.
        """
        if not any(offer.spec.name == name for offer in self._offers):
            raise self._missing("component", name, [offer.spec.name for offer in self._offers])
        return [offer for offer in self._offers if offer.spec.name == name]

    def _missing(self, noun: str, name: str, choices: Iterable[str]) -> UsageError:
        for problem in self.problems:
            if name == problem.plugin or name in problem.components:
                return UsageError(
                    f"the plugin {problem.plugin!r} of {problem.package} does not work: {problem.reason}",
                    code=Cause.BROKEN_PLUGIN,
                    try_=f"update or remove {problem.package}; `recon plugins` lists what works",
                )
        if name in self.disabled:
            return UsageError(
                f"the plugin {name!r} is switched off by RECON_DISABLE_PLUGINS",
                code=Cause.UNKNOWN_PLUGIN,
                try_="take its name out of RECON_DISABLE_PLUGINS",
            )
        if not self._offers:
            next_step = "install recon itself (pip install .): its own plugins are found through the installed package"
        else:
            known = ", ".join(dict.fromkeys(choices)) or "none is installed"
            next_step = f"choose one of: {known} (`recon plugins` tells more)"
            if self.problems:
                broken = ", ".join(sorted({problem.plugin for problem in self.problems}))
                next_step += f"; these plugins did not load: {broken}"
        return UsageError(
            f"no {noun} named {name!r}{did_you_mean(name, choices)}", code=Cause.UNKNOWN_PLUGIN, try_=next_step
        )


def load_plugins(plugins_dir: Path | None = None, disabled: Iterable[str] | None = None) -> PluginRegistry:
    """Load and check every installed plugin, and every `*.py` of `plugins_dir`.

    Args:
        plugins_dir: None stands for `$RECON_PLUGINS_DIR`, where that is set.
        disabled: Names of plugins to pass over; None stands for `$RECON_DISABLE_PLUGINS`, separated by commas.

    Raises:
        UsageError: `plugins_dir` is no folder.
    """
    if plugins_dir is None and os.environ.get("RECON_PLUGINS_DIR"):
        plugins_dir = Path(os.environ["RECON_PLUGINS_DIR"])
    if disabled is None:
        disabled = os.environ.get("RECON_DISABLE_PLUGINS", "").split(",")
    switched_off = {name.strip() for name in disabled}

    found, problems = find_plugins(plugins_dir)
    offers: list[Offer] = []
    observers: list[Observer] = []
    for plugin in found:
        if plugin.name in switched_off:
            continue
        answered: list[Offer] = []
        try:
            loaded = LoadedPlugin(plugin)
            for kind in Kind:
                answered += loaded.offers(kind)
            _refuse_second_of_a_name(offers, answered)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code: what it raises is its own problem
            names = tuple(offer.spec.name for offer in answered)
            problems.append(PluginProblem(plugin.name, plugin.package, reason_of(error), names))
            continue
        offers += answered
        if observer := loaded.observer():
            observers.append(observer)
    return PluginRegistry(offers, problems, observers, {plugin.name for plugin in found} & switched_off)


def _refuse_second_of_a_name(offers: Sequence[Offer], answered: Sequence[Offer]) -> None:
    owners = {(offer.kind.namespace, offer.spec.name): offer for offer in offers}
    for offer in answered:
        owner = owners.setdefault((offer.kind.namespace, offer.spec.name), offer)
        if owner is not offer:
            what = f"{offer.kind.noun} {offer.spec.name!r}"
            raise ValueError(f"{what} is already offered by plugin {owner.plugin!r} of {owner.package}")
