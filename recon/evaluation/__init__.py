"""A model against ground truth: `evaluate(model, read_truth(path))`."""

from recon.evaluation.poses import Evaluation, evaluate
from recon.evaluation.truth import Truth, read_truth

__all__ = ["Evaluation", "Truth", "evaluate", "read_truth"]
