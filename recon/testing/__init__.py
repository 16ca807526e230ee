"""The contract that every component keeps, as tests that a plugin's own test suite takes over.

Make a subclass in a test module, give it the spec, and pytest does the rest:

    class TestMyExtractor(recon.testing.FeatureExtractorContract):
        spec = recon_my_plugin.SPEC

Every test that fails says what was expected and what came. `options` overrides defaults of the component.
"""

from __future__ import annotations

from recon.testing.component import ComponentContract
from recon.testing.exporters import ExporterContract
from recon.testing.extractors import FeatureExtractorContract, check_features
from recon.testing.mappers import MapperContract
from recon.testing.matchers import FeatureMatcherContract, ImageMatcherContract, check_matches
from recon.testing.pairs import PairSelectorContract
from recon.testing.pictures import blank_image, marked_image, textured_image
from recon.testing.refiners import RefinerContract
from recon.testing.samples import random_features
from recon.testing.trainables import TrainableContract

__all__ = [
    "ComponentContract",
    "ExporterContract",
    "FeatureExtractorContract",
    "FeatureMatcherContract",
    "ImageMatcherContract",
    "MapperContract",
    "PairSelectorContract",
    "RefinerContract",
    "TrainableContract",
    "blank_image",
    "check_features",
    "check_matches",
    "marked_image",
    "random_features",
    "textured_image",
]
