"""The curve of a training as a table: a row a validation, a column a quantity, for any spreadsheet.

The rows are kept with the checkpoint; the table is written whole each time, and so never shows a step that was undone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from recon.core.errors import Cause, ReconError
from recon.workspace.atomic import storage_errors, write_text

STEP = "step"
Row = Mapping[str, float]
"""Values by name at one step, itself under `step`; a quantity that was not measured there is absent."""


def quantities(rows: Sequence[Row]) -> list[str]:
    """Return the names of all that was measured, in the order in which they first appear."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name != STEP]


def write_curves(rows: Sequence[Row], path: Path) -> None:
    """Write the table, in place of an earlier one; equal rows give equal bytes, and reading gives equal rows.

    Raises:
        ReconError: DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    names = quantities(rows)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([STEP, *names])
    for row in rows:
        table.writerow([int(row[STEP]), *(repr(float(row[name])) if name in row else "" for name in names)])
    with storage_errors(path.parent):
        write_text(path, text.getvalue())


def read_curves(path: Path) -> list[dict[str, float]]:
    """Return the rows of a table.

    Raises:
        ReconError: CORRUPT_FILE, it is no such table.
        OSError: It cannot be read.
    """
    try:
        names, *lines = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline=""), strict=True))
        if names[0] != STEP or len(set(names)) < len(names):
            raise ValueError(f"the first line is {names}")
        rows = [
            {name: float(cell) for name, cell in zip(names, line, strict=True) if cell or name == STEP}
            for line in lines
        ]
    except (ValueError, IndexError, csv.Error) as error:
        raise ReconError(
            f"{path} is no table of a training's curve: {error}",
            code=Cause.CORRUPT_FILE,
            file=str(path),
            try_="resume the training: it writes the table anew",
        ) from error
    return rows
