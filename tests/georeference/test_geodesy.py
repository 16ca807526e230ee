"""Local metres of places on earth, against pycolmap's geodesy and their own inverse."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.frame import Origin
from recon.georeference.geodesy import ecef_from_geodetic, enu_from_geodetic, geodetic_from_ecef, geodetic_from_enu

PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(-400, 9000))


@given(PLACES)
def test_earth_centred_metres_are_pycolmaps(place):
    geodetic = np.array([place])

    expected = pycolmap.GPSTransform().ellipsoid_to_ecef(geodetic)

    assert ecef_from_geodetic(geodetic) == pytest.approx(expected, abs=1e-3)  # its flattening has ten digits


@given(st.tuples(st.floats(-90, 90), st.floats(-179.9, 179.9), st.floats(-400, 9000)))
def test_there_and_back_is_the_same_place(place):
    back = geodetic_from_ecef(ecef_from_geodetic(np.array([place])))[0]

    assert back[0] == pytest.approx(place[0], abs=1e-9)
    assert back[2] == pytest.approx(place[2], abs=1e-5)
    if abs(place[0]) < 89.999:
        assert back[1] == pytest.approx(place[1], abs=1e-9)


@given(PLACES, st.tuples(*[st.floats(-2000, 2000)] * 3))
def test_local_metres_there_and_back(place, offset):
    origin = Origin(*place)

    enu = enu_from_geodetic(geodetic_from_enu(np.array([offset]), origin), origin)[0]

    assert enu == pytest.approx(offset, abs=1e-4)


def test_the_axes_are_east_north_and_up():
    origin = Origin(50.0, 8.0, 100.0)
    steps = np.array([(50.0, 8.001, 100.0), (50.001, 8.0, 100.0), (50.0, 8.0, 110.0)])

    east, north, up = enu_from_geodetic(steps, origin)

    assert east == pytest.approx((71.7, 0, 0), abs=0.1)
    assert north == pytest.approx((0, 111.2, 0), abs=0.1)
    assert up == pytest.approx((0, 0, 10), abs=1e-6)


def test_a_walk_across_the_date_line_is_short():
    enu = enu_from_geodetic(np.array([(10.0, -179.9999, 0.0)]), Origin(10.0, 179.9999, 0.0))

    assert np.linalg.norm(enu) < 30


@pytest.mark.parametrize("place", [(91.0, 0.0, 0.0), (0.0, 181.0, 0.0), (float("nan"), 0.0, 0.0)])
def test_what_is_no_place_on_earth_is_refused(place):
    with pytest.raises(ValueError):
        Origin(*place)
