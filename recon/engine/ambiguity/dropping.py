"""Takes pairs out of a database: their matches stay, their geometry goes, so that no model is grown on them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from recon.engine.database_file import open_database


def drop_pairs(database: Path, pairs: Collection[tuple[str, str]]) -> None:
    """Forget the two-view geometries of pairs of images, named in either order."""
    with open_database(database) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        for name1, name2 in sorted(pairs):
            opened.delete_two_view_geometry(ids[name1], ids[name2])
