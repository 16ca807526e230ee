"""The error of a photo that cannot be used, and the line of the report that it becomes."""

from __future__ import annotations

from recon.core.data import LeftOut
from recon.core.errors import Cause, ReconError


class UnreadableImage(ReconError):
    """A photo that cannot be used; the run goes on without it."""

    def __init__(self, name: str, detail: str, try_: str, *, code: Cause = Cause.UNREADABLE) -> None:
        super().__init__(f"cannot use {name}: {detail}", code=code, file=name, try_=try_)
        self.left_out = LeftOut(image=name, cause=code, detail=detail, try_=try_)
        """What the run's report says of the photo."""
