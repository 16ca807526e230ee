"""Rigs in a database and in a model: cameras fixed to each other, whose distances give the model its scale."""

from __future__ import annotations

from pathlib import Path

import pycolmap

from recon.engine.database_file import open_database


def has_rigs(model: pycolmap.Reconstruction) -> bool:
    """Return whether cameras of a model are fixed to each other."""
    return any(rig.num_sensors() > 1 for rig in model.rigs.values())


def scale_to_rigs(model: pycolmap.Reconstruction, database: Path) -> bool:
    """Give a model the scale in which the distances within its rigs are those of the database's.

    Adjustments refine the places of cameras in their rig, and leave the scale to chance.

    Returns:
        Whether that was possible: a rig with two registered cameras is needed.
    """
    if not has_rigs(model):
        return False
    with open_database(database) as opened:
        given = pycolmap.RigMap()
        for rig in opened.read_all_rigs():
            given[rig.rig_id] = rig
    return bool(pycolmap.align_reconstruction_to_orig_rig_scales(given, model))
