"""Why an image was left out, why a model lies apart, or why there is none, and what to try; with the numbers behind it.

All of it is read from the database and the finished models; nothing is changed.
"""

from recon.engine.diagnosis.apart import diagnose_apart
from recon.engine.diagnosis.no_model import explain_no_model
from recon.engine.diagnosis.photos import diagnose_left_out
from recon.engine.diagnosis.record import MatchRecord, read_match_record

__all__ = ["MatchRecord", "diagnose_apart", "diagnose_left_out", "explain_no_model", "read_match_record"]
