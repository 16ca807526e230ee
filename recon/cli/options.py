"""The options that the commands of a run share, and the configuration file that may hold them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.suggestions import did_you_mean

Command = Callable[..., Any]


class Numbers(click.ParamType[tuple[float, ...]]):
    """`A,B,...`, or an array in TOML."""

    name = "A,B,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Return the numbers."""
        texts = value.split(",") if isinstance(value, str) else value
        try:
            return tuple(float(text) for text in texts)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not a list of numbers separated by commas", param, ctx)


def _read_config(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Make the `[run]` table of a TOML file the defaults of this command."""
    if path is None:
        return None
    from recon.core.options import Settings

    Settings.from_toml(path)  # says what is wrong with a missing or broken file
    document = tomllib.loads(path.read_text("utf-8"))
    _refuse_unknown(document, ["run", *Kind], f"{path}: no table named", path)
    names = {name: option for option in ctx.command.params for name in _spellings(option)}
    values = document.get("run", {})
    if not isinstance(values, dict):
        raise UsageError(
            f"{path}: run has to be a table of options", code=Cause.BAD_VALUE, file=str(path), try_="write [run]"
        )
    _refuse_unknown(values, names, f"{path}: [run] has no option", path)
    ctx.default_map = {str(names[key].name): value for key, value in values.items()}
    return path


def _spellings(option: click.Parameter) -> list[str]:
    if not isinstance(option, click.Option) or option.name in ("config", "help"):
        return []
    long = [name.removeprefix("--") for name in option.opts if name.startswith("--")]
    return long + [name.replace("-", "_") for name in long]


def _refuse_unknown(given: dict[str, Any], known: Any, message: str, path: Path) -> None:
    for key in given:
        if key not in known:
            raise UsageError(
                f"{message} {key!r}{did_you_mean(key, known)}",
                code=Cause.UNKNOWN_OPTION,
                file=str(path),
                try_="`recon run --help` lists the options; plugins' options stand in tables like [extractor.sift]",
            )


_FILE = click.Path(path_type=Path)
_OPTIONS = [
    click.argument("photos", type=_FILE),
    click.option(
        "-o", "--output", type=_FILE, metavar="DIR", help="Folder of results; default ./<photos folder's name>-recon."
    ),
    click.option("--preset", type=click.Choice(["fast", "balanced", "best"]), default="balanced", show_default=True,
                 help="fast: 1024 px, 2048 keypoints; balanced: 1600, 4096; best: 3200, 8192, every match."),
    click.option("--extractor", default="auto", metavar="NAME", help="Feature extractor (`recon plugins` lists them)."),
    click.option("--matcher", default="auto", metavar="NAME", help="Matcher."),
    click.option("--pairs", default="auto", metavar="NAME", help="Pair selector."),
    click.option("--mapper", default="auto", metavar="NAME", help="Mapper."),
    click.option("--refiner", default="auto", metavar="NAME|none",
                 help="Moves keypoints by fractions of a pixel after a first model; default none, with --preset best "
                 "photometric."),
    click.option("--world", type=click.Choice(["auto", "gps", "upright", "model"]), default="auto", show_default=True,
                 help="Where the model stands: gps (metres, east, north, up), upright (+z up), model (as mapped), or "
                 "the first of these that holds."),
    click.option("--gps-prior", is_flag=True,
                 help="Adjust the model to the photos' GPS, too: for receivers that are exact, and long walks."),
    click.option("--pairs-file", type=_FILE, metavar="FILE", help="Pairs to match: two names a line."),
    click.option("--image-list", type=_FILE, metavar="FILE", help="Use these photos only: one name a line."),
    click.option("--frames", type=int, metavar="N", help="Of a video, at most so many frames; default 150."),
    click.option("--masks", type=_FILE, metavar="DIR",
                 help="Masks named like the photos, photo.jpg.png or photo.png: 0 (black) = ignore."),
    click.option("--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE",
                 help="An option of a plugin; `extractor:NAME.OPTION` where two kinds share a name. Repeatable."),
    click.option("--config", type=_FILE, metavar="FILE.toml", is_eager=True, callback=_read_config,
                 help="These options from a file: [run] for the command's, [extractor.NAME] for plugins'."),
    click.option("--plugins-dir", type=_FILE, metavar="DIR", help="Load every plugin file DIR/*.py, too."),
    click.option("--max-size", type=int, metavar="PX", help="Longest side that the extractor sees."),
    click.option("--max-keypoints", type=int, metavar="N", help="Keypoints a photo at most."),
    click.option("--strict", is_flag=True,
                 help="Drop pairs that look alike but contradict the other photos (repeated structure)."),
    click.option("--escalate/--no-escalate", default=True, show_default=True,
                 help="Match photos that stay out once more, with more effort; what verifies joins the model."),
    click.option("--keep-overlays", is_flag=True,
                 help="Use what stands still in all photos, too: watermarks, dates, a turntable's background."),
    click.option("--camera-model", metavar="NAME", help="A COLMAP camera model; default SIMPLE_RADIAL."),
    click.option("--camera-params", type=Numbers(), metavar="A,B,...",
                 help="Its parameters in COLMAP's order and pixel origin; they stay fixed."),
    click.option("--cameras", type=_FILE, metavar="FILE|DIR",
                 help="Intrinsics from COLMAP's cameras.txt, nerfstudio's transforms.json, or the folder of one; they "
                 "stay fixed."),
    click.option("--prior-poses", type=_FILE, metavar="FILE|DIR",
                 help="Known poses: a COLMAP model, nerfstudio's transforms.json, or a gt.json; and the intrinsics "
                 "that are in it, which stay fixed, too."),
    click.option("--prior-poses-use", type=click.Choice(["triangulate", "start"]), default="triangulate",
                 show_default=True, help="Keep them, and triangulate points onto them; or start from them, refine "
                 "everything, and register photos without one, too."),
    click.option("--rigs", type=_FILE, metavar="FILE",
                 help="COLMAP's rig_config.json: cameras fixed to each other, their photos told by prefixes of names."),
    click.option("--refine-intrinsics", is_flag=True, default=None, help="Refine given parameters all the same."),
    click.option("--single-camera", is_flag=True, help="One camera took all photos."),
    click.option("--camera-per-image", is_flag=True, help="A camera for each photo."),
    click.option("--camera-per-folder", is_flag=True, help="A camera for each subfolder."),
    click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]|mps", help="Where plugins run."),
    click.option("--threads", type=int, metavar="N", help="Default: as many as there are cores."),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of everything random."),
    click.option("--fresh", is_flag=True, help="Redo everything; without it, a run goes on where it stopped."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr."),
    click.option("--events", type=_FILE, metavar="FILE", help="Write JSON lines, one an event."),
]  # fmt: skip


def run_options(function: Command) -> Command:
    """Give a command the argument PHOTOS and every option of a run."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
