"""Every installed component keeps the contract of its kind."""

from __future__ import annotations

from pathlib import Path

import pytest

import recon.testing
from recon.core.registry import Kind, load_plugins

_CONTRACTS = {
    Kind.EXTRACTOR: recon.testing.FeatureExtractorContract,
    Kind.PAIRS: recon.testing.PairSelectorContract,
    Kind.MATCHER: recon.testing.FeatureMatcherContract,
    Kind.IMAGE_MATCHER: recon.testing.ImageMatcherContract,
    Kind.MAPPER: recon.testing.MapperContract,
    Kind.REFINER: recon.testing.RefinerContract,
    Kind.EXPORTER: recon.testing.ExporterContract,
    Kind.TRAINABLE: recon.testing.TrainableContract,
}

_OFFERS = load_plugins().offers()
_WITH_WEIGHTS = [
    offer
    for offer in _OFFERS
    if offer.spec.name == "loftr" or any(not file.optional for file in offer.spec.weights)  # loftr's are an option
]
"""What needs a file to be created keeps its contract in tests of its own, which bring one."""

for _offer in _OFFERS:
    if _offer.kind in _CONTRACTS and _offer not in _WITH_WEIGHTS:
        _name = f"Test_{_offer.kind}_{_offer.spec.name}".replace("-", "_")
        globals()[_name] = type(_name, (_CONTRACTS[_offer.kind],), {"spec": _offer.spec})


@pytest.mark.parametrize("offer", _WITH_WEIGHTS, ids=lambda offer: offer.spec.name)
def test_what_needs_weights_keeps_its_contract_in_its_own_tests(offer):
    plugin = Path(__file__).parent / "plugins" / f"test_{offer.plugin}.py"

    assert "Contract" in plugin.read_text("utf-8")


def test_no_component_is_without_a_contract():
    """Where a kind has none yet, nothing of that kind is bundled."""
    assert {offer.kind for offer in _OFFERS} <= _CONTRACTS.keys()
