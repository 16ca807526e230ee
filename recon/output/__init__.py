"""From a model to files, pictures and windows."""
