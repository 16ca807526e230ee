"""Models are read when they are asked for, and the JSON of a run always has the same keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.core.data import LeftOut
from recon.core.errors import Cause
from recon.result import StoredModels, empty_summary, left_out_from_dicts


def test_models_are_read_once_when_they_are_asked_for(finished_run: Path) -> None:
    models = StoredModels([finished_run / "sparse" / "0", finished_run / "sparse" / "missing"])

    assert len(models) == 2
    assert models[0] is models[0]
    assert models[-2].num_reg_images() == 6
    assert [model.num_reg_images() for model in models[:1]] == [6]
    with pytest.raises(IndexError):
        models[2]


def test_photos_left_out_come_back_from_json() -> None:
    photo = LeftOut("a.jpg", Cause.NO_MATCHES, "none", "more photos")

    assert left_out_from_dicts([photo.as_dict()]) == (photo,)


def test_a_run_that_never_began_has_every_key() -> None:
    assert {"extract", "match", "verify", "map", "total"} == set(empty_summary()["seconds"])
    assert empty_summary()["model"] is None
