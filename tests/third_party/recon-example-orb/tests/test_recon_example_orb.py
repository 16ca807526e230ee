"""The contract of recon, run on this plugin."""

import recon_example_orb

import recon.testing


class TestOrb(recon.testing.FeatureExtractorContract):
    (spec,) = recon_example_orb.recon_feature_extractors()
