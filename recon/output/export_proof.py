"""What comparing an export with its model found, for people and for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """What was found; None where the format does not carry it."""

    reader: str
    photos: int | None
    points: int | None
    observations: int | None
    photo_files: int | None
    """Photos in the export whose size is the one that it says."""
    rotation_deg: float | None
    """The largest angle between a pose of the file and the model's."""
    center_offset: float | None
    """The largest distance of a camera centre from the model's, as a part of the model's size."""
    point_offset: float | None
    """Likewise, of a point."""
    error_px: float | None
    """Mean reprojection error over the points, as COLMAP counts it, from the file's own cameras and poses, and points
    and keypoints where it has them; in pixels of the model's photos."""
    model_error_px: float | None
    """The same from the model."""
    approximates: str
    problems: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing, added or moved."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `--check --json`."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {"ok": self.agrees} | fields | {"problems": list(self.problems)}

    def lines(self) -> list[str]:
        """Return the proof for people, line by line."""
        lines = [f"check     read back as {self.reader} says"]
        if self.photos is not None:
            lines.append(f"photos    {self.photos:,}, by name; poses at most {self.rotation_deg:.1e} deg and")
            lines[-1] += f" {self.center_offset:.1e} of the model's size apart"
        if self.photo_files is not None:
            lines.append(f"files     {self.photo_files:,} photos of the size that their camera says")
        if self.points is not None:
            lines.append(f"points    {self.points:,}, at most {self.point_offset:.1e} of the model's size apart")
        if self.error_px is not None and self.model_error_px is not None:
            of = "" if self.observations is None else f", {self.observations:,} observations"
            lines.append(f"error     {self.error_px:.4f} px in the file, {self.model_error_px:.4f} px in the model{of}")
        if self.approximates:
            lines.append(f"but       {self.approximates}")
        if self.problems:
            return lines + [f"WRONG     {problem}" for problem in self.problems]
        return [*lines, "result    the same model" + (", but for that" if self.approximates else "")]
