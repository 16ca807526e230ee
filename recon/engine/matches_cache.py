"""What pycolmap's mappers read a database into: its images, and the matches of its verified pairs."""

from __future__ import annotations

import pycolmap

from recon.engine.view_graph import MIN_MATCHES


def load_cache(opened: pycolmap.Database, min_matches: int = MIN_MATCHES) -> pycolmap.DatabaseCache:
    """Return the images of an open database with the pairs of at least so many verified matches."""
    options = pycolmap.DatabaseCacheOptions()
    options.min_num_matches = min_matches
    return pycolmap.DatabaseCache.create(opened, options)
