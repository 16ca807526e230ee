"""Turns `name.option=value` texts and TOML tables into a plugin's options dataclass, refusing unknown names.

Settings of higher priority stand over those of lower priority: `command_line.over(config)`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from recon.core.components import ComponentSpec, WeightsFile
from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.registry import Offer
from recon.core.suggestions import did_you_mean
from recon.core.toml_file import read_toml
from recon.core.values import describe_type, to_type

WEIGHTS = "weights"
"""`--set NAME.weights=FILE` gives a component's weight file (or a folder of them); it is no field of its options."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for one option of one component."""

    name: str
    option: str
    value: object
    """A text, or what TOML made of it."""
    kind: Kind | None = None
    """None means any kind that has a component of this name."""
    origin: str = "--set"
    """Where it was written, for messages."""

    @property
    def written(self) -> str:
        """The setting as a user writes it, up to the value."""
        return f"{self.kind + ':' if self.kind else ''}{self.name}.{self.option}"

    def is_for(self, kind: Kind, name: str) -> bool:
        """Whether this speaks of the component; `matcher:` means both kinds of matcher."""
        return self.name == name and self.kind in (None, kind, kind.namespace)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has set of the plugins' options; a later entry wins over an earlier one."""

    entries: tuple[Setting, ...] = ()

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Settings:
        """Return the settings written as `NAME.OPTION=VALUE` or `KIND:NAME.OPTION=VALUE`.

        Raises:
            UsageError: BAD_VALUE for another form, UNKNOWN_OPTION for an unknown kind.
        """
        return cls(tuple(_from_text(text) for text in texts))

    @classmethod
    def from_toml(cls, path: Path) -> Settings:
        """Return the settings in the tables `[KIND.NAME]` of a TOML file; other tables are not looked at.

        Raises:
            UsageError: MISSING_FILE, or BAD_VALUE for a file that is not TOML.
        """
        document = read_toml(path, "configuration", "check the path given to --config")
        tables = ((kind, document[kind]) for kind in Kind if isinstance(document.get(kind), dict))
        return cls(
            tuple(
                Setting(name, option, value, kind, str(path))
                for kind, table in tables
                for name, options in table.items()
                for option, value in _options_table(f"{kind}.{name}", options, path).items()
            )
        )

    def over(self, other: Settings) -> Settings:
        """Return both together; where both set an option, this one wins."""
        return Settings(other.entries + self.entries)

    def options_for(self, kind: Kind, spec: ComponentSpec[Any], defaults: Mapping[str, Any]) -> Any:
        """Return an instance of `spec.options`.

        Args:
            defaults: Values by option name that stand below every setting and above the component's own
                defaults; those that the component does not have are passed over.

        Raises:
            UsageError: UNKNOWN_OPTION with a suggestion, or BAD_VALUE.
        """
        wanted = option_types(spec)
        values = {name: value for name, value in defaults.items() if name in wanted}
        used = [entry for entry in self.entries if entry.is_for(kind, spec.name)]
        for entry in used:
            if entry.option in wanted:
                values[entry.option] = _value(entry, wanted[entry.option])
            elif entry.option != WEIGHTS or not spec.weights:
                raise _unknown_option(entry, kind, wanted)
        try:
            return spec.options(**values)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{kind.noun} {spec.name!r} refuses its options: {error}",
                code=Cause.BAD_VALUE,
                try_=f"look at {', '.join(sorted({entry.written for entry in used})) or ', '.join(values)}",
            ) from error

    def weights_for(self, kind: Kind, spec: ComponentSpec[Any], file: WeightsFile) -> Path | None:
        """Return the path that `NAME.weights` gives for a weight file, None where it is not set.

        A folder stands for the file of that name in it.

        Raises:
            UsageError: BAD_VALUE for one file where the component has several.
        """
        given = [e for e in self.entries if e.is_for(kind, spec.name) and e.option == WEIGHTS]
        if not given:
            return None
        path: Path = _value(given[-1], Path)
        if path.is_dir():
            return path / file.name
        if len(spec.weights) > 1:
            names = ", ".join(each.name for each in spec.weights)
            raise UsageError(
                f"{kind.noun} {spec.name!r} has several weight files ({names})",
                code=Cause.BAD_VALUE,
                file=str(path),
                try_=f"give {given[-1].written} a folder that holds them",
            )
        return path

    def given_weights(self, kind: Kind, name: str) -> str | None:
        """Return the path that `NAME.weights` gives, as it was written; None where it is not set."""
        given = [str(each.value) for each in self.entries if each.is_for(kind, name) and each.option == WEIGHTS]
        return given[-1] if given else None

    def check_used(self, offers: Sequence[Offer]) -> None:
        """Refuse settings that speak of none of these components, or of several.

        Raises:
            UsageError: UNKNOWN_PLUGIN with a suggestion; BAD_VALUE when the kind has to be said.
        """
        for entry in self.entries:
            kinds = [offer.kind for offer in offers if entry.is_for(offer.kind, offer.spec.name)]
            if not kinds:
                of_kind = [o.spec.name for o in offers if entry.kind in (None, o.kind, o.kind.namespace)]
                noun = entry.kind.noun if entry.kind else "component"
                raise UsageError(
                    f"{entry.origin} {entry.written}: no {noun} named {entry.name!r} is in use"
                    f"{did_you_mean(entry.name, of_kind)}",
                    code=Cause.UNKNOWN_PLUGIN,
                    try_=f"set options of: {', '.join(dict.fromkeys(of_kind)) or 'none'}",
                )
            # A network has the name and the options of the component that it is trained for: no other is meant.
            if len([kind for kind in kinds if kind is not Kind.TRAINABLE]) > 1:
                spellings = " or ".join(f"{kind}:{entry.name}.{entry.option}" for kind in kinds)
                raise UsageError(
                    f"{entry.origin} {entry.written}: {entry.name!r} is the name of several components",
                    code=Cause.BAD_VALUE,
                    try_=f"write {spellings}",
                )


def option_types(spec: ComponentSpec[Any]) -> dict[str, Any]:
    """Return the type of each option that can be set, by name."""
    hints = get_type_hints(spec.options)
    return {field.name: hints[field.name] for field in dataclasses.fields(spec.options) if field.init}


def _from_text(text: str) -> Setting:
    target, equals, value = text.partition("=")
    prefix, colon, rest = target.strip().rpartition(":")
    name, dot, option = rest.partition(".")
    if not (equals and dot and name and option):
        raise UsageError(
            f"--set {text}: not of the form NAME.OPTION=VALUE",
            code=Cause.BAD_VALUE,
            try_="for example: --set sift.max_keypoints=2000",
        )
    if colon and prefix not in list(Kind):
        raise UsageError(
            f"--set {text}: no kind of plugin named {prefix!r}{did_you_mean(prefix, Kind)}",
            code=Cause.UNKNOWN_OPTION,
            try_=f"kinds: {', '.join(Kind)}",
        )
    return Setting(name, option, value.strip(), Kind(prefix) if colon else None)


def _options_table(title: str, table: object, path: Path) -> dict[str, object]:
    if not isinstance(table, dict):
        raise UsageError(
            f"{path}: {title} has to be a table of options, not {table!r}",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_=f"write [{title}] and below it OPTION = VALUE",
        )
    return table


def _value(entry: Setting, wanted: Any) -> Any:
    try:
        return to_type(wanted, entry.value)
    except ValueError as error:
        raise UsageError(
            f"{entry.origin} {entry.written}: {error}",
            code=Cause.BAD_VALUE,
            try_=f"give {entry.written} {describe_type(wanted)}",
        ) from error


def _unknown_option(entry: Setting, kind: Kind, wanted: Mapping[str, Any]) -> UsageError:
    return UsageError(
        f"{entry.origin} {entry.written}: {kind.noun} {entry.name!r} has no option {entry.option!r}"
        f"{did_you_mean(entry.option, wanted)}",
        code=Cause.UNKNOWN_OPTION,
        try_=f"its options: {', '.join(sorted(wanted)) or 'none'}",
    )
