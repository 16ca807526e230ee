"""`recon datasets`: the field's public photo sets, and scenes rendered with exact truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from recon.scenes.catalogue import PhotoSet
    from recon.scenes.generator import SceneOptions

Value = TypeVar("Value")
_LAYOUTS = ("courtyard", "orbit", "walk", "field")


@click.group("datasets")
def command() -> None:
    """List and fetch public photo sets, and render scenes with exact ground truth.

    \b
    Examples:
      recon datasets list
      recon datasets get south-building
      recon datasets make street --layout walk --photos 100
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_sets(as_json: bool) -> None:
    """List the public photo sets that `recon datasets get` knows, with size and licence."""
    from recon.cli.tables import print_table
    from recon.scenes.catalogue import CATALOGUE

    if as_json:
        click.echo(json.dumps({"sets": [photo_set.as_dict() for photo_set in CATALOGUE]}, indent=2, ensure_ascii=False))
        return
    rows = [(s.name, str(s.photos or "?"), _size(s), s.licence, s.title, s.page) for s in CATALOGUE]
    print_table(("Name", "Photos", "Size", "Licence", "What", "Page"), rows)
    click.echo("'unknown' and '?': their owners state none; read the page before you publish anything.", err=True)


@command.command("get")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the set; default ./NAME.")
def get(name: str, output: Path | None) -> None:
    """Download the public photo set NAME, verify it, unpack it, and print its folder.

    A download that was cut goes on where it stopped when the same command is given again.
    """
    from recon.cli.progress import show_progress
    from recon.core.events import Progress, StageStarted
    from recon.scenes.catalogue import find_set
    from recon.scenes.fetch import fetch_set

    photo_set = find_set(name)
    folder = output or Path(name)
    click.echo(f"{photo_set.title}; licence: {photo_set.licence}; {photo_set.page}", err=True)
    with show_progress() as observer:
        observer(StageStarted(stage="download", summary=f"size {_size(photo_set)}, counted in MB"))

        def tell(done: int, total: int | None) -> None:
            observer(Progress(stage="download", done=done // 1_000_000, total=(total or done) // 1_000_000))

        if not fetch_set(photo_set, folder, tell):
            click.echo("nothing to do: the set is here and complete", err=True)
    click.echo(str(folder))


@command.command("make")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--preset", type=click.Choice(["sample"]), help="What datasets/sample was made with; options change it.")
@click.option("--layout", type=click.Choice(_LAYOUTS), help="Place and path of the camera; default walk.")
@click.option("--photos", type=int, help="How many; default 50. A walk and a field grow with them.")
@click.option("--size", type=int, metavar="PX", help="Longer side of the photos (4:3); default 1024.")
@click.option("--seed", type=int, help="Another seed is another scene; default 0.")
@click.option("--samples", type=int, metavar="N", help="N x N rays through each pixel; default 2.")
@click.option("--quality", type=int, help="Of the JPEG files, 1 to 100; default 84.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--fresh", is_flag=True, help="Replace the scene that is in DIR.")
def make(
    folder: Path,
    preset: str | None,
    layout: str | None,
    photos: int | None,
    size: int | None,
    seed: int | None,
    samples: int | None,
    quality: int | None,
    threads: int | None,
    fresh: bool,
) -> None:
    """Render a scene into DIR: photos with EXIF in images/, exact poses and intrinsics in gt.json.

    The same options give the same photos. What was stopped goes on where it stopped when the same command is
    given again. A photo of 1024 px takes 2 to 4 seconds on 2 cores.

    \b
    Layouts:
      courtyard  a well before a wall, from an arc; up to about 40 photos
      orbit      a monument on a walled square, from all around; up to about 200
      walk       a street, there and back; as long as the photos need
      field      a field from above in rows, as a drone flies; as large as they need
    """
    from recon.cli.progress import show_progress
    from recon.core.events import Progress, StageStarted
    from recon.core.executor import available_threads
    from recon.scenes.folder import write_scene

    options = _scene_options(preset, layout, photos, size, seed, samples, quality)
    with show_progress() as observer:
        observer(StageStarted(stage="render", total=options.photos, summary=f"{options.photos} photos into {folder}"))
        made = write_scene(
            options,
            folder,
            fresh=fresh,
            threads=threads or available_threads(),
            progress=lambda done, total: observer(Progress(stage="render", done=done, total=total)),
        )
    click.echo(f"{made} photos rendered, {options.photos - made} were there", err=True)
    click.echo(str(folder))


def _scene_options(
    preset: str | None,
    layout: str | None,
    photos: int | None,
    size: int | None,
    seed: int | None,
    samples: int | None,
    quality: int | None,
) -> SceneOptions:
    """Return what the command line asks for, over the preset's values or the defaults."""
    from recon.scenes.generator import SAMPLE, Layout, SceneOptions

    base = SAMPLE if preset == "sample" else SceneOptions(layout=Layout.WALK, photos=50)

    def given(value: Value | None, otherwise: Value) -> Value:
        return otherwise if value is None else value

    return SceneOptions(
        seed=given(seed, base.seed),
        photos=given(photos, base.photos),
        size=given(size, base.size),
        layout=Layout(given(layout, str(base.layout))),
        samples=given(samples, base.samples),
        quality=given(quality, base.quality),
    )


def _size(photo_set: PhotoSet) -> str:
    size = photo_set.size_bytes
    return "unknown" if size is None else f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
