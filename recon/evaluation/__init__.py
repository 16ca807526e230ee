"""A model against ground truth: `evaluate(model, read_truth(path))`."""

from recon.evaluation.camera_files import is_folder_of as is_camera_folder
from recon.evaluation.colmap_truth import truth_of_model
from recon.evaluation.poses import AlignedCenters, Evaluation, align_centers, evaluate
from recon.evaluation.truth import Truth
from recon.evaluation.truth_files import read_truth

__all__ = [
    "AlignedCenters",
    "Evaluation",
    "Truth",
    "align_centers",
    "evaluate",
    "is_camera_folder",
    "read_truth",
    "truth_of_model",
]
