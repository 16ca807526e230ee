"""Rendered scenes with exact truth, and the catalogue of public photo sets."""
