"""`recon train new`: a network from scratch."""

from __future__ import annotations

from typing import Any

import click

from recon.cli.json_command import JsonCommand
from recon.cli.train_options import (
    data_of,
    data_options,
    folder_options,
    losses_of,
    machine_of,
    machine_options,
    network_options,
    plugin_settings,
    settings_options,
)
from recon.cli.training import refused, run_training, train_settings


@click.command("new", cls=JsonCommand, refused=refused)
@data_options
@click.option("--keypoints", "teacher", default="sift", show_default=True, metavar="EXTRACTOR",
              help="Whose keypoints are learnt; descriptors are learnt from true correspondences alone.")  # fmt: skip
@click.option("--network", "trainable", default="cnn", show_default=True, metavar="NAME", help="What is trained.")
@settings_options
@network_options
@machine_options
@folder_options
def command(**values: Any) -> int:
    """Train a network from scratch.

    It learns from pairs that are made on the fly: two crops of one photo, bent and lit differently; crops of two
    photos that a model has common points in; views of rendered scenes. One photo of ten is kept for validation.

    \b
    Examples:
      recon train new --data photos/ --steps 20000 -o run
      recon train new --data a-recon/ --data b-recon/ --scenes 200 --threads 1 --time-limit 120 -o run
      recon train new --data photos/ --backbone resnet18 --backbone-weights resnet18.pth -o run
    """

    def begin() -> Any:
        from recon.training.carrying_out import carry_out_training
        from recon.training.request import NetworkRequest, TrainRequest

        trainable = values["trainable"]
        request = TrainRequest(
            values["output"],
            data_of(values, values["teacher"], with_descriptors=False),
            NetworkRequest(trainable, plugin_settings(values, trainable), values["start"]),
            train_settings(values),
            losses_of(values),
            machine=machine_of(values),
            is_fresh=values["fresh"],
        )
        return lambda *how: carry_out_training(request, "new", *how)

    return run_training(values, begin)
