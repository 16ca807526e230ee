"""Repeated structure: verified pairs that look alike and contradict what the other photos say."""

from recon.engine.ambiguity.dropping import drop_pairs
from recon.engine.ambiguity.effect import Resting, resting_on
from recon.engine.ambiguity.suspicion import SuspiciousPair, assess_database

__all__ = ["Resting", "SuspiciousPair", "assess_database", "drop_pairs", "resting_on"]
