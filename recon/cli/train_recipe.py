"""`recon train recipe`: weights made as a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recon.cli.json_command import JsonCommand
from recon.cli.train_options import folder_options, machine_of, machine_options
from recon.cli.training import refused, run_training


@click.command("recipe", cls=JsonCommand, refused=refused)
@click.argument("file", type=click.Path(path_type=Path))
@machine_options
@folder_options
def command(file: Path, **values: Any) -> int:
    """Train as a recipe says: photos to reconstruct, scenes to render, and stages of training.

    The recipe is a TOML file. Its folders may begin with an environment variable, and are else counted from the file.

    \b
    Examples:
      recon train recipe recipe.toml -o run --threads 1
      recon train recipe recipe.toml -o run --time-limit 120     # and again, until it is finished

    \b
    A recipe:
      seed = 0
      [[data]]
      folder = "$PHOTOS/castle"
      extractor = "sift"          # reconstruct it first; leave out for photos alone
      [scenes]
      count = 100
      [[stages]]
      name = "distil"
      teacher = "aliked"
      descriptors = true
      steps = 20000
      mix = { homographies = 1, tracks = 1, scenes = 2 }
    """

    def begin() -> Any:
        from recon.training.recipe import RecipeRequest, carry_out_recipe
        from recon.training.recipe_file import read_recipe

        request = RecipeRequest(read_recipe(file), values["output"], machine_of(values), values["fresh"])
        return lambda *how: carry_out_recipe(request, *how)

    return run_training(values, begin)
