"""`recon map`: the last stage alone."""

from recon.cli.running import stage_command

command = stage_command(
    "map",
    """Grow the model from the verified matches: the last stage of `recon run`, alone.

    Needs what `recon match` with the same options left in the same folder (-o), and writes sparse/ and points.ply.
    """,
)
