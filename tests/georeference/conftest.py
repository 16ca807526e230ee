"""Models whose frame is known: a generated walk, hidden behind a similarity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recon.core.data import Exif, ImageFile
from recon.core.frame import Origin
from recon.georeference.geodesy import geodetic_from_enu

HERE = Origin(55.7, 13.2, 40.0)


@pytest.fixture
def photo() -> Callable[..., ImageFile]:
    """Return a function that makes a photo's listing with GPS at east, north, up of HERE; None for no GPS."""

    def make(name: str, enu=None, altitude: bool = True, **exif: float) -> ImageFile:
        if enu is None:
            return ImageFile(name, None, 400, 300)
        latitude, longitude, height = geodetic_from_enu(np.array([enu], float), HERE)[0]
        place = Exif(latitude_deg=latitude, longitude_deg=longitude, altitude_m=height if altitude else None, **exif)
        return ImageFile(name, None, 400, 300, exif=place)

    return make
