"""What stands at the same pixels in all photos while the scene moves: watermarks, dates, borders, the background
behind a turntable. It would tie all photos to one viewpoint, and is left out of the matching."""

from recon.matching.overlays.finding import Finding, find_still
from recon.matching.overlays.masking import Overlay, WithoutOverlays, kept_rows
from recon.matching.overlays.recurrence import without_still

__all__ = ["Finding", "Overlay", "WithoutOverlays", "find_still", "kept_rows", "without_still"]
