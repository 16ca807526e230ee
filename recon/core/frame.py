"""In which frame and units a model stands, and how that is known.

A model as a mapper leaves it has any scale, place and orientation. `geographic` is metres, too, along east, north
and up of a place on earth that is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Units(StrEnum):
    """What the number 1 means in a model's coordinates."""

    ARBITRARY = "arbitrary"
    METRES = "metres"
    GEOGRAPHIC = "geographic"
    """Metres along east (x), north (y) and up (z) of an origin on earth."""


class FrameChoice(StrEnum):
    """What a run may be asked for: `--world`."""

    AUTO = "auto"
    """GPS, else upright, else as it is: the best that can be trusted."""
    GPS = "gps"
    """By GPS, and a warning where that fails."""
    UPRIGHT = "upright"
    """+z up, whatever GPS says; a warning where that fails."""
    MODEL = "model"
    """As the mapper left it."""


class FrameSource(StrEnum):
    """What a model's frame was made from."""

    MAPPER = "mapper"
    """Nothing: the frame that the mapper happened to choose."""
    UPRIGHT = "upright"
    """How the photos were held, and walls and floors: +z is up."""
    GPS = "gps"
    """The positions that the photos bring along."""
    PRIOR_POSES = "prior_poses"
    """The poses that the run was given: their frame, and their units, whatever these are."""
    LENGTH = "length"
    """A distance between two marked points; up and place are those of before."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The place on earth of a geographic model's (0, 0, 0): WGS84."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    """As the photos' GPS counts it, mostly above the sea; None where no photo told one."""

    def __post_init__(self) -> None:
        numbers = (self.latitude_deg, self.longitude_deg, self.altitude_m or 0.0)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("an origin is finite")
        if abs(self.latitude_deg) > 90 or abs(self.longitude_deg) > 180:
            raise ValueError(f"no place on earth: latitude {self.latitude_deg}, longitude {self.longitude_deg}")


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """The frame of one model."""

    units: Units = Units.ARBITRARY
    source: FrameSource = FrameSource.MAPPER
    is_z_up: bool = False
    """Whether +z points up."""
    up_error_deg: float | None = None
    """Standard error of up; None where it is not known."""
    scale_error: float | None = None
    """Standard error of lengths, as a part of them: 0.01 is a centimetre in a metre."""
    origin: Origin | None = None
    """Given where the units are geographic."""
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Further numbers, as JSON holds them: residuals of the GPS, the length that was marked."""

    def __post_init__(self) -> None:
        if (self.units is Units.GEOGRAPHIC) != (self.origin is not None):
            raise ValueError("a frame has an origin where its units are geographic, and only there")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object `frame` of a run."""
        return {**asdict(self), "units": str(self.units), "source": str(self.source)}

    def describe(self) -> str:
        """Return in one sentence what scale, position and orientation mean."""
        if self.source is FrameSource.PRIOR_POSES:
            return "those of the prior poses, and so are position and orientation"
        if self.units is Units.ARBITRARY:
            if self.is_z_up:
                return f"arbitrary, and so is the position; +z is up{_about(self.up_error_deg)}"
            return "arbitrary, and so are position and orientation: photos alone do not tell them"
        text = "metres" + ("" if self.scale_error is None else f" (± {100 * self.scale_error:.2g} %)")
        if self.origin is not None:
            axes = f"x east, y north, z up{_about(self.up_error_deg)}"
            return f"{text}, {axes}, from {_place(self.origin)}"
        return text + (
            f", +z is up{_about(self.up_error_deg)}" if self.is_z_up else ", position and orientation arbitrary"
        )

    def plain_lines(self) -> list[str]:
        """Return the units for comments in files: ASCII, a fact a line."""
        lines = [f"units: {self.units}"]
        if self.is_z_up:
            lines.append("up: +z" if self.origin is None else "axes: x east, y north, z up")
        if self.origin is not None:
            altitude = "unknown" if self.origin.altitude_m is None else f"{self.origin.altitude_m:.2f}"
            place = f"latitude {self.origin.latitude_deg:.7f} longitude {self.origin.longitude_deg:.7f}"
            lines.append(f"origin: {place} altitude {altitude}")
        return lines


ARBITRARY = ModelFrame()
"""The frame of a model of which nothing is known."""


def frame_from_dict(told: Any) -> ModelFrame:
    """Return the frame that a JSON object tells of.

    Raises:
        ValueError: It is not such an object.
    """
    try:
        origin = None if told["origin"] is None else Origin(**{name: _number(v) for name, v in told["origin"].items()})
        if not isinstance(told["facts"], dict) or not isinstance(told["is_z_up"], bool):
            raise ValueError("not the frame of a model")
        errors = {name: _number(told[name]) for name in ("up_error_deg", "scale_error")}
        units, source = Units(told["units"]), FrameSource(told["source"])
        return ModelFrame(units, source, told["is_z_up"], origin=origin, facts=told["facts"], **errors)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not the frame of a model") from error


def _number(value: Any) -> Any:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value
    raise ValueError(f"{value!r} is no number")


def _about(error_deg: float | None) -> str:
    return "" if error_deg is None else f" (± {error_deg:.1f} deg)"


def _place(origin: Origin) -> str:
    altitude = "" if origin.altitude_m is None else f", {origin.altitude_m:.1f} m"
    return f"latitude {origin.latitude_deg:.6f}, longitude {origin.longitude_deg:.6f}{altitude}"
