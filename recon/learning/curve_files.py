"""The curve of a training in its folder: a table, a picture, and what TensorBoard reads where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, ReconError
from recon.learning.curves import STEP, write_curves
from recon.learning.curves_picture import draw_curves

Rows = list[dict[str, float]]


@contextmanager
def show_curve(folder: Path, *, tensorboard: bool = False) -> Iterator[Callable[[Rows], None]]:
    """Give what writes the rows of a curve, all of them each time.

    Raises:
        ReconError: MISSING_LIBRARY.
    """
    writer = _Writer(folder / "tensorboard") if tensorboard else None

    def show(rows: Rows) -> None:
        write_curves(rows, folder / "curves.csv")
        draw_curves({"": rows}, folder / "curves.png")
        if writer is not None:
            writer.write(rows)

    try:
        yield show
    finally:
        if writer is not None:
            writer.close()


class _Writer:
    """Writes what TensorBoard reads, a row at a time."""

    def __init__(self, folder: Path) -> None:
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError as error:
            raise ReconError(
                "--tensorboard needs the Python package tensorboard, which is not installed",
                code=Cause.MISSING_LIBRARY,
                try_="pip install 'recon-sfm[tensorboard]', or leave --tensorboard out: curves.png shows the same",
            ) from error
        self._folder = folder
        self._writer: Any = None

    def write(self, rows: Rows) -> None:
        from torch.utils.tensorboard import SummaryWriter

        step = int(rows[-1][STEP])
        if self._writer is None:  # steps that were undone since an interrupt are hidden
            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        for name, value in rows[-1].items():
            if name != STEP:
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
