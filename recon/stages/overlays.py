"""What a run does about what stands still in all photos: it is found once the features are there, and left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from recon.core.events import Warned
from recon.matching.features import FeatureSet
from recon.matching.overlays import find_still
from recon.run import Run


def find_overlays(run: Run, names: Collection[str]) -> list[dict[str, Any]]:
    """Return the overlays of the photos with these names, for JSON, and say what was found.

    A camera that did not move is warned of, and nothing of its photos is left out.
    """
    images = [image for image in run.listing.images if image.name in names]
    features = FeatureSet(images, run.feature_keys, run.store, run.make_extraction)
    with run.timed("extract"):
        findings = find_still(features, {image.name: (image.width, image.height) for image in images})
    overlays = []
    for finding in findings:
        if finding.overlay is None:
            run.observer(Warned(message=finding.describe()))
            continue
        overlays.append(finding.overlay.as_dict())
        then = "used all the same" if run.plan.keep_overlays else "masked; --keep-overlays uses it all the same"
        run.observer(Warned(message=f"{finding.describe()}: {then}"))
    return overlays


def overlays_in_short(run: Run) -> list[dict[str, Any]]:
    """Return what is left out of the photos of each size, without the mask itself, for JSON."""
    return [
        {"width": each.image_size[0], "height": each.image_size[1], "share": round(each.share, 4)}
        for each in run.overlays
    ]
