"""`recon extract`: the first stage alone."""

from recon.cli.running import stage_command

command = stage_command(
    "extract",
    """Find the features of the photos: the first stage of `recon run`, alone.

    Takes the same options, and keeps the features in the same folder (-o) for the stages that follow.
    """,
)
