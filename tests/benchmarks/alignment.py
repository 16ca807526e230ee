"""How exactly two photos are aligned: warps of real photos with known truth, and pairs of real photos.

    RECON_DATA=... python tests/benchmarks/alignment.py [warps] [limits] [pairs] [--trials 4]

`warps`: photos warped by known transforms, brightened and made noisy; the error is the mean distance, in pixels
of image 2, of the four corners of image 1 from their true places. `limits`: one difficulty at a time, until it breaks.
`pairs`: pairs of the reichstag photos, of different cameras and days: model, inliers, correlation.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import recon
from recon.core.kinds import Kind
from recon.core.registry import load_plugins
from recon.registration import KeypointMatcher, Model, Refinement, Registration, RegistrationOptions, register

_FINER = 4
"""A pixel of the warped photo is the mean of this many samples across and down."""


@dataclass(frozen=True)
class Disturbance:
    """What is done to the warped photo besides the warp."""

    gain: float = 1.0
    bias: float = 0.0
    noise: float = 0.0
    """Standard deviation in grey values, in both photos."""
    blur: float = 0.0
    """Gaussian, in pixels of the warped photo."""
    hidden: float = 0.0
    """Share of the warped photo that something else covers."""
    negative: bool = False


def read_rgb(path: Path) -> Any:
    import cv2

    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def shrunk(source: Any, factor: int) -> Any:
    """Return a photo whose pixels are exact means of `factor` x `factor` pixels."""
    height, width = source.shape[0] // factor, source.shape[1] // factor
    cut = source[: height * factor, : width * factor].astype(np.float32)
    return cut.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))


def warped(source: Any, factor: int, matrix: Any, size: tuple[int, int]) -> Any:
    """Return what `matrix` makes of `shrunk(source, factor)`, rendered from the finer source (H, W, 3) float32.

    OpenCV rounds positions to 1/32 pixel of the source; spread over 16 samples a pixel, that is below 0.01 px.
    """
    import cv2

    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    from_source = np.diag([1 / factor, 1 / factor, 1.0]) @ half
    to_fine = np.linalg.inv(half) @ np.diag([_FINER, _FINER, 1.0])
    fine_size = size[0] * _FINER, size[1] * _FINER
    fine = cv2.warpPerspective(
        source.astype(np.float32), to_fine @ matrix @ from_source, fine_size, flags=cv2.INTER_CUBIC
    )
    return shrunk(fine, _FINER)


def disturbed(pixels: Any, how: Disturbance, rng: np.random.Generator) -> Any:
    """Return the photo as uint8 after everything that is done to it."""
    import cv2

    if how.blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), how.blur)
    if how.hidden:
        height, width = pixels.shape[:2]
        side = np.sqrt(how.hidden)
        top, left = (int((1 - side) * rng.uniform() * length) for length in (height, width))
        cover = rng.uniform(0, 255, (max(1, int(side * height) // 8), max(1, int(side * width) // 8), 3))
        patch = cv2.resize(cover.astype(np.float32), (int(side * width), int(side * height)))
        pixels = pixels.copy()
        pixels[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    if how.negative:
        pixels = 255 - pixels
    pixels = how.gain * pixels + how.bias
    return np.clip(np.rint(pixels + how.noise * rng.standard_normal(pixels.shape)), 0, 255).astype(np.uint8)


def random_homography(size: tuple[int, int], strength: float, rng: np.random.Generator) -> Any:
    """Return a homography that moves each corner by up to `strength` of the sides, at random."""
    import cv2

    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    target = corners + rng.uniform(-strength, strength, (4, 2)) * np.array(size)
    return cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32))


def turned(size: tuple[int, int], degrees: float, zoom: float = 1.0) -> Any:
    """Return the rotation about the middle, and zoom."""
    angle = np.deg2rad(degrees)
    x, y = size[0] / 2, size[1] / 2
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([x + 3.3, y - 2.7]) - linear @ np.array([x, y])
    return np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


def corner_error(estimated: Any, truth: Any, size: tuple[int, int]) -> float:
    """Return the mean distance in pixels of the corners' estimated places from the true ones."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [size[0], size[1], 1], [0, size[1], 1]], np.float64)
    places = [corners @ matrix.T for matrix in (estimated, truth)]
    first, second = (place[:, :2] / place[:, 2:] for place in places)
    return float(np.linalg.norm(first - second, axis=1).mean())


class Remembering:
    """A matcher that answers a pair it has seen as it did then: the refinements are compared on equal matches."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher
        self._seen: dict[bytes, recon.PairPositions] = {}

    def match_images(self, image1: recon.Image, image2: recon.Image) -> recon.PairPositions:
        key = hashlib.sha256(image1.pixels.tobytes() + image2.pixels.tobytes()).digest()
        if key not in self._seen:
            self._seen[key] = self._matcher.match_images(image1, image2)
        return self._seen[key]


@dataclass
class Aligner:
    """Registers pairs with named plugins."""

    extractor: str = "sift"
    matcher: str = "nearest"
    _made: Any = field(default=None)

    def __call__(self, pixels1: Any, pixels2: Any, refine: str, model: Model | None = None) -> Registration:
        if self._made is None:
            registry = load_plugins()
            context = recon.RunContext(threads=2)
            parts = []
            for kind, name in ((Kind.EXTRACTOR, self.extractor), (Kind.MATCHER, self.matcher)):
                spec = registry.find(kind, name).spec
                parts.append(spec.create(spec.options(), context))
            self._made = Remembering(KeypointMatcher(*parts))
        options = RegistrationOptions(model=model, refine=Refinement(refine))
        return register(recon.Image("image1", pixels1), recon.Image("image2", pixels2), self._made, options)


def sources() -> list[tuple[str, Any, int]]:
    """Return name, finer source and the factor by which photos are made of it."""
    data = Path(os.environ["RECON_DATA"])
    chosen = [
        ("lund_door", "DSC_0001.JPG", 2),
        ("lund_door", "DSC_0008.JPG", 2),
        ("fox", "0001.jpg", 2),
        ("reichstag", "05461164_9050854768.jpg", 1),
    ]
    return [(f"{name}/{file}", read_rgb(data / name / "images" / file), factor) for name, file, factor in chosen]


def one(
    aligner: Aligner, source: Any, factor: int, matrix: Any, how: Disturbance, refines: Sequence[str], seed: int
) -> list[float]:
    """Return the corner error of one pair by each refinement; infinite where it fails."""
    rng = np.random.default_rng(seed)
    first = shrunk(source, factor)
    size = first.shape[1], first.shape[0]
    pixels1 = disturbed(first, Disturbance(noise=how.noise), rng)
    pixels2 = disturbed(warped(source, factor, matrix, size), how, rng)
    errors = []
    for refine in refines:
        try:
            errors.append(corner_error(aligner(pixels1, pixels2, refine).matrix, matrix, size))
        except recon.ReconError:
            errors.append(float("inf"))
    return errors


REFINES = ("none", "ssd", "ecc", "mi")


def run_warps(aligner: Aligner, trials: int) -> None:
    print("corner error in px, median / worst, over photos x trials; share below 0.1 px")
    cases = [
        ("mild 3 %, clean", 0.03, Disturbance()),
        ("mild 3 %, gain+bias, noise 5", 0.03, Disturbance(noise=5)),
        ("medium 10 %, gain+bias, noise 5", 0.10, Disturbance(noise=5)),
        ("strong 20 %, gain+bias, noise 5", 0.20, Disturbance(noise=5)),
        ("strong 20 %, gain+bias, noise 10", 0.20, Disturbance(noise=10)),
    ]
    for title, strength, how in cases:
        _row(aligner, title, trials, how, lambda size, rng, s=strength: random_homography(size, s, rng), how.noise > 0)


def run_limits(aligner: Aligner, trials: int) -> None:
    print("one difficulty at a time, noise 5: corner error in px, median / worst; share below 0.1 px")

    def mild(size: Any, rng: Any) -> Any:
        return random_homography(size, 0.05, rng)

    for blur in (1, 2, 4, 8):
        _row(aligner, f"blur of image 2, sigma {blur} px", trials, Disturbance(noise=5, blur=blur), mild)
    for hidden in (0.1, 0.3, 0.5, 0.7):
        _row(aligner, f"{hidden:.0%} of image 2 hidden", trials, Disturbance(noise=5, hidden=hidden), mild)
    for degrees in (20, 45, 90, 180):
        _row(aligner, f"turned by {degrees} deg", trials, Disturbance(noise=5), lambda s, r, d=degrees: turned(s, d))
    for zoom in (0.7, 0.5, 0.35, 0.25, 1.5, 2.5, 4.0):
        _row(aligner, f"zoomed {zoom}", trials, Disturbance(noise=5), lambda s, r, z=zoom: turned(s, 2, z))
    for strength in (0.25, 0.3, 0.35, 0.4):
        _row(
            aligner,
            f"corners moved by up to {strength:.0%}",
            trials,
            Disturbance(noise=5),
            lambda s, r, m=strength: random_homography(s, m, r),
        )
    for noise in (20, 30, 40):
        _row(aligner, f"noise {noise}", trials, Disturbance(noise=noise), mild)
    _row(aligner, "negative", trials, Disturbance(noise=5, negative=True), mild)


def _row(aligner: Aligner, title: str, trials: int, how: Disturbance, make: Any, lit: bool = False) -> None:
    errors = []
    for (_, source, factor), trial in itertools.product(sources(), range(trials)):
        rng = np.random.default_rng(1000 + trial)
        matrix = make((source.shape[1] // factor, source.shape[0] // factor), rng)
        changes = {"gain": rng.uniform(0.7, 1.3), "bias": rng.uniform(-20, 20)} if lit else {}
        disturbance = replace(how, **changes)
        errors.append(one(aligner, source, factor, matrix, disturbance, REFINES, trial))
    texts = [
        f"{refine} {np.median(column):.3f}/{max(column):.3f} {np.mean(np.array(column) < 0.1):4.0%}"
        for refine, column in zip(REFINES, zip(*errors, strict=True), strict=True)
    ]
    print(f"{title:36s} " + " | ".join(texts), flush=True)


def run_pairs(aligner: Aligner, refine: str = "ssd") -> None:
    print("reichstag: model, inliers of matches, correlation unaligned -> matched -> refined")
    folder = Path(os.environ["RECON_DATA"]) / "reichstag" / "images"
    photos = {path.name: read_rgb(path) for path in sorted(folder.iterdir())}
    for name1, name2 in itertools.combinations(photos, 2):
        try:
            found = aligner(photos[name1], photos[name2], refine)
        except recon.ReconError as error:
            print(f"{name1[:8]} {name2[:8]} {error.code}")
            continue
        alike = found.likeness
        print(
            f"{name1[:8]} {name2[:8]} {found.model:10s} {found.num_inliers:4d} of {len(found.xy1):4d}  "
            f"{alike.unaligned:+.3f} -> {alike.matched:+.3f} -> {alike.refined:+.3f}  "
            + "; ".join(f"{model} {each.inliers} {each.gric:.0f}" for model, each in found.candidates.items()),
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["warps", "limits", "pairs", []], default=["warps", "pairs"])
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--extractor", default="sift")
    parser.add_argument("--matcher", default="nearest")
    args = parser.parse_args()
    aligner = Aligner(args.extractor, args.matcher)
    if "warps" in args.parts:
        run_warps(aligner, args.trials)
    if "limits" in args.parts:
        run_limits(aligner, args.trials)
    if "pairs" in args.parts:
        run_pairs(aligner)


if __name__ == "__main__":
    main()
