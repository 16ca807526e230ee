"""Every installed component keeps the contract of its kind."""

from __future__ import annotations

import recon.testing
from recon.core.registry import Kind, load_plugins

_CONTRACTS = {
    Kind.EXTRACTOR: recon.testing.FeatureExtractorContract,
    Kind.PAIRS: recon.testing.PairSelectorContract,
    Kind.MATCHER: recon.testing.FeatureMatcherContract,
    Kind.IMAGE_MATCHER: recon.testing.ImageMatcherContract,
    Kind.MAPPER: recon.testing.MapperContract,
    Kind.EXPORTER: recon.testing.ExporterContract,
}

for _offer in load_plugins().offers():
    if _offer.kind in _CONTRACTS:
        _name = f"Test_{_offer.kind}_{_offer.spec.name}".replace("-", "_")
        globals()[_name] = type(_name, (_CONTRACTS[_offer.kind],), {"spec": _offer.spec})


def test_no_component_is_without_a_contract():
    """Where a kind has none yet, nothing of that kind is bundled."""
    assert {offer.kind for offer in load_plugins().offers()} <= _CONTRACTS.keys()
