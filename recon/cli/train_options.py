"""The options that trainings have in common, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from recon.cli.plugins import plugins_dir_option
from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from recon.core.options import Settings
    from recon.learning.settings import Machine
    from recon.training.request import DataRequest, Mix

Command = TypeVar("Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)
PAIRS = ("max_keypoints", "size", "crop", "held_out_every")
"""Options of how pairs are made that are numbers, by the names that the request gives them."""

_FOLDERS = [
    click.option("--data", "folders", type=_PATH, multiple=True, metavar="DIR",
                 help="Photos, a workspace of `recon run`, or a COLMAP model with photos; may be given several times."),
    click.option("--scenes", type=int, default=0, show_default=True, metavar="N",
                 help="Rendered scenes of exact depth to learn from, too."),
    click.option("--scene-size", type=int, default=640, show_default=True, metavar="PX",
                 help="Longer side of their pictures."),
    click.option("--scene-cache", type=_PATH, metavar="DIR",
                 help="Keep rendered scenes there, for several trainings; default: in RUN."),
]  # fmt: skip
_PAIRS = [
    click.option("--max-keypoints", type=int, default=4096, show_default=True, metavar="N",
                 help="Keypoints a photo that are learnt, at most."),
    click.option("--max-size", "size", type=int, default=1024, show_default=True, metavar="PX",
                 help="Longest side of the photos."),
    click.option("--crop", type=int, default=256, show_default=True, metavar="PX",
                 help="Side of the squares that are trained on; a multiple of 32."),
    click.option("--mix", metavar="KIND=SHARE,...",
                 help="How often each kind of pair is taken: homographies=1,tracks=1,scenes=1."),
    click.option("--held-out-every", type=int, default=10, show_default=True, metavar="K",
                 help="Keep one photo of K for validation."),
]  # fmt: skip
_SETTINGS = [
    click.option("--steps", type=int, default=20_000, show_default=True, metavar="N", help="Steps of training."),
    click.option("--batch", type=int, default=8, show_default=True, metavar="B", help="Pairs a step."),
    click.option("--learning-rate", type=float, default=1e-3, show_default=True, metavar="X", help="At its highest."),
    click.option("--warm-up", type=int, default=300, show_default=True, metavar="N", help="Steps until then."),
    click.option("--averaging", type=float, default=0.999, show_default=True, metavar="X",
                 help="How slowly the average of the weights, which is what is kept, follows them; 0: no average."),
    click.option("--validation-every", type=int, default=500, show_default=True, metavar="N", help="Steps."),
    click.option("--validation-pairs", type=int, default=64, show_default=True, metavar="N",
                 help="Held-out pairs that are measured each time."),
    click.option("--loss", metavar="TERM=WEIGHT,...",
                 help="Weights of the losses, and temperatures: descriptors=1,reliability=0.3,temperature=0.05,..."),
    click.option("--patience", type=int, metavar="N", help="Stop after N validations without a better score."),
    click.option("--precision", type=click.Choice(["auto", "32", "bf16"]), default="auto", show_default=True,
                 help="Numbers of the network; auto is bf16 where the device is fast at it."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N",
                 help="Of everything random."),
]  # fmt: skip
_NETWORK = [
    click.option("--start", type=_PATH, metavar="FILE", help="Weights of an earlier training to begin with."),
    click.option("--backbone", type=click.Choice(["vgg16", "resnet18", "resnet50"]),
                 help="An ImageNet network in place of our own trunk."),
    click.option("--backbone-weights", type=_PATH, metavar="FILE", help="Its weights: torchvision's state dict."),
    click.option("--freeze-backbone/--tune-backbone", "freeze_backbone", default=None,
                 help="Whether they stay as they are; default: where --backbone-weights are given."),
]  # fmt: skip
_MACHINE = [
    click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]|mps",
                 help="Where to train."),
    click.option("--gpus", type=click.IntRange(1), default=1, show_default=True, metavar="N",
                 help="That many, from that device on."),
    click.option("--threads", type=click.IntRange(1), metavar="N",
                 help="Default: all cores. With 1, equal seeds give equal numbers to the last bit."),
    click.option("--workers", type=click.IntRange(0), metavar="N",
                 help="Processes that prepare data meanwhile; default: by the threads. Never changes the result."),
    click.option("--checkpoint-minutes", type=click.FloatRange(0), default=10.0, show_default=True, metavar="MINUTES",
                 help="Time between checkpoints."),
    click.option("--checkpoint-every", type=click.IntRange(1), metavar="N", help="Steps between checkpoints, too."),
    click.option("--time-limit", type=click.FloatRange(0, min_open=True), metavar="MINUTES",
                 help="Pause after that time; the same command goes on."),
    click.option("--tensorboard", is_flag=True, help="Write RUN/tensorboard, too."),
]  # fmt: skip
_PLUGINS = [
    click.option("--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE", help="Set an option of a plugin."),
]
_FOLDER = [
    click.option("-o", "--output", type=_PATH, required=True, metavar="RUN", help="Folder of the training."),
    click.option("--fresh", is_flag=True, help="Begin again; without it, a training goes on where it stopped."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr."),
    plugins_dir_option,
]  # fmt: skip


def _given(options: list[Callable[[Any], Any]]) -> Callable[[Command], Command]:
    def decorate(function: Command) -> Command:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


data_options = _given([*_FOLDERS, *_PAIRS])
pair_options = _given(_PAIRS)
settings_options = _given([*_SETTINGS, *_PLUGINS])
network_options = _given(_NETWORK)
machine_options = _given(_MACHINE)
folder_options = _given(_FOLDER)


def data_of(values: dict[str, Any], teacher: str, *, with_descriptors: bool) -> DataRequest:
    """Return what the options say of the data."""
    from recon.training.request import DataRequest

    if not values["folders"] and not values["scenes"]:
        raise UsageError(
            "there is nothing to learn from",
            code=Cause.USAGE,
            try_="give --data DIR, a folder of photos or a workspace, or --scenes N",
        )
    same = ("folders", "scenes", "scene_size", "scene_cache", *PAIRS)
    return DataRequest(
        teacher=teacher,
        with_descriptors=with_descriptors,
        mix=mix_of(values["mix"]),
        **{name: values[name] for name in same},
    )


def machine_of(values: dict[str, Any]) -> Machine:
    """Return what the options say of this machine."""
    from recon.core.executor import available_threads
    from recon.learning.settings import Machine

    same = ("device", "workers", "checkpoint_minutes", "checkpoint_every", "tensorboard")
    return Machine(
        devices=values["gpus"],
        threads=values["threads"] or available_threads(),
        time_limit_min=values["time_limit"],
        **{name: values[name] for name in same},
    )


def plugin_settings(values: dict[str, Any], trainable: str) -> Settings:
    """Return what the options set of plugins; those of a backbone are the trainable's."""
    from recon.core.options import Settings

    texts = list(values["settings"])
    if values.get("backbone"):
        texts.append(f"trainable:{trainable}.backbone={values['backbone']}")
        is_frozen = values["freeze_backbone"]
        if is_frozen is None:
            is_frozen = values["backbone_weights"] is not None
        texts.append(f"trainable:{trainable}.freeze_backbone={is_frozen}")
    if values.get("backbone_weights"):
        if not values["backbone"]:
            raise UsageError(
                "--backbone-weights goes with --backbone", code=Cause.USAGE, try_="say which network they are of"
            )
        texts.append(f"trainable:{trainable}.backbone_weights={values['backbone_weights']}")
    return Settings.from_texts(texts)


def losses_of(values: dict[str, Any]) -> dict[str, float]:
    """Return what the options say of the losses."""
    from recon.training.request import LOSSES

    return _numbers("--loss", values["loss"], LOSSES)


def mix_of(text: str | None) -> Mix:
    """Return how often each kind of pair is taken."""
    from recon.training.request import MIXED, Mix

    return Mix() if text is None else Mix(**{**dict.fromkeys(MIXED, 0.0), **_numbers("--mix", text, MIXED)})


def _numbers(option: str, text: str | None, names: Sequence[str]) -> dict[str, float]:
    """Return the numbers of `NAME=NUMBER,...`.

    Raises:
        UsageError: BAD_VALUE; UNKNOWN_OPTION, with a suggestion.
    """
    found: dict[str, float] = {}
    for part in (text or "").split(",") if text else []:
        name, _, number = (each.strip() for each in part.partition("="))
        if name not in names:
            raise UsageError(
                f"{option} {part}: there is no {name!r}{did_you_mean(name, names)}",
                code=Cause.UNKNOWN_OPTION,
                try_=f"use {', '.join(names)}",
            )
        try:
            found[name] = float(number)
        except ValueError as error:
            raise UsageError(
                f"{option} {part}: not of the form NAME=NUMBER",
                code=Cause.BAD_VALUE,
                try_=f"for example: {option} {names[0]}=0.5",
            ) from error
    return found
