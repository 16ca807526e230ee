"""`recon train tune`: a network tuned to the photos at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recon.cli.json_command import JsonCommand
from recon.cli.train_options import (
    PAIRS,
    folder_options,
    losses_of,
    machine_of,
    machine_options,
    mix_of,
    pair_options,
    plugin_settings,
    settings_options,
)
from recon.cli.training import refused, run_training, train_settings

_DEFAULTS = {
    "steps": 2000,
    "learning_rate": 2e-4,
    "warm_up": 50,
    "averaging": 0.99,
    "validation_every": 100,
    "patience": 6,
    "max_keypoints": 2048,
    "held_out_every": 5,
    "mix": "homographies=0.5,tracks=1",
}
"""A tuning is short, and its photos are few: it has to stay close to where it began."""


@click.command("tune", cls=JsonCommand, refused=refused, context_settings={"default_map": _DEFAULTS})
@click.argument("photos", metavar="PHOTOS-OR-OUT", type=click.Path(path_type=Path))
@click.option("--network", "trainable", default="cnn", show_default=True, metavar="NAME", help="What is tuned.")
@click.option("--start", type=click.Path(path_type=Path), metavar="FILE",
              help="Weights to begin with; default: those that come with the network.")  # fmt: skip
@click.option(
    "--freeze",
    metavar="NAME,...",
    help="Beginnings of the names of weights that stay as they are, '' for none; default: the first layers.",
)
@click.option("--extractor", default="auto", show_default=True, metavar="NAME",
              help="By which the photos are reconstructed, where they are not yet.")  # fmt: skip
@click.option("--preset", type=click.Choice(["fast", "balanced", "best"]), default="balanced", show_default=True,
              help="Of that reconstruction.")  # fmt: skip
@pair_options
@settings_options
@machine_options
@folder_options
def command(photos: Path, **values: Any) -> int:
    """Tune a network to your own photos, and say whether it helped.

    The photos' own model tells which places are the same; they are reconstructed first where they are not yet. One
    photo of five is held out: no pair that shows it is trained on, and by such pairs it is judged whether the tuned
    weights match better. If not, RUN/weights.safetensors are the weights that it began with.

    \b
    Examples:
      recon train tune photos/ -o tuned
      recon train tune photos-recon/ -o tuned --steps 4000
      recon run photos/ --extractor cnn --set cnn.weights=tuned/weights.safetensors
    """

    def begin() -> Any:
        from recon.training.reconstructing import Reconstructing
        from recon.training.request import DataRequest, NetworkRequest, TrainRequest
        from recon.training.tuning import TuneRequest, tune

        trainable = values["trainable"]
        frozen = None if values["freeze"] is None else tuple(filter(None, map(str.strip, values["freeze"].split(","))))
        training = TrainRequest(
            values["output"],
            DataRequest(teacher=trainable, mix=mix_of(values["mix"]), **{name: values[name] for name in PAIRS}),
            NetworkRequest(trainable, plugin_settings(values, trainable), values["start"], frozen),
            train_settings(values),
            losses_of(values),
            machine=machine_of(values),
            is_fresh=values["fresh"],
        )
        how = Reconstructing(values["extractor"], values["preset"], device=values["device"], seed=values["seed"])
        return lambda *rest: tune(TuneRequest(photos, training, how), *rest)

    return run_training(values, begin)
