"""`gps` pairs photos taken near each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recon_plugins.gps_pairs import GpsPairsOptions, recon_pair_selectors

from recon import Exif, ImagePair, RunContext
from recon.testing import PairSelectorContract
from recon.testing.samples import image_file

(SPEC,) = recon_pair_selectors()


class TestGpsPairs(PairSelectorContract):
    """The contract's photos have no GPS."""

    spec = SPEC


def photo(name, east_m=None, north_m=0.0, latitude=55.7, longitude=13.2):
    if east_m is None:
        return image_file(name)
    east_deg = east_m / (111_195 * np.cos(np.radians(latitude)))
    place = Exif(latitude_deg=latitude + north_m / 111_195, longitude_deg=(longitude + east_deg + 180) % 360 - 180)
    return replace(image_file(name), exif=place)


def select(photos, notes=None, **options):
    context = RunContext(note=(notes if notes is not None else []).append)
    return SPEC.create(GpsPairsOptions(**options), context).select(photos, {})


def line(count, step=10.0, **place):
    return [photo(f"{n:03}.jpg", step * n, **place) for n in range(count)]


def gaps(pairs):
    return {abs(int(pair.name1[:3]) - int(pair.name2[:3])) for pair in pairs}


def test_each_photo_is_paired_with_its_nearest():
    pairs = select(line(30), neighbours=4)

    assert gaps(pairs) <= {1, 2, 3, 4}
    assert {ImagePair(f"{n:03}.jpg", f"{n + 1:03}.jpg") for n in range(29)} <= set(pairs)


def test_photos_too_far_apart_are_not_paired():
    assert gaps(select(line(30), max_distance_m=25.0)) == {1, 2}


def test_distance_is_over_ground_at_any_latitude_and_across_the_date_line():
    for place in ({"latitude": 69.0}, {"latitude": -33.0}, {"longitude": 179.9995}):
        assert gaps(select(line(12, **place), max_distance_m=25.0)) == {1, 2}


def test_a_place_visited_again_is_matched_again():
    photos = [*line(20), *(photo(f"{n + 100:03}.jpg", 10.0 * n + 3) for n in range(20))]

    assert ImagePair("005.jpg", "105.jpg") in select(photos, neighbours=5)


def test_photos_without_gps_go_by_their_names_and_it_is_said():
    notes = []
    photos = [photo(f"{n:03}.jpg", None if n == 7 else 10.0 * n) for n in range(15)]
    pairs = select(photos, notes, neighbours=2, without_gps=3)

    assert {other for pair in pairs if "007.jpg" in (pair.name1, pair.name2) for other in (pair.name1, pair.name2)} == {
        f"{n:03}.jpg" for n in range(4, 11)
    }
    assert len(notes) == 1
    assert notes[0].startswith("gps: 1 of 15 photos")


def test_a_photo_with_absurd_gps_goes_by_its_name_too():
    notes = []
    photos = [*line(9)[:4], photo("004.jpg", 9e6), *line(9)[5:]]
    pairs = select(photos, notes, without_gps=2)

    assert ImagePair("003.jpg", "004.jpg") in pairs
    assert "1 of them far from all others" in notes[0]


def test_a_receiver_that_repeats_itself_gives_the_same_pairs_in_any_order():
    photos = line(40, step=0.0)

    assert select(photos, neighbours=3) == select(photos[::-1], neighbours=3)


def test_no_photos_and_one_photo_make_no_pairs():
    assert select([]) == []
    assert select(line(1)) == []


@pytest.mark.parametrize(
    "options", [{"neighbours": 0}, {"max_distance_m": 0.0}, {"max_distance_m": float("nan")}, {"without_gps": 0}]
)
def test_senseless_options_are_refused(options):
    with pytest.raises(ValueError):
        GpsPairsOptions(**options)
