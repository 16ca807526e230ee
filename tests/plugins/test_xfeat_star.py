"""`xfeat-star` keeps its contract with any weights; with the published ones `exact` is upstream, the default better."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pycolmap
import pytest
import torch
from recon_plugins.xfeat.network import XFeatNetwork, load_network
from recon_plugins.xfeat_star import XFeatStarOptions, recon_image_matchers
from recon_plugins.xfeat_star.cells import Cells, ExactCells
from recon_plugins.xfeat_star.fine_matcher import FineMatcher
from recon_plugins.xfeat_star.matcher import coarse_matches
from recon_plugins.xfeat_star.patches import aligned
from recon_plugins.xfeat_star.seen_cells import SeenCells

import recon
import recon.testing
from recon.testing.matchers import check_positions

(SPEC,) = recon_image_matchers()
PHOTOS = ("fountain_a", "fountain_b", "fox", "reichstag")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights drawn by chance, whose every layer passes its signal on."""
    random = torch.Generator().manual_seed(0)
    network = XFeatNetwork().eval()
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=random)
        elif tensor.is_floating_point():
            tensor.normal_(0, (2 / max(1, tensor[0].numel())) ** 0.5, generator=random)
    path = tmp_path_factory.mktemp("weights") / "xfeat.pt"
    torch.save(network.state_dict(), path)
    return path


def published(name: str) -> Path:
    return Path(os.environ["RECON_WEIGHTS"]) / name


def create(weights: Path | None = None, **options) -> recon.ImageMatcher:
    """Return the matcher with weights of a file, or else the published ones."""
    context = recon.RunContext(weights=published if weights is None else lambda name: weights)
    return SPEC.create(XFeatStarOptions(**options), context)


def reference(name: str) -> dict[str, np.ndarray]:
    with np.load(Path(os.environ["RECON_REFERENCE"]) / f"{name}.npz") as arrays:
        return dict(arrays)


@cache
def reference_photo(name: str) -> recon.Image:
    pixels = cv2.imread(str(Path(os.environ["RECON_REFERENCE"]) / f"{name}.png"))
    return recon.Image(name, np.ascontiguousarray(pixels[:, :, ::-1]))


class TestContract(recon.testing.ImageMatcherContract):
    """Random weights are sure of nothing, and agree with themselves where both photos are the same."""

    spec = SPEC

    @pytest.fixture(autouse=True)
    def _use(self, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "options", {"min_confidence": 0.0, "max_disagreement_px": None})
        monkeypatch.setattr(type(self), "find_weights", lambda self, name: weights)


def test_exact_takes_images_of_any_size(weights: Path) -> None:
    matcher = create(weights, exact=True, min_confidence=0.0)
    image = recon.testing.textured_image()
    for other in (recon.testing.textured_image(8, 8), recon.testing.textured_image(1, 1), recon.testing.blank_image(0)):
        check_positions(matcher.match_images(image, other), image, other)
        check_positions(matcher.match_images(other, image), other, image)


def test_positions_in_image_2_are_the_middles_of_its_cells_whatever_image_1_is(weights: Path) -> None:
    """Hence tracks: the places of all partners refer to one and the same."""
    matcher = create(weights, min_confidence=0.0, max_disagreement_px=None)
    image2 = recon.testing.textured_image(seed=9)
    places = [
        {tuple(xy) for xy in matcher.match_images(recon.testing.textured_image(seed=seed), image2).xy2.tolist()}
        for seed in range(3)
    ]
    scaled = np.array(sorted(set.union(*places))) * 1.3 / 4  # middles of cells are odd multiples of half a cell
    of_fine_cells = np.abs(scaled - np.round(scaled)).max(axis=1) < 0.02

    assert len(places[0] & places[1]) > 0.2 * min(len(places[0]), len(places[1]))
    assert of_fine_cells.mean() > 0.6


def test_each_photo_goes_through_the_network_once() -> None:
    """A photo of ten pairs is looked at once, also where two threads ask at the same time."""
    looks = []

    class Counting:
        def find(self, image: recon.Image) -> Cells:
            looks.append(image.name)
            return Cells(torch.zeros(1, 2), torch.ones(1, 2), torch.zeros(1, 64))

    seen = SeenCells(Counting())
    images = [recon.testing.textured_image(32, 32, seed=seed, name=f"{seed}") for seed in range(4)]
    pairs = [pair for _ in range(5) for pair in combinations(images, 2)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda pair: (seen.of(pair[0]), seen.of(pair[1])), pairs))

    assert sorted(looks) == ["0", "1", "2", "3"]


def test_a_photo_is_known_by_its_content_and_not_by_its_name() -> None:
    class Named:
        def find(self, image: recon.Image) -> Cells:
            return Cells(torch.full((1, 2), float(image.pixels.mean())), torch.ones(1, 2), torch.zeros(1, 64))

    seen = SeenCells(Named())
    dark, bright = (recon.Image("same", np.full((9, 9, 3), value, np.uint8)) for value in (1, 2))

    assert [float(seen.of(image).corners[0, 0]) for image in (dark, bright, dark)] == [1, 2, 1]


def test_the_photos_unused_longest_are_forgotten() -> None:
    looks = []

    class Counting:
        def find(self, image: recon.Image) -> Cells:
            looks.append(image.name)
            return Cells(torch.zeros(10, 2), torch.ones(10, 2), torch.zeros(10, 64))

    seen = SeenCells(Counting(), most_cells=30)
    images = {name: recon.testing.textured_image(16, 16, seed=ord(name), name=name) for name in "abcd"}
    for name in "abcdcdba":
        seen.of(images[name])

    assert "".join(looks) == "abcda"


def test_a_look_that_failed_is_tried_again() -> None:
    answers = iter([RuntimeError("no memory"), Cells(torch.zeros(1, 2), torch.ones(1, 2), torch.zeros(1, 64))])

    class Failing:
        def find(self, image: recon.Image) -> Cells:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

    seen = SeenCells(Failing())
    image = recon.testing.textured_image(16, 16)
    with pytest.raises(RuntimeError):
        seen.of(image)

    assert len(seen.of(image)) == 1


@pytest.mark.parametrize(("num1", "num2"), [(0, 5), (5, 0), (1, 1), (700, 300), (1200, 1030)])
def test_coarse_matches_in_blocks_are_those_of_one_product(num1: int, num2: int) -> None:
    random = torch.Generator().manual_seed(0)
    rows1, rows2 = (torch.randn(num, 64, generator=random) for num in (num1, num2))
    found = coarse_matches(rows1, rows2)
    expected = []
    if num1 and num2:
        products = rows1 @ rows2.T
        best2, best1 = products.argmax(dim=1), products.argmax(dim=0)
        expected = [(row, int(best2[row])) for row in range(num1) if best1[best2[row]] == row]

    assert list(zip(found.rows1.tolist(), found.rows2.tolist(), strict=True)) == expected


def test_of_cells_that_look_the_same_one_is_matched() -> None:
    """As in a picture of tiles: matches are one-to-one all the same."""
    rows = torch.eye(64)[:3].repeat(2, 1)
    found = coarse_matches(rows, rows[:3])

    assert (found.rows1.tolist(), found.rows2.tolist()) == ([0, 1, 2], [0, 1, 2])


def test_the_folded_fine_matcher_is_the_networks_own(weights: Path) -> None:
    network = load_network(weights)
    descriptors = torch.randn(2, 50, 64, generator=torch.Generator().manual_seed(1))
    offsets, confidences = FineMatcher(network.fine_matcher, torch.device("cpu"), torch.float32)(*descriptors)
    with torch.inference_mode():
        shares = (3 * network.fine_matcher(torch.cat(tuple(descriptors), dim=1))).softmax(dim=1)
    places = torch.tensor([(k % 8 - 4, k // 8 - 4) for k in range(64)], dtype=torch.float32)

    assert torch.allclose(confidences, shares.amax(dim=1), atol=1e-4)
    assert torch.allclose(offsets, shares @ places, atol=1e-3)


def test_a_mask_leaves_out_cells(weights: Path) -> None:
    image = recon.testing.textured_image()
    mask = np.zeros(image.pixels.shape[:2], np.uint8)
    mask[:, 160:] = 1
    matcher = create(weights, min_confidence=0.0, max_disagreement_px=None)
    found = matcher.match_images(recon.Image("masked", image.pixels, mask), image)

    assert len(found.xy1) > 0
    assert found.xy1[:, 0].min() > 160 - 8 / 0.6  # the middle is kept, and the place is refined around it


@pytest.mark.parametrize(
    "options",
    [
        {"max_keypoints": 0},
        {"min_confidence": 1.0},
        {"max_disagreement_px": 0.0},
        {"exact": True, "precision": "bf16"},
        {"exact": True, "max_disagreement_px": 2.0},
    ],
)
def test_options_out_of_range_are_refused(options) -> None:
    with pytest.raises(ValueError, match=list(options)[-1]):
        XFeatStarOptions(**options)


def test_offering_it_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'cv2', 'kornia', 'pycolmap'}"
    code = f"import sys, recon_plugins.xfeat_star, recon_plugins.loftr; print({heavy} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "set()"


@pytest.mark.weights
@pytest.mark.reference
@pytest.mark.parametrize("name", PHOTOS)
def test_exact_finds_upstreams_cells(name: str) -> None:
    expected = reference(f"{name}_dense")
    with torch.inference_mode():
        found = ExactCells(load_network(published("xfeat.pt")), torch.device("cpu"), 4096).find(reference_photo(name))
    keys = [tuple(np.round(xy, 2)) for xy in found.corners.numpy().astype(np.float64)]
    rows = {key: row for row, key in enumerate(keys)}
    order = [rows.get(tuple(np.round(xy, 2)), -1) for xy in expected["keypoints"].astype(np.float64)]

    assert len(found) == len(expected["keypoints"]) == 4095
    assert np.mean(np.array(order) >= 0) > 0.999  # at the cut one or two may differ
    together = np.array([(row, k) for k, row in enumerate(order) if row >= 0])
    assert np.allclose(found.descriptors.numpy()[together[:, 0]], expected["descriptors"][together[:, 1]], atol=5e-3)
    assert np.allclose(found.zooms.numpy()[together[:, 0], 0], expected["scales"][together[:, 1]], atol=1e-6)


@pytest.mark.weights
@pytest.mark.reference
def test_exact_finds_upstreams_matches() -> None:
    """2003 of them, each within a thousandth of a pixel; COLMAP's origin is half a pixel from upstream's."""
    expected = reference("fountain_pair_matches")["star"]
    found = create(exact=True).match_images(*(reference_photo(name) for name in PHOTOS[:2]))
    places = np.hstack([found.xy1, found.xy2]) - 0.5
    nearest_px = np.abs(expected[:, None] - places[None]).max(axis=2).min(axis=1)

    assert len(places) == len(expected)
    assert (nearest_px < 1e-3).mean() > 0.999


@pytest.mark.weights
@pytest.mark.reference
def test_exact_asks_the_fine_matcher_as_upstream_does() -> None:
    arrays = reference("fountain_pair_matches")
    dense = [torch.from_numpy(reference(f"{name}_dense")["descriptors"].astype(np.float32)) for name in PHOTOS[:2]]
    rows = torch.from_numpy(arrays["star_coarse_index"].astype(np.int64))
    coarse = coarse_matches(*dense)
    network = load_network(published("xfeat.pt"))
    fine = FineMatcher(network.fine_matcher, torch.device("cpu"), torch.float32)
    offsets, confidences = fine(dense[0][rows[:, 0]], dense[1][rows[:, 1]])

    assert torch.equal(torch.stack([coarse.rows1, coarse.rows2], dim=1), rows)
    # The reference's descriptors are rounded to half precision.
    assert np.abs(offsets.numpy() - arrays["star_offset"]).max() < 0.02
    assert np.abs(confidences.numpy() - arrays["star_conf"]).max() < 0.01


@pytest.mark.weights
@pytest.mark.reference
@pytest.mark.parametrize("shift", [(0, 0), (3, 5), (37, 22)])
def test_a_shifted_photo_is_matched_where_it_is(shift: tuple[int, int]) -> None:
    """Upstream moves image 1 by about (-0.8, -1.0) px even where both photos are the same."""
    right, down = shift
    pixels = reference_photo("fountain_a").pixels
    height, width = pixels.shape[0] - 40, pixels.shape[1] - 40
    image1 = recon.Image("whole", pixels[:height, :width])
    image2 = recon.Image("shifted", pixels[down : down + height, right : right + width])
    errors = {}
    for is_exact in (False, True):
        found = create(exact=is_exact).match_images(image1, image2)
        errors[is_exact] = found.xy1 - found.xy2 - np.array(shift)

    assert np.abs(np.median(errors[False], axis=0)).max() < 0.01
    assert np.median(np.abs(errors[False])) < 0.02
    assert np.median(np.abs(errors[True])) > 0.3


@pytest.mark.weights
@pytest.mark.reference
@pytest.mark.parametrize("shift", [(3, 5), (37, 22)])
def test_the_fine_matcher_alone_is_mended_too(shift: tuple[int, int]) -> None:
    """Without the help of the pixels, too, no side is favoured."""
    right, down = shift
    pixels = reference_photo("fountain_a").pixels
    height, width = pixels.shape[0] - 40, pixels.shape[1] - 40
    image2 = recon.Image("shifted", pixels[down : down + height, right : right + width])
    found = create(align_patches=False).match_images(recon.Image("whole", pixels[:height, :width]), image2)
    errors = found.xy1 - found.xy2 - np.array(shift)

    assert np.abs(np.median(errors, axis=0)).max() < 0.25
    assert np.median(np.abs(errors)) < 0.45


def test_patches_are_aligned_to_a_known_fraction_of_a_pixel() -> None:
    """The same texture drawn 0.3 px further right and 0.6 px further up; places start a pixel off."""
    large = recon.testing.textured_image(3200, 2400).pixels
    images = [
        recon.Image("some", cv2.resize(large[down:, right:][:2000, :2800], (280, 200), interpolation=cv2.INTER_AREA))
        for right, down in ((0, 0), (3, -6 % 10))
    ]
    shift = np.array([0.3, 0.4], np.float32)
    xy2 = np.random.default_rng(0).uniform(30, 170, (50, 2)).astype(np.float32)
    moved = aligned(*images, xy2 + shift + np.float32(0.8), xy2)

    assert np.abs(np.median(moved - xy2 - shift, axis=0)).max() < 0.03
    assert np.median(np.abs(moved - xy2 - shift)) < 0.05


def test_patches_of_images_of_two_sizes_are_aligned_too() -> None:
    image = recon.testing.textured_image()
    part = recon.Image("part", np.ascontiguousarray(image.pixels[10:210, 20:180]))
    xy2 = np.random.default_rng(0).uniform(20, 140, (30, 2)).astype(np.float32)
    moved = aligned(image, part, xy2 + np.float32([20.7, 9.5]), xy2)

    assert np.abs(np.median(moved - xy2 - (20, 10), axis=0)).max() < 0.02


def test_places_without_texture_stay_where_they_are() -> None:
    blank = recon.testing.blank_image(128)
    xy = np.array([[50, 60], [0, 0], [320, 240]], np.float32)

    assert np.array_equal(aligned(blank, blank, xy, xy + 1), xy)
    assert len(aligned(blank, blank, xy[:0], xy[:0])) == 0


@pytest.mark.weights
@pytest.mark.reference
def test_half_precision_finds_nearly_the_same() -> None:
    images = [reference_photo(name) for name in PHOTOS[:2]]
    full, half = (
        create(precision=precision, align_patches=False).match_images(*images) for precision in ("fp32", "bf16")
    )
    nearest_px = np.linalg.norm(full.xy1[:, None] - half.xy1[None], axis=2).min(axis=1)

    assert len(half.xy1) == pytest.approx(len(full.xy1), rel=0.03)
    assert np.quantile(nearest_px, 0.8) < 0.15


@pytest.mark.photos
@pytest.mark.weights
@pytest.mark.slow
def test_its_models_are_as_complete_as_those_of_xfeats_keypoints(photo_set: Callable, tmp_path: Path) -> None:
    """More points, all photos, and tracks that reach far beyond the pair in which they were found."""
    photos = photo_set("lund_door") / "images"
    size = {"max_size": 1024, "max_keypoints": 2048}
    star = recon.reconstruct(photos, tmp_path / "star", matcher="xfeat-star", **size)
    sparse = recon.reconstruct(photos, tmp_path / "sparse", extractor="xfeat", **size)
    lengths = np.array([point.track.length() for point in model_of(star).points3D.values()])

    assert star.summary["registered"] >= sparse.summary["registered"] == 12
    assert star.summary["points3D"] > sparse.summary["points3D"]
    assert lengths.mean() > 3
    assert (lengths > 2).mean() > 0.7
    assert star.summary["mean_reprojection_error_px"] < 1.0


def model_of(result: recon.ReconstructionResult) -> pycolmap.Reconstruction:
    assert result.model is not None
    return result.model
