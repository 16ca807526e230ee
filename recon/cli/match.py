"""`recon match`: the second stage alone."""

from recon.cli.running import stage_command

command = stage_command(
    "match",
    """Match the photos and verify the pairs: the second stage of `recon run`, alone.

    Needs what `recon extract` with the same options left in the same folder (-o), and writes database.db.
    """,
)
