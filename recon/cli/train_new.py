"""`recon train new`: a network from scratch."""

from __future__ import annotations

from typing import Any

import click

from recon.cli.json_command import JsonCommand
from recon.cli.train_options import (
    data_options,
    folder_options,
    machine_options,
    network_options,
    settings_options,
)
from recon.cli.training import refused, run_training, training_request


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

        request = training_request(values, with_descriptors=False)
        return lambda *how: carry_out_training(request, "new", *how)

    return run_training(values, begin)
