"""`recon run`: photos to a 3D model."""

from recon.cli.running import stage_command

command = stage_command(
    "run",
    """Photos, or a video, to a 3D model: every stage, one command.

    Everything lands in one folder (-o) that COLMAP's tools can read. Give the same command again after an
    interruption, and it goes on where it stopped.

    \b
    Examples:
      recon run photos/
      recon run clip.mp4                  # its sharp frames, spread by how far the camera moved
      recon run photos/ -o out --preset fast
      recon run photos/ --set nearest.ratio=0.9 --json > result.json
    """,
)
