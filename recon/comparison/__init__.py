"""The same photos through several plugins: which combination makes the best model of them, and how one can tell."""

from recon.comparison.candidates import Candidate, parse_candidates
from recon.comparison.comparing import compare_photos
from recon.comparison.ranking import Recommendation, recommend
from recon.comparison.trial import Trial

__all__ = ["Candidate", "Recommendation", "Trial", "compare_photos", "parse_candidates", "recommend"]
