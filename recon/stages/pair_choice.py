"""The pairs of a run: from a file, as an earlier run chose them, or from the pair selector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from recon.core.data import Features, ImagePair
from recon.core.events import StageStarted
from recon.matching.extraction import Extraction
from recon.matching.features import FeatureSet, extract_features
from recon.matching.on_demand import FeaturesOnDemand
from recon.matching.pairs import choose_pairs, read_pairs_file
from recon.workspace import write_text

if TYPE_CHECKING:
    from recon.choice import Choice
    from recon.run import Run

FOR_PAIRS_SIZE = 800
"""Longest side in pixels of the photos by whose features pairs are chosen, where the matcher sees pixels: half of what
it sees itself, a quarter of the work, and more than enough for 1024 keypoints."""


def pairs_of(run: Run) -> list[ImagePair]:
    """Return the pairs to match, each once, sorted."""
    names = [image.name for image in run.usable]
    if run.plan.pairs_file is not None:
        return read_pairs_file(run.plan.pairs_file, names, run.observer)
    kept = run.workspace.cache / "pairs" / f"{run.pairs_key}.txt"
    if kept.is_file():
        return read_pairs_file(kept, names, run.observer)
    pairs = choose_pairs(run.create_pair_selector(), run.usable, _features(run))
    if pairs:
        kept.parent.mkdir(exist_ok=True)
        write_text(kept, "".join(f"{pair.name1}\t{pair.name2}\n" for pair in pairs))
    return pairs


def _features(run: Run) -> Mapping[str, Features]:
    """Return what the selector may look at: the run's own features, or small ones, found when it asks for them."""
    choice = run.team.pairs_extractor
    if choice is None:
        return run.features
    return FeaturesOnDemand([image.name for image in run.usable], lambda: _small_features(run, choice))


def _small_features(run: Run, choice: Choice) -> FeatureSet:
    run.note(f"pairs: by the features of {choice.name}, since {run.team.matcher.name} has none to compare")
    keys = run.extracted_keys(choice, FOR_PAIRS_SIZE, run.usable)
    run.observer(StageStarted(stage="extract", total=len(keys), summary=f"{choice.name}, {FOR_PAIRS_SIZE} px"))
    extractor, is_thread_safe = run.create(choice)
    extraction = Extraction(extractor, FOR_PAIRS_SIZE, is_thread_safe)
    extract_features(run.usable, keys, run.store, lambda: extraction, **run.parallel)
    return FeatureSet(run.usable, keys, run.store, lambda: extraction)
