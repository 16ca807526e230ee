"""A model against ground truth."""
