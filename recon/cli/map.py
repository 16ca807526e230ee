"""`recon map`: the last stage alone, on our own matches or on others'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recon.cli.json_command import JsonCommand
from recon.cli.options import run_options
from recon.cli.running import Work, request_of, run_stage, summary_of_nothing
from recon.core.errors import Cause, UsageError

_PATH = click.Path(path_type=Path)
_SQLITE = b"SQLite format 3\0"
"""How COLMAP's databases begin."""


@click.command(
    "map",
    cls=JsonCommand,
    refused=summary_of_nothing,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@run_options
@click.option(
    "--photos", "photos_of", type=_PATH, metavar="DIR", help="Of a database: where its photos are, for colours."
)
@click.option("--features", type=_PATH, metavar="FILE.h5", help="hloc's features of PHOTOS, with --matches.")
@click.option("--matches", type=_PATH, metavar="FILE.h5", help="hloc's matches of these features.")
def command(**values: Any) -> int:
    """Grow the model from the verified matches: the last stage of `recon run`, alone.

    Needs what `recon match` with the same options left in the same folder (-o), and writes sparse/ and points.ply.

    PHOTOS may also be a COLMAP database from elsewhere; and hloc's features and matches of PHOTOS can be mapped. Pairs
    that are not verified yet are verified first, and the original files stay as they are.

    \b
    Examples:
      recon map photos/ -o work
      recon map colmap/database.db -o out --photos photos/
      recon map photos/ -o out --features features.h5 --matches matches.h5
    """
    is_foreign = values["features"] or values["matches"] or values["photos_of"] or _is_database(values["photos"])
    return run_stage("map", values, _begin if is_foreign else None)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _begin(values: dict[str, Any]) -> Work:
    from recon.mapping_foreign import ForeignMatches, map_foreign

    given = {name: values[name] for name in ("features", "matches")}
    is_hloc = any(given.values())
    if is_hloc and (not all(given.values()) or values["photos_of"]):
        raise UsageError(
            "hloc's files are given as: recon map PHOTOS --features FILE.h5 --matches FILE.h5",
            code=Cause.BAD_VALUE,
            try_="give both files, and the folder of the photos in place of PHOTOS",
        )
    request = request_of("map", values)
    source = values["photos"]
    foreign = ForeignMatches(
        plan=request.plan,
        output=values["output"] or Path(f"{source.resolve().stem}-recon"),
        database=None if is_hloc else source,
        photos=source if is_hloc else values["photos_of"],
        is_fresh=values["fresh"],
        **given,
    )
    return lambda registry, observers, should_stop: map_foreign(foreign, registry, observers, should_stop)
