"""Extractors on photos that are shifted, turned and enlarged by known amounts: one table, peers in the same run.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/warps.py --with opencv-sift,xfeat@exact=true,cnn

An extractor is a plugin, with options as `@option=value+option=value`, or a peer of `pairs.py`. Both views are cut
out of one photo: shifted by whole pixels, so that no pixel changes; or, for turns and zooms, resampled by bicubic
interpolation to a square that lies inside the photo. Keypoints are matched by mutual nearest neighbours. A match is
right within the given distance of where the known map puts it: share in percent of the matches whose place the other
view shows, and in brackets their number.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import recon
from recon.core.kinds import Kind
from recon.core.registry import load_plugins
from recon.learning.mutual import mutual_nearest

sys.path.insert(0, str(Path(__file__).parent))
from pairs import Bench, Photos, Wish, arguments_of
from pairs_peers import PEERS

SHIFTS = range(1, 8)
ANGLES_DEG = (10, 20, 30)
ZOOMS = (1.25, 1.5)
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Views:
    """Two views of one photo."""

    kind: str
    image1: recon.Image
    image2: recon.Image
    matrix: Array
    """(2, 3) from the first view to the second; the centre of the top-left pixel is (0.5, 0.5)."""


def shifted(pixels: npt.NDArray[np.uint8], shift: int) -> Views:
    """Return two views that lie `shift` pixels apart, right and down."""
    first, second = pixels[:-16, :-16], pixels[shift : shift - 16 or None, shift : shift - 16 or None]
    return Views("shift", image("first", first), image("second", second), np.array([[1, 0, -shift], [0, 1, -shift]]))


def turned(pixels: npt.NDArray[np.uint8], angle_deg: float, zoom: float) -> Views:
    """Return the middle of a photo as it is, and turned and enlarged."""
    height, width = pixels.shape[:2]
    side = int(min(width, height) / np.sqrt(2))
    middle = np.array([width, height]) / 2
    views, maps = [], []
    for angle, scale in ((0.0, 1.0), (angle_deg, zoom)):
        matrix = cv2.getRotationMatrix2D((0.0, 0.0), angle, scale)
        matrix[:, 2] = side / 2 - matrix[:, :2] @ middle
        maps.append(np.vstack([matrix, [0, 0, 1]]))
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from the centre of a pixel
        views.append(
            cv2.warpAffine(pixels, (np.linalg.inv(half) @ maps[-1] @ half)[:2], (side, side), flags=cv2.INTER_CUBIC)
        )
    kind = f"{angle_deg:g} deg" if zoom == 1 else f"x{zoom:g}"
    between = (maps[1] @ np.linalg.inv(maps[0]))[:2]
    return Views(kind, image("first", views[0]), image("second", views[1]), between)


def image(name: str, pixels: npt.NDArray[np.uint8]) -> recon.Image:
    """Return pixels as an extractor gets them."""
    return recon.Image(name, np.ascontiguousarray(pixels))


def all_views(pixels: npt.NDArray[np.uint8]) -> Iterator[Views]:
    """Yield every pair of views of one photo."""
    yield from (shifted(pixels, shift) for shift in SHIFTS)
    yield from (turned(pixels, angle, 1) for angle in ANGLES_DEG)
    yield from (turned(pixels, 0, zoom) for zoom in ZOOMS)


def errors(extract: Callable[[recon.Image], recon.Features], views: Views) -> Array:
    """Return how far each match is from where it should be, in pixels of the second view."""
    one, other = extract(views.image1), extract(views.image2)
    rows, others, _ = mutual_nearest(one, other)
    truth = one.keypoints[rows] @ views.matrix[:, :2].T + views.matrix[:, 2]
    seen = ((truth > 0) & (truth < other.image_size)).all(axis=1)
    return np.asarray(np.linalg.norm(truth - other.keypoints[others], axis=1)[seen])


def row(label: str, found: dict[str, list[Array]], right_px: float) -> str:
    """Return a line of the table: for each kind of views, the share of the matches that are right, and their number."""
    cells = []
    for kind, each in found.items():
        limit = 0.5 if kind == "shift" else right_px
        share = float(np.mean([(one < limit).mean() if len(one) else 0.0 for one in each]))
        cells.append(f"{100 * share:.1f} ({np.mean([(one < limit).sum() for one in each]):.0f})")
    return f"| {label} | {' | '.join(cells)} |"


def main(given: Sequence[str] | None = None) -> None:
    """Print the table."""
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="extractors", default="opencv-sift,kornia-xfeat,cnn")
    parser.add_argument("--sets", nargs="+", default=["fountain-P11", "Herz-Jesus-P8"], help="folders of $RECON_DATA")
    parser.add_argument("--photos", type=int, default=3, help="of each set, spread evenly")
    parser.add_argument("--max-size", type=int, default=1024)
    parser.add_argument("--right-px", type=float, default=1.5, help="for turns and zooms; shifts are held to 0.5")
    arguments = parser.parse_args(given)
    bench = Bench(arguments_of(["--max-size", str(arguments.max_size)]), load_plugins())
    kinds = ["shift", *(f"{angle} deg" for angle in ANGLES_DEG), *(f"x{zoom:g}" for zoom in ZOOMS)]
    print(f"| extractor | {' | '.join(kinds)} |\n|{'---|' * (1 + len(kinds))}")
    with threadpool_limits(1):
        for text in arguments.extractors.split(","):
            wish = Wish.parse(PEERS[text][0] if text in PEERS else text)
            extractor = bench._component(Kind.EXTRACTOR, wish)
            found: dict[str, list[Array]] = {kind: [] for kind in kinds}
            for name in arguments.sets:
                photos = Photos(Path(os.environ["RECON_DATA"]) / name, arguments.max_size)
                names = sorted(photos.files)
                for each in names[:: max(1, len(names) // arguments.photos)][: arguments.photos]:
                    for views in all_views(photos.seen(each).pixels):
                        found[views.kind].append(errors(extractor.extract, views))
            print(row(text, found, arguments.right_px), flush=True)


if __name__ == "__main__":
    try:
        main()
    except recon.ReconError as error:
        sys.exit(f"{error}\n{error.try_}")
