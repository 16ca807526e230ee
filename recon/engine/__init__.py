"""From matches to a model, on pycolmap."""
