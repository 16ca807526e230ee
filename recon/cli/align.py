"""`recon align`: two photos aligned to each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.plugins import plugins_dir_option
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.align import Alignment

_FILE = click.Path(path_type=Path)


@click.command(
    "align",
    cls=JsonCommand,
    refused=lambda error: {"error": error.as_dict()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("image1", type=_FILE)
@click.argument("image2", type=_FILE)
@click.option(
    "-o", "--output", type=_FILE, metavar="DIR", required=True, help="Folder for pictures and transform.json."
)
@click.option("--extractor", default="auto", metavar="NAME", help="Feature extractor (`recon plugins` lists them).")
@click.option("--matcher", default="auto", metavar="NAME", help="Matcher, of keypoints or of pixels.")
@click.option(
    "--model",
    type=click.Choice(["auto", "homography", "affine", "similarity", "epipolar"]),
    default="auto",
    show_default=True,
    help="How the photos may be related; auto takes the model of least GRIC (Torr 1998).",
)
@click.option(
    "--refine",
    type=click.Choice(["ssd", "ecc", "mi", "none"]),
    default="ssd",
    show_default=True,
    help="By grey values: least squares, correlation, or mutual information (other sensors).",
)
@click.option("--mask1", type=_FILE, metavar="FILE", help="Picture of IMAGE1's size: 0 where it is to be ignored.")
@click.option("--mask2", type=_FILE, metavar="FILE", help="The same for IMAGE2.")
@click.option("--max-size", type=int, metavar="PX", help="Longest side at which photos are aligned.  [default: 1600]")
@click.option("--max-keypoints", type=int, metavar="N", help="Keypoints a photo at most.  [default: 4096]")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE", help="An option of a plugin. Repeatable."
)
@click.option("--config", type=_FILE, metavar="FILE.toml", help="Options of plugins, in tables like [extractor.sift].")
@plugins_dir_option
@click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]|mps", help="Where plugins run.")
@click.option("--threads", type=int, metavar="N", help="Default: as many as there are cores.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of everything random.")
@click.option("--force", is_flag=True, help="Replace what DIR holds of an earlier alignment; other files stay.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr.")
def command(as_json: bool, **values: Any) -> int:
    """Align IMAGE1 to IMAGE2: the transform, how sure it is, and pictures that show it.

    Matches give a similarity, an affine transform, a homography or, where the scene has depth, the epipolar
    geometry; the grey values then refine it to a few hundredths of a pixel. DIR gets aligned.png (IMAGE1 in the
    frame of IMAGE2), checkerboard.png, flicker.gif, matches.png and transform.json. Its pixels are those of the upright
    photos at full size, the centre of the top-left one at (0.5, 0.5). A scene with depth has no one warp: there
    aligned.png shows the plane that most matches lie on.

    The exit status is 1 when the photos cannot be aligned.

    \b
    Examples:
      recon align before.jpg after.jpg -o aligned
      recon align infrared.png colour.jpg -o aligned --refine mi
    """
    try:
        alignment = _carry_out(values)
    except ReconError as error:
        if as_json:
            print_json({"error": error.as_dict()})
        raise
    if as_json:
        click.echo(json.dumps({**alignment.summary, "output": str(alignment.output)}, indent=2, ensure_ascii=False))
    else:
        _print(alignment)
    return 0


def _carry_out(values: dict[str, Any]) -> Alignment:
    from recon.align import AlignRequest, carry_out, options_from
    from recon.cli.progress import show_progress
    from recon.core.options import Settings
    from recon.core.registry import load_plugins
    from recon.plan import make_plan

    settings = Settings.from_texts(values["settings"])
    if values["config"] is not None:
        settings = settings.over(Settings.from_toml(values["config"]))
    same = ("extractor", "matcher", "max_size", "max_keypoints", "device", "threads", "seed")
    plan = make_plan(settings=settings, **{name: values[name] for name in same})
    options = options_from(values["model"], values["refine"], values["seed"])
    files = (values["image1"], values["image2"], values["output"])
    request = AlignRequest(*files, plan, options, values["mask1"], values["mask2"], values["force"])
    with show_progress() as observer:
        return carry_out(request, load_plugins(values["plugins_dir"]), [observer])


def _print(alignment: Alignment) -> None:
    found, summary = alignment.registration, alignment.summary
    alike = summary["correlation"]
    lines = [
        f"model        {found.model}, {found.num_inliers} of {len(found.xy1)} matches fit, {found.rms_px:.2f} px RMS",
        f"correlation  {alike['unaligned']:.3f} unaligned, {alike['matched']:.3f} by matches, "
        f"{alike['refined']:.3f} now",
    ]
    worst = max(
        (value for corner in summary["corners"] for value in corner["std_px"] if value is not None), default=None
    )
    if worst is not None:
        lines.append(f"certainty    corners of image 1 to {worst:.3f} px (1 sigma, the worst)")
    for line in [*lines, f"written      {alignment.output}"]:
        click.echo(line)
