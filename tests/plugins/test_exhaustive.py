"""`exhaustive` pairs each photo with every other."""

from __future__ import annotations

from itertools import combinations

import pytest
from recon_plugins.exhaustive import recon_pair_selectors

from recon import ImagePair, RunContext
from recon.testing import PairSelectorContract
from recon.testing.samples import image_file

(SPEC,) = recon_pair_selectors()


class TestExhaustive(PairSelectorContract):
    spec = SPEC


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_all_pairs_are_there_and_no_photo_is_read(count):
    """The order of the photos does not matter, and no features are asked for."""
    names = [f"photo{number}.jpg" for number in range(count)]
    pairs = SPEC.create(SPEC.options(), RunContext()).select([image_file(name) for name in reversed(names)], {})

    assert sorted(pairs) == [ImagePair(*pair) for pair in combinations(names, 2)]
