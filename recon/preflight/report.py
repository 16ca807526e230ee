"""A check for machines: one object with stable keys."""

from __future__ import annotations

from typing import Any

from recon.matching.cameras import CameraGrouping
from recon.preflight.cost import Forecast, PairForecast
from recon.preflight.looking import Look
from recon.preflight.photo_set import PhotoSetCheck
from recon.preflight.places import Places
from recon.preflight.sizes import count_orientations, count_sizes


def check_as_dict(check: PhotoSetCheck, pairs: PairForecast | None, forecast: Forecast | None) -> dict[str, Any]:
    """Return the check as JSON shows it."""
    return {
        "is_usable": check.is_usable,
        "images": len(check.looks) + len(check.unusable),
        "usable": len(check.looks),
        "different": check.num_different,
        "unusable": [each.as_dict() for each in check.unusable],
        "findings": [each.as_dict() for each in check.findings],
        "cameras": None if check.cameras is None else _cameras(check.cameras),
        "sizes": [{"width": w, "height": h, "images": number} for (w, h), number in count_sizes(check.images)],
        "orientations": {str(value): number for value, number in count_orientations(check.images).items()},
        "gps": _gps(check.places),
        "pairs": None if pairs is None else _pairs(pairs),
        "forecast": None if forecast is None else _forecast(forecast),
        "photos": [_photo(look) for look in check.looks],
    }


def nothing_checked() -> dict[str, Any]:
    """Return the same keys with nothing in them."""
    return {
        "is_usable": False,
        "images": 0,
        "usable": 0,
        "different": 0,
        "unusable": [],
        "findings": [],
        "cameras": None,
        "sizes": [],
        "orientations": {},
        "gps": {"positions": 0, "span_m": None, "altitude_span_m": None, "absurd": {}},
        "pairs": None,
        "forecast": None,
        "photos": [],
    }


def _cameras(grouping: CameraGrouping) -> dict[str, Any]:
    return {
        "reason": grouping.reason,
        "cameras": [
            {
                "camera_id": camera.camera_id,
                "model": camera.model,
                "width": camera.width,
                "height": camera.height,
                "params": list(camera.params),
                "focal_source": str(camera.focal_source),
                "is_fixed": camera.is_fixed,
                "images": list(camera.image_names),
            }
            for camera in grouping.cameras
        ],
    }


def _gps(places: Places) -> dict[str, Any]:
    return {
        "positions": places.num_positions,
        "span_m": _rounded(places.span_m, 2),
        "altitude_span_m": _rounded(places.altitude_span_m, 2),
        "absurd": dict(places.absurd),
    }


def _pairs(pairs: PairForecast) -> dict[str, Any]:
    return {"selector": pairs.selector, "least": pairs.least, "most": pairs.most, "reason": pairs.reason}


def _forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "seconds": {stage: [round(value, 1) for value in span] for stage, span in forecast.seconds.items()},
        "memory_mb": [round(value) for value in forecast.memory_mb],
        "basis": forecast.basis,
    }


def _photo(look: Look) -> dict[str, Any]:
    image, sharpness, exposure = look.image, look.sharpness, look.exposure
    return {
        "image": image.name,
        "width": image.width,
        "height": image.height,
        "orientation": image.orientation,
        "blur_px": _rounded(sharpness.blur_px, 2),
        "blur_worst_direction_px": _rounded(sharpness.worst_direction_px, 2),
        "blur_best_direction_px": _rounded(sharpness.best_direction_px, 2),
        "edges": sharpness.num_edges,
        "mean_grey": round(exposure.mean, 1),
        "dark_end": exposure.dark_end,
        "bright_end": exposure.bright_end,
        "clipped_black": round(exposure.clipped_black, 4),
        "clipped_white": round(exposure.clipped_white, 4),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
