"""Registering photos whose transform is known: how exactly, how surely, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import recon
from recon.registration import Model, Refinement, RegistrationOptions, register
from recon.registration.planar import corners_of, inverse_of, map_points

SIZE = (384, 300)
CORNERS = corners_of(SIZE)
AFFINE = np.array([[1.03, 0.05, -9.3], [-0.04, 0.98, 6.7], [0, 0, 1]])
HOMOGRAPHY = np.array([[1.05, 0.08, -14.2], [-0.03, 1.02, 5.1], [2.0e-4, 1.0e-4, 1]])
REFINED = [Refinement.SSD, Refinement.ECC, Refinement.MI]


def corner_error(found, truth):
    return np.linalg.norm(map_points(found.matrix, CORNERS) - map_points(truth, CORNERS), axis=1).mean()


@pytest.mark.parametrize("refine", Refinement)
def test_a_photo_and_itself_are_the_identity(refine, make_pair, matcher):
    image, _ = make_pair(np.eye(3))
    found = register(image, image, matcher, RegistrationOptions(refine=refine))

    assert found.model is Model.SIMILARITY  # the simplest that explains it
    assert corner_error(found, np.eye(3)) < 0.01
    assert found.likeness.refined == pytest.approx(1.0)


@pytest.mark.parametrize("refine", REFINED)
def test_a_homography_is_found_to_a_few_hundredths_of_a_pixel(refine, make_pair, matcher):
    """Through another brightness and noise of 5 grey values."""
    images = make_pair(HOMOGRAPHY, gain=0.8, bias=15, noise=5)
    found = register(*images, matcher, RegistrationOptions(refine=refine))

    assert found.model is Model.HOMOGRAPHY
    assert corner_error(found, HOMOGRAPHY) < 0.05


def test_an_affine_transform_is_told_from_a_homography(make_pair, matcher):
    found = register(*make_pair(AFFINE), matcher)

    assert found.model is Model.AFFINE
    assert found.matrix[2] == pytest.approx([0, 0, 1])
    assert corner_error(found, AFFINE) < 0.02


@pytest.mark.parametrize("refine", REFINED)
def test_the_grey_values_are_more_exact_than_the_matches(refine, make_pair, matcher):
    images = make_pair(HOMOGRAPHY, noise=8)
    by_matches = register(*images, matcher, RegistrationOptions(Model.HOMOGRAPHY, Refinement.NONE))
    refined = register(*images, matcher, RegistrationOptions(Model.HOMOGRAPHY, refine))

    assert corner_error(refined, HOMOGRAPHY) < corner_error(by_matches, HOMOGRAPHY)
    assert refined.likeness.refined > by_matches.likeness.refined


def test_the_way_back_is_the_inverse(make_pair, matcher):
    """Each way looks at the other photo's pixels: agreement shows that neither is favoured."""
    image1, image2 = make_pair(HOMOGRAPHY, gain=1.2, noise=3)
    there, back = register(image1, image2, matcher), register(image2, image1, matcher)

    assert map_points(back.matrix @ there.matrix, CORNERS) == pytest.approx(CORNERS, abs=0.1)


def test_transforms_of_three_photos_compose(make_pair, matcher):
    image1, image2 = make_pair(AFFINE)
    _, image3 = make_pair(HOMOGRAPHY @ AFFINE)
    one_two, two_three, one_three = (
        register(*pair, matcher, RegistrationOptions(Model.HOMOGRAPHY))
        for pair in ((image1, image2), (image2, image3), (image1, image3))
    )

    assert map_points(two_three.matrix @ one_two.matrix, CORNERS) == pytest.approx(
        map_points(one_three.matrix, CORNERS), abs=0.15
    )


def test_mutual_information_aligns_a_negative(make_pair, matcher):
    """As another sensor would see it; least squares must not claim to have improved anything there."""
    images = make_pair(HOMOGRAPHY, negative=True, noise=3)
    found = register(*images, matcher, RegistrationOptions(refine=Refinement.MI))

    assert corner_error(found, HOMOGRAPHY) < 0.1
    assert found.likeness.refined < -0.9
    with pytest.raises(recon.ReconError):
        register(*images, matcher, RegistrationOptions(refine=Refinement.SSD))


@pytest.mark.parametrize(
    "refine", [Refinement.SSD, *(pytest.param(each, marks=pytest.mark.slow) for each in ("none", "ecc", "mi"))]
)
def test_the_covariance_foretells_the_scatter(refine, make_pair, matcher):
    """Over eight draws of the noise, within a factor of two."""
    found = [
        register(
            *make_pair(HOMOGRAPHY, seed=seed, noise=8),
            matcher,
            RegistrationOptions(Model.HOMOGRAPHY, Refinement(refine)),
        )
        for seed in range(8)
    ]
    scatter = np.var([each.corners() for each in found], axis=0, ddof=1).mean()
    foretold = np.mean([each.corner_covariances()[:, [0, 1], [0, 1]] for each in found])

    assert 0.5 < np.sqrt(scatter / foretold) < 2


def test_what_hides_in_one_photo_does_not_pull(make_pair, matcher):
    found = register(*make_pair(HOMOGRAPHY, noise=3, hidden=0.25), matcher)

    assert corner_error(found, HOMOGRAPHY) < 0.1


def test_masked_pixels_have_no_say(make_pair, matcher):
    """Something that moved by itself covers a third of photo 2; masked there, it is as if it were not."""
    image1, image2 = make_pair(HOMOGRAPHY)
    pixels = image2.pixels.copy()
    pixels[:, 260:] = np.roll(image1.pixels, 9, axis=0)[:, 260:]
    mask = np.full(pixels.shape[:2], 255, np.uint8)
    mask[:, 260:] = 0
    found = register(image1, recon.Image("two.png", pixels, mask), matcher)

    assert corner_error(found, HOMOGRAPHY) < 0.05
    assert (found.xy2[:, 0] < 260).all()


def test_a_photo_of_half_the_size_is_aligned(make_pair, matcher, warps, source):
    """The sizes of the photos need not agree; the truth is a scale of one half."""
    image1, _ = make_pair(np.eye(3))
    small = warps.disturbed(warps.shrunk(source, 4), warps.Disturbance(), np.random.default_rng(0))
    found = register(image1, recon.Image("small.png", small), matcher)

    assert found.model is Model.SIMILARITY
    assert corner_error(found, np.diag([0.5, 0.5, 1])) < 0.02


def test_the_result_in_other_pixels_is_the_same_transform(make_pair, matcher):
    found = register(*make_pair(HOMOGRAPHY, noise=3), matcher)
    large = found.in_pixels_of((2 * SIZE[0], 2 * SIZE[1]), (3 * SIZE[0], 3 * SIZE[1]))

    assert large.corners() == pytest.approx(3 * found.corners())
    assert large.corner_covariances() == pytest.approx(9 * found.corner_covariances(), rel=1e-6)
    assert large.in_pixels_of(SIZE, SIZE).matrix == pytest.approx(found.matrix)


def test_the_covariance_of_the_matrix_is_that_of_the_corners(make_pair, matcher):
    """Entries drawn from it scatter the corners as their own covariances say."""
    found = register(*make_pair(HOMOGRAPHY, noise=8), matcher, RegistrationOptions(refine=Refinement.NONE))
    draws = np.random.default_rng(0).multivariate_normal(np.zeros(8), found.matrix_covariance(), 2000, method="svd")
    entries = np.hstack([found.matrix.ravel()[:8] + draws, np.ones((2000, 1))]).reshape(-1, 3, 3)
    corners = np.array([map_points(matrix, CORNERS) for matrix in entries])

    assert corners.var(axis=0) == pytest.approx(found.corner_covariances()[:, [0, 1], [0, 1]], rel=0.15)


def test_equal_input_gives_equal_output(make_pair, matcher):
    images = make_pair(HOMOGRAPHY, noise=5)
    first, second = register(*images, matcher), register(*images, matcher)

    assert np.array_equal(first.matrix, second.matrix)
    assert np.array_equal(first.step_covariance, second.step_covariance)


def test_photos_without_anything_in_common_are_refused(make_pair, matcher, sample_photos, warps, source):
    image1, _ = make_pair(np.eye(3))
    other = np.ascontiguousarray(np.random.default_rng(0).integers(0, 255, image1.pixels.shape), np.uint8)
    with pytest.raises(recon.ReconError) as refused:
        register(image1, recon.Image("other.png", other), matcher)

    assert refused.value.code in (recon.Cause.NO_MATCHES, recon.Cause.NO_VERIFIED_GEOMETRY)
    assert "one.png" in refused.value.message
    assert refused.value.try_


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (384, 300)])
@pytest.mark.parametrize("refine", [Refinement.SSD, Refinement.MI])
def test_a_flat_photo_of_any_size_is_refused_by_name(size, refine, make_pair, matcher):
    image1, _ = make_pair(np.eye(3))
    flat = recon.Image("flat.png", np.full((size[1], size[0], 3), 90, np.uint8))
    with pytest.raises(recon.ReconError) as refused:
        register(image1, flat, matcher, RegistrationOptions(refine=refine))

    assert refused.value.code is recon.Cause.FEW_KEYPOINTS
    assert refused.value.file == "flat.png"


def test_a_model_that_was_asked_for_is_used(make_pair, matcher):
    found = register(*make_pair(HOMOGRAPHY), matcher, RegistrationOptions(model=Model.SIMILARITY))

    assert found.model is Model.SIMILARITY
    assert found.candidates[Model.HOMOGRAPHY].gric < found.candidates[Model.SIMILARITY].gric


def test_a_scene_with_depth_is_epipolar_and_says_so(matcher, sample_photos, warps):
    """Two views of the sample scene: no warp aligns all of it, and what is given is that of a plane."""
    images = [
        recon.Image(name, warps.shrunk(warps.read_rgb(sample_photos / name), 2).astype(np.uint8))
        for name in ("0000.jpg", "0001.jpg")
    ]
    found = register(*images, matcher)
    inliers1, inliers2 = (
        np.column_stack([xy[found.is_inlier], np.ones(found.num_inliers)]) for xy in (found.xy1, found.xy2)
    )
    lines2 = inliers1 @ found.fundamental.T
    distances = np.abs(np.sum(inliers2 * lines2, axis=1)) / np.hypot(lines2[:, 0], lines2[:, 1])

    assert found.model is Model.EPIPOLAR
    assert any("not flat" in warning for warning in found.warnings)
    assert np.median(distances) < 1
    assert np.isfinite(inverse_of(found.matrix)).all()
