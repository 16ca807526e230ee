"""Extractors and matchers on photo pairs with known poses: one table, peers in the same run.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/pairs.py \
        --with sift:nearest,xfeat:nearest,xfeat@exact=true:nearest@ratio=none,xfeat-star,kornia-xfeat,opencv-sift

A method is EXTRACTOR:MATCHER, or an image matcher alone; options follow a name as `@option=value+option=value`. Any
installed plugin will do. Peers: `kornia-xfeat` and `kornia-aliked` (weights from $RECON_WEIGHTS) with mutual nearest
neighbours, and `opencv-sift` (RootSIFT, ratio 0.8 and mutual); their features also go with our matchers
(`kornia-xfeat:nearest`), and `mutual@ratio=0.8` is their matcher.

Pairs are those at the given steps in the order of the file names; photos as the host loads them, at most
`--max-size` on the longer side; poses by poselib at 1.5 px of that size, with the truth's cameras; every
pair counts once for each seed. Seconds are of this machine and this moment: the speed benchmarks are elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import recon
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import PluginRegistry, load_plugins
from recon.evaluation.pairs import (
    PairScore,
    PairsSummary,
    View,
    pairs_at_steps,
    read_views,
    relative_pose,
    score_pair,
    summarise_pairs,
)
from recon.matching.extraction import in_sensor_pixels
from recon.matching.images import list_images, load_image, to_sensor_pixels
from recon.weights import find_weights

sys.path.insert(0, str(Path(__file__).parent))
from pairs_peers import PEER_EXTRACTORS, PEER_MATCHERS, PEERS


@dataclass(frozen=True)
class Wish:
    """A component as the command line names it."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Wish:
        name, _, options = text.partition("@")
        pairs = (option.partition("=")[::2] for option in options.split("+") if option)
        return cls(name, tuple(pairs))


@dataclass(frozen=True)
class Method:
    """What finds the correspondences of two photos."""

    label: str
    extractor: Wish | None
    """None where the matcher sees pixels."""
    matcher: Wish

    @classmethod
    def parse(cls, text: str, registry: PluginRegistry) -> Method:
        first, colon, second = text.partition(":")
        if text in PEERS:
            first, second = PEERS[text]
        elif not colon and registry.find(Kind.MATCHER, Wish.parse(text).name).kind is Kind.IMAGE_MATCHER:
            return cls(text, None, Wish.parse(text))
        elif not colon:
            raise recon.UsageError(
                f"{text}: give EXTRACTOR:MATCHER", code=recon.Cause.BAD_VALUE, try_=f"{text}:nearest"
            )
        return cls(text, Wish.parse(first), Wish.parse(second))


@dataclass
class Photos:
    """The photos of one set as extractors see them, with the true cameras at that size."""

    folder: Path
    max_size: int
    views: dict[str, View] = field(init=False)

    def __post_init__(self) -> None:
        full = read_views(self.folder / "gt.json")
        self.views = {name: view.resized(self.max_size) for name, view in full.items()}
        listed = list_images(self.folder / "images", names=sorted(full)).images
        self.files = {image.name: image for image in listed}
        self._seen: dict[str, recon.Image] = {}

    def seen(self, name: str) -> recon.Image:
        if name not in self._seen:
            self._seen[name] = load_image(self.files[name], self.max_size)
        return self._seen[name]

    def in_view(self, xy_sensor: Any, name: str) -> Any:
        """Return full-size sensor pixels in the pixels of the view."""
        camera, file = self.views[name].camera, self.files[name]
        return (xy_sensor * np.array([camera.width / file.width, camera.height / file.height])).astype(np.float32)


class Bench:
    """Runs methods over photo sets; features are kept, so that matchers share them."""

    def __init__(self, arguments: argparse.Namespace, registry: PluginRegistry) -> None:
        self._arguments = arguments
        self._registry = registry
        self._components: dict[tuple[Kind, Wish, str | None], Any] = {}
        self._features: dict[tuple[Wish, Path, str], tuple[recon.Features, float]] = {}

    def score(self, method: Method, sets: Sequence[Photos]) -> tuple[PairsSummary, float, float]:
        """Return the summary of a method, and its mean seconds an image and a pair."""
        scores: list[PairScore] = []
        pair_seconds: list[float] = []
        image_seconds: dict[tuple[Path, str], float] = {}
        for photos in sets:
            for pair in pairs_at_steps(photos.views, self._arguments.steps):
                if method.extractor is not None:
                    for name in (pair.name1, pair.name2):
                        image_seconds[photos.folder, name] = self._extract(method.extractor, photos, name)[1]
                find = self._from_pixels if method.extractor is None else self._from_features
                found, seconds = find(method, photos, pair)
                pair_seconds.append(seconds)
                for seed in range(self._arguments.seeds):
                    scores.append(score_pair(pair, found, photos.views, partial(relative_pose, seed=seed)))
        image_mean = float(np.mean(list(image_seconds.values()))) if image_seconds else 0.0
        return summarise_pairs(scores), image_mean, float(np.mean(pair_seconds))

    def _from_features(
        self, method: Method, photos: Photos, pair: recon.ImagePair
    ) -> tuple[recon.PairPositions, float]:
        assert method.extractor is not None
        features1, features2 = (self._extract(method.extractor, photos, name)[0] for name in (pair.name1, pair.name2))
        matcher = self._component(Kind.MATCHER, method.matcher, method.extractor.name)
        start = time.perf_counter()
        matches: recon.Matches = matcher.match(features1, features2)
        seconds = time.perf_counter() - start
        rows1, rows2 = matches.indices.T.astype(np.intp)
        return recon.PairPositions(
            photos.in_view(features1.keypoints[rows1], pair.name1),
            photos.in_view(features2.keypoints[rows2], pair.name2),
            np.ones(len(rows1), np.float32),
        ), seconds

    def _from_pixels(self, method: Method, photos: Photos, pair: recon.ImagePair) -> tuple[recon.PairPositions, float]:
        image1, image2 = photos.seen(pair.name1), photos.seen(pair.name2)
        matcher = self._component(Kind.MATCHER, method.matcher)
        start = time.perf_counter()
        found: recon.PairPositions = matcher.match_images(image1, image2)
        seconds = time.perf_counter() - start
        xy1, xy2 = (
            photos.in_view(to_sensor_pixels(xy, image.size, photos.files[image.name]), image.name)
            for xy, image in ((found.xy1, image1), (found.xy2, image2))
        )
        return recon.PairPositions(xy1, xy2, found.scores), seconds

    def _extract(self, wish: Wish, photos: Photos, name: str) -> tuple[recon.Features, float]:
        key = wish, photos.folder, name
        if key not in self._features:
            seen = photos.seen(name)
            extractor = self._component(Kind.EXTRACTOR, wish)
            start = time.perf_counter()
            features = extractor.extract(seen)
            seconds = time.perf_counter() - start
            self._features[key] = in_sensor_pixels(features, seen, photos.files[name])[0], seconds
        return self._features[key]

    def _component(self, kind: Kind, wish: Wish, extractor: str | None = None) -> Any:
        """Return a component; a matcher is told whose features it gets, and may be a different one for each."""
        key = kind, wish, extractor
        if key not in self._components:
            peers = {Kind.EXTRACTOR: PEER_EXTRACTORS, Kind.MATCHER: PEER_MATCHERS}[kind]
            if wish.name in peers:
                self._components[key] = peers[wish.name](self._arguments.max_keypoints, **dict(wish.options))
            else:
                self._components[key] = self._create(kind, wish, extractor)
        return self._components[key]

    def _create(self, kind: Kind, wish: Wish, extractor: str | None) -> Any:
        """Build a plugin's component as a run would, on the CPU."""
        offer = self._registry.find(kind, wish.name)
        spec = offer.spec
        settings = Settings.from_texts(f"{offer.kind}:{wish.name}.{name}={value}" for name, value in wish.options)
        defaults: dict[str, Any] = {"max_keypoints": self._arguments.max_keypoints}
        if extractor is not None and extractor not in PEER_EXTRACTORS:
            defaults = self._registry.find(Kind.EXTRACTOR, extractor).spec.matching_defaults
        files = {file.name: file for file in spec.weights}
        context = recon.RunContext(
            threads=self._arguments.threads,
            weights=lambda name: find_weights(
                files[name], spec.name, settings.weights_for(offer.kind, spec, files[name])
            ),
            note=partial(print, file=sys.stderr),
            extractor=extractor,
        )
        return spec.create(settings.options_for(offer.kind, spec, defaults), context)


def table(rows: Sequence[tuple[str, PairsSummary, float, float]]) -> str:
    """Return the rows in markdown."""
    lines = [
        "| method | AUC@1deg | @2 | @5 | @10 | median deg | matches | precision % | Sampson px | s/image | s/pair |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for label, summary, image_seconds, pair_seconds in rows:
        areas = " | ".join(f"{area:.1f}" for area in summary.auc_deg.values())
        lines.append(
            f"| {label} | {areas} | {summary.median_error_deg:.3f} | {summary.matches:.0f} | {summary.precision:.1f} | "
            f"{summary.median_sampson_px:.3f} | {image_seconds:.3f} | {pair_seconds:.4f} |"
        )
    return "\n".join(lines)


def arguments_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="methods", default="sift:nearest,kornia-xfeat,kornia-aliked,opencv-sift")
    parser.add_argument("--sets", nargs="+", default=["fountain-P11", "Herz-Jesus-P8"], help="folders of $RECON_DATA")
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--max-size", type=int, default=1024)
    parser.add_argument("--max-keypoints", type=int, default=4096)
    parser.add_argument("--seeds", type=int, default=3, help="of poselib: every pair counts once for each")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object instead of the table")
    return parser.parse_args(arguments)


def main() -> None:
    """Score the methods that the command line names, one after the other."""
    from threadpoolctl import threadpool_limits

    arguments = arguments_of()
    registry = load_plugins()
    methods = [Method.parse(text, registry) for text in arguments.methods.split(",")]
    sets = [Photos(Path(os.environ["RECON_DATA"]) / name, arguments.max_size) for name in arguments.sets]
    bench = Bench(arguments, registry)
    rows = []
    with threadpool_limits(arguments.threads):
        for method in methods:
            rows.append((method.label, *bench.score(method, sets)))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    if arguments.json:
        named = ("summary", "seconds_per_image", "seconds_per_pair")
        result = {
            label: dict(zip(named, (summary.as_dict(), *seconds), strict=True)) for label, summary, *seconds in rows
        }
        print(json.dumps({"sets": arguments.sets, "steps": arguments.steps, "methods": result}))
    else:
        print(table(rows))


if __name__ == "__main__":
    try:
        main()
    except recon.ReconError as error:
        sys.exit(f"{error}\n{error.try_}")
