"""Recipes: TOML files that say how weights are made, from the photos on.

seed = 0                                # of everything
network = "cnn"                         # what is trained

[[data]]                                # any number of them
folder = "$RECON_TRAIN/mary_rose"       # may begin with an environment variable; else from the recipe's folder
extractor = "sift"                      # reconstruct these photos first; without it they are taken as they are
settings = ["sift.max_keypoints=4096"]  # of that run; also preset, matcher and escalate

[scenes]
count = 200                             # and views, size

[[stages]]                              # one after the other, each from the weights of the one before
name = "distil"
teacher = "aliked"                      # whose keypoints are learnt
descriptors = true                      # and its descriptors
steps = 20000                           # and all other options of `recon train`, with _ for -
mix = { homographies = 1, tracks = 1, scenes = 1 }
losses = { descriptors = 1.0 }          # LossOptions
warps = { angle_deg = 20 }              # WarpOptions
frozen = ["trunk.stem"]
settings = ["aliked.detection_threshold=0.02"]
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean
from recon.core.toml_file import read_toml
from recon.core.values import describe_type, to_type
from recon.learning.homographies import WarpOptions
from recon.learning.losses import LossOptions
from recon.learning.settings import TrainSettings
from recon.training.request import DataRequest, Mix

Table = TypeVar("Table")
_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class DataEntry:
    """A folder to learn from."""

    folder: Path
    extractor: str | None = None
    """Reconstruct it first, with that."""
    preset: str = "balanced"
    """Of that run."""
    matcher: str = "auto"
    """Of that run."""
    escalate: bool = True
    """Whether that run matches photos that stay out once more, with more effort."""
    settings: tuple[str, ...] = ()
    """Options of plugins in that run, as --set takes them."""


@dataclass(frozen=True, slots=True)
class ScenesEntry:
    """Scenes to render."""

    count: int = 0
    views: int = 6
    size: int = 640


@dataclass(frozen=True, slots=True)
class Stage:
    """One training."""

    name: str
    data: DataRequest
    """But for the folders, which all stages have in common."""
    settings: TrainSettings
    losses: Mapping[str, float] = field(default_factory=dict)
    warps: Mapping[str, Any] = field(default_factory=dict)
    frozen: Sequence[str] = ()
    plugins: Sequence[str] = ()
    """Options of plugins, as --set takes them."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How weights are made."""

    file: Path
    network: str
    data: Sequence[DataEntry]
    stages: Sequence[Stage]

    def as_dict(self) -> dict[str, Any]:
        """Return what decides the result as JSON holds it: not where things lie."""
        data = [{name: value for name, value in asdict(each).items() if name != "folder"} for each in self.data]
        stages = [asdict(each) for each in self.stages]
        for stage in stages:
            del stage["data"]["folders"], stage["data"]["scene_cache"]
        return {"network": self.network, "data": data, "stages": stages}


def read_recipe(file: Path) -> Recipe:
    """Return the recipe in a file.

    Raises:
        UsageError: MISSING_FILE; BAD_VALUE or UNKNOWN_OPTION, naming the place in the file.
    """
    return _Reader(file).recipe(read_toml(file, "recipe", "check the path"))


class _Reader:
    """Turns the tables of one file into a recipe, and says where one of them is wrong."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def recipe(self, document: Mapping[str, Any]) -> Recipe:
        self._refuse_unknown("the recipe", document, ("title", "seed", "network", "data", "scenes", "stages"))
        seed = self._value("seed", int, document.get("seed", 0))
        scenes = self._table("[scenes]", ScenesEntry, document.get("scenes", {}))
        data = [self._data(number, each) for number, each in enumerate(self._tables("data", document), 1)]
        if not data and not scenes.count:
            raise self._bad("there is nothing to learn from", "add [[data]] with a folder, or [scenes] with a count")
        stages = [
            self._stage(number, each, seed, scenes) for number, each in enumerate(self._tables("stages", document), 1)
        ]
        if not stages:
            raise self._bad("there is no stage", "add [[stages]] with a name, a teacher and steps")
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names):
            raise self._bad(f"two stages have one name: {', '.join(names)}", "give each a name of its own")
        return Recipe(self._file, self._value("network", str, document.get("network", "cnn")), data, stages)

    def _data(self, number: int, table: object) -> DataEntry:
        entry = self._table(f"[[data]] {number}", DataEntry, table)
        return replace(entry, folder=self._folder(str(entry.folder)))

    def _folder(self, text: str) -> Path:
        def value(match: re.Match[str]) -> str:
            name = match[1].strip("{}")
            if not os.environ.get(name):
                raise self._bad(f"folder = {text!r}: {name} is not set", f"set it: export {name}=FOLDER")
            return os.environ[name]

        return self._file.parent / Path(_VARIABLE.sub(value, text)).expanduser()

    def _stage(self, number: int, table: object, seed: int, scenes: ScenesEntry) -> Stage:
        where = f"[[stages]] {number}"
        values = dict(self._mapping(where, table))
        name = self._value(f"{where} name", str, values.pop("name", f"stage{number}"))
        if not _NAME.fullmatch(name):
            raise self._bad(f"{where}: the name {name!r} is no name of a folder", "use letters, digits, - and _")
        of_data = {each.name for each in fields(DataRequest)} - {"folders", "mix", "with_descriptors"}
        of_data -= {"scenes", "scene_views", "scene_size", "scene_cache"}
        of_settings = {each.name for each in fields(TrainSettings)}
        own = ("descriptors", "mix", "losses", "warps", "frozen", "settings")
        self._refuse_unknown(where, values, (*own, *sorted(of_data), *sorted(of_settings)))
        data = self._table(
            where,
            DataRequest,
            {
                **{key: value for key, value in values.items() if key in of_data},
                "scenes": scenes.count,
                "scene_views": scenes.views,
                "scene_size": scenes.size,
                "with_descriptors": values.get("descriptors", False),
            },
            mix=self._table(f"{where} mix", Mix, values.get("mix", {})),
        )
        settings = {"seed": seed, **{key: value for key, value in values.items() if key in of_settings}}
        return Stage(
            name,
            data,
            self._table(where, TrainSettings, settings),
            self._given(f"{where} losses", LossOptions, values.get("losses", {})),
            self._given(f"{where} warps", WarpOptions, values.get("warps", {})),
            self._value(f"{where} frozen", tuple[str, ...], values.get("frozen", [])),
            self._value(f"{where} settings", tuple[str, ...], values.get("settings", [])),
        )

    def _tables(self, name: str, document: Mapping[str, Any]) -> list[object]:
        tables = document.get(name, [])
        if not isinstance(tables, list):
            raise self._bad(f"{name} has to be a list of tables", f"write [[{name}]], with two brackets")
        return tables

    def _table(self, where: str, wanted: type[Table], table: object, **rest: Any) -> Table:
        """Return an instance of a dataclass made of a table; fields in `rest` are not looked for in it."""
        values = self._given(where, wanted, table)
        for each in fields(wanted):  # type: ignore[arg-type]
            is_needed = each.default is MISSING and each.default_factory is MISSING
            if is_needed and each.name not in {**values, **rest}:
                raise self._bad(f"{where} has no {each.name}", f"add {each.name} = ...")
        try:
            return wanted(**values, **rest)
        except UsageError as error:
            raise self._bad(f"{where}: {error.message}", error.try_ or "correct it") from error

    def _given(self, where: str, wanted: type, table: object) -> dict[str, Any]:
        """Return the values of a table, each of the type that a dataclass wants."""
        hints = get_type_hints(wanted)
        values = self._mapping(where, table)
        self._refuse_unknown(where, values, tuple(hints))
        return {name: self._value(f"{where} {name}", hints[name], value) for name, value in values.items()}

    def _mapping(self, where: str, table: object) -> Mapping[str, Any]:
        if not isinstance(table, dict):
            raise self._bad(f"{where} has to be a table, not {table!r}", "write NAME = VALUE below it")
        return table

    def _value(self, where: str, wanted: Any, value: object) -> Any:
        try:
            return to_type(wanted, value)
        except ValueError as error:
            raise self._bad(f"{where}: {error}", f"give {describe_type(wanted)}") from error

    def _refuse_unknown(self, where: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
        for name in values:
            if name not in known:
                raise UsageError(
                    f"{self._file}: {where} has no {name!r}{did_you_mean(name, known)}",
                    code=Cause.UNKNOWN_OPTION,
                    file=str(self._file),
                    try_=f"use {', '.join(known)}",
                )

    def _bad(self, message: str, next_step: str) -> UsageError:
        return UsageError(f"{self._file}: {message}", code=Cause.BAD_VALUE, file=str(self._file), try_=next_step)
