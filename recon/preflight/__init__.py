"""A photo set judged before anything runs: one idea a file, each from values to findings."""
