"""The curves of a training: a table that can be read again to the last bit, and a picture for people."""

from __future__ import annotations

import errno
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from recon.core.errors import Cause, ReconError, UsageError
from recon.learning.axes import axis_of, short_number
from recon.learning.curves import quantities, read_curves, write_curves
from recon.learning.curves_picture import best_row, draw_curves

FIELD_TOP = 16 + 26 + 34
"""Pixels above the first row of fields where a single training is told of above them."""
BLUE, ORANGE = (31, 105, 180), (225, 110, 30)
ROWS = [
    {"step": 500, "loss": 4.0, "score": 0.25},
    {"step": 1000, "loss": 2.5, "score": 0.5, "error_px": 1.25},
    {"step": 1500, "loss": 2.25, "score": 0.5},
]
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_a_row_a_validation_and_a_column_a_quantity(tmp_path):
    write_curves(ROWS, tmp_path / "curves.csv")

    assert (tmp_path / "curves.csv").read_text() == (
        "step,loss,score,error_px\n500,4.0,0.25,\n1000,2.5,0.5,1.25\n1500,2.25,0.5,\n"
    )


@given(st.lists(st.dictionaries(st.sampled_from(["loss", "score", "within 0.5 px, %", 'a "name"']), FINITE)))
def test_what_is_read_is_what_was_written(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("curves") / "curves.csv"
    rows = [{"step": 10.0 * number, **each} for number, each in enumerate(values)]
    write_curves(rows, path)

    assert read_curves(path) == rows


def test_a_value_that_is_no_number_is_kept_as_such(tmp_path):
    write_curves([{"step": 1, "loss": math.nan, "rate": math.inf}], tmp_path / "curves.csv")
    (row,) = read_curves(tmp_path / "curves.csv")

    assert math.isnan(row["loss"])
    assert row["rate"] == math.inf


def test_rows_of_an_undone_step_do_not_stay(tmp_path):
    """A training goes on from its checkpoint, which is older than the last row that it showed."""
    write_curves(ROWS, tmp_path / "curves.csv")
    write_curves(ROWS[:1], tmp_path / "curves.csv")

    assert read_curves(tmp_path / "curves.csv") == ROWS[:1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"loss,step\n1,2\n",
        b"step,loss\n500\n",
        b"step,loss\n500,abc\n",
        b"step,loss\n,1.0\n",
        b"step,loss,loss\n1,2,3\n",
        b'step,loss\n500,"1.0\n',
    ],
)
def test_another_file_is_told(content, tmp_path):
    (tmp_path / "curves.csv").write_bytes(content)
    with pytest.raises(ReconError, match="no table of a training") as caught:
        read_curves(tmp_path / "curves.csv")

    assert caught.value.code == Cause.CORRUPT_FILE
    assert caught.value.file == str(tmp_path / "curves.csv")


def save_table(path: Path) -> None:
    write_curves(ROWS[:1], path)


def save_picture(path: Path) -> None:
    draw_curves({"": ROWS[:1]}, path)


@pytest.mark.parametrize("save", [save_table, save_picture])
def test_a_full_disk_is_told_and_what_was_there_stays(save, tmp_path, monkeypatch):
    path = tmp_path / "curves"
    path.write_bytes(b"before")

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ReconError) as caught:
        save(path)

    assert caught.value.code == Cause.DISK_FULL
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("curves", b"before")]


@pytest.mark.parametrize("save", [save_table, save_picture])
def test_a_folder_that_is_a_file_is_told(save, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UsageError) as caught:
        save(tmp_path / "run" / "curves")

    assert caught.value.code == Cause.NOT_WRITABLE


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), int)


def pixels_of(drawn: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return (N, 2) the rows and columns of all pixels of about a colour."""
    return np.argwhere(abs(drawn - colour).max(axis=2) < 40)


def test_every_quantity_has_a_panel(tmp_path):
    """Four in two rows; each shows its line in the colour of the training."""
    rows = [{"step": step, "a": step, "b": -step, "c": 1.0, "d": 1 / step} for step in (100, 200, 300)]
    draw_curves({"": rows}, tmp_path / "curves.png")
    drawn = picture(tmp_path / "curves.png")
    header = drawn.shape[0] - 2 * 250

    assert drawn.shape[1] == 2 * 400
    for top in (header, header + 250):
        for left in (0, 400):
            assert len(pixels_of(drawn[top + 40 : top + 220, left + 60 : left + 380], BLUE)) > 100


def test_a_line_goes_up_where_the_values_do(tmp_path):
    draw_curves({"": [{"step": step, "matches": step**2} for step in range(1, 50)]}, tmp_path / "curves.png")
    drawn = picture(tmp_path / "curves.png")
    places = pixels_of(drawn[FIELD_TOP:], BLUE)
    left, right = (places[abs(places[:, 1] - column) < 10][:, 0].mean() for column in (100, 350))

    assert left > right + 50


def test_trainings_share_the_axes_and_have_colours_of_their_own(tmp_path):
    """As for a student with and without a teacher: where one is above the other, so it is in the picture."""
    good = [{"step": step, "score": 0.9} for step in (100, 200)]
    bad = [{"step": step, "score": 0.3} for step in (100, 200)]
    draw_curves({"with": good, "without": bad}, tmp_path / "curves.png")
    drawn = picture(tmp_path / "curves.png")[FIELD_TOP + 26 :]

    assert pixels_of(drawn, BLUE)[:, 0].mean() < pixels_of(drawn, ORANGE)[:, 0].mean() - 50


def test_a_value_that_is_no_number_leaves_a_gap(tmp_path):
    rows = [{"step": step, "loss": math.nan if step == 5 else 1.0} for step in range(11)]
    draw_curves({"": rows}, tmp_path / "curves.png")
    columns = np.unique(pixels_of(picture(tmp_path / "curves.png")[FIELD_TOP:], BLUE)[:, 1])
    steps = np.diff(columns)

    assert (steps > 10).sum() == 1


@pytest.mark.parametrize("rows", [[], [{"step": 0, "loss": math.nan}], [{"step": 500, "loss": 0.0}]])
def test_a_picture_of_hardly_anything_is_drawn_too(rows, tmp_path):
    draw_curves({"": rows}, tmp_path / "curves.png")

    assert len(pixels_of(picture(tmp_path / "curves.png"), BLUE)) > 0


def test_the_weights_kept_are_those_of_the_first_best_score():
    assert best_row(ROWS) == ROWS[1]
    assert best_row([{"step": 1, "loss": 2.0}]) is None


def test_quantities_stand_in_the_order_in_which_they_appear():
    assert quantities(ROWS) == ["loss", "score", "error_px"]


@given(st.lists(st.floats()), st.booleans())
def test_an_axis_has_a_place_for_every_value(values, may_be_logarithmic):
    axis = axis_of(values, may_be_logarithmic=may_be_logarithmic)

    for value in [*(each for each in values if abs(each) < 1e300), *axis.ticks]:
        assert -1e-6 <= axis.place(value) <= 1 + 1e-6
    assert 1 <= len(axis.ticks) <= 9


def test_values_over_many_powers_of_ten_stand_on_a_logarithmic_axis():
    axis = axis_of([1e-4, 0.5, 10.0])

    assert axis.is_logarithmic
    assert axis.ticks == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    assert axis.place(1e-4) == 0
    assert not axis_of([1.0, 5.0]).is_logarithmic
    assert not axis_of([0.0, 500.0]).is_logarithmic


def test_numbers_beside_an_axis_are_short():
    assert [short_number(value) for value in (0, 0.25, 999, 2500, 20_000, 3e6, 1e-5, -0.0)] == (
        ["0", "0.25", "999", "2.5k", "20k", "3M", "1e-05", "0"]
    )
