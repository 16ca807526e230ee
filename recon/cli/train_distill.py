"""`recon train distill`: a network that learns from any extractor."""

from __future__ import annotations

from pathlib import Path
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


@click.command("distill", cls=JsonCommand, refused=refused)
@data_options
@click.option("--teacher", required=True, metavar="PLUGIN",
              help="Any installed extractor: its keypoints and descriptors are learnt.")  # fmt: skip
@click.option("--student", "trainable", default="cnn", show_default=True, metavar="NAME", help="What is trained.")
@click.option("--compare", "with_comparison", is_flag=True,
              help="Train the student without the teacher, too, and set all three side by side.")  # fmt: skip
@click.option("--against", type=click.Path(path_type=Path), metavar="RUN",
              help="The same, with the student of a finished `recon train new`.")  # fmt: skip
@click.option("--keypoints", default="sift", show_default=True, metavar="EXTRACTOR",
              help="Whose keypoints the student of --compare learns.")  # fmt: skip
@settings_options
@network_options
@machine_options
@folder_options
def command(**values: Any) -> int:
    """Train a network by a teacher: any installed extractor.

    What the teacher finds in the photos are soft targets, for keypoints, for descriptors and for which places look how
    alike; they are mixed with true correspondences, made as by `recon train new`. The student's descriptors may be
    shorter than the teacher's.

    \b
    Examples:
      recon train distill --teacher aliked --data photos/ --compare -o run
      recon train distill --teacher xfeat --student cnn --data a-recon/ --scenes 200 --steps 40000 -o run
    """

    def begin() -> Any:
        from recon.training.distilling import DistillRequest, distil

        request = training_request(values, with_descriptors=True)
        work = DistillRequest(request, values["with_comparison"], values["keypoints"], values["against"])
        return lambda *how: distil(work, *how)

    return run_training(values, begin)
