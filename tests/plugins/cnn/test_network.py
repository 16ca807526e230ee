"""The network moves with its image: no level lies aside, and a shift of the pixels shifts all that it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recon_plugins.cnn.network import (
    PATCH_RADIUS,
    BlurPool,
    CnnNetwork,
    Trunk,
    normalised,
    patches,
    sampled,
)
from torch import Tensor, nn
from torch.nn import functional

MOST_PARAMETERS = 300_000


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def scene() -> Tensor:
    """Return a texture, smooth enough to have places between the pixels."""
    return functional.avg_pool2d(noise(1, 1, 228, 260), 3, 1, 1) * 3


def test_the_network_is_small():
    """Its weights lie in the repository, and every phone can hold them."""
    assert sum(each.numel() for each in CnnNetwork().parameters()) <= MOST_PARAMETERS


def test_half_the_size_is_centred_between_two_pixels():
    """Output pixel k of an even slope is what lies between 2k and 2k + 1."""
    x = torch.arange(32.0)
    for slope, found in ((x.expand(1, 1, 32, 32), 3), (x[:, None].expand(1, 1, 32, 32), 2)):
        halved = BlurPool(1)(slope)

        expected = (2 * torch.arange(16.0) + 0.5)[1:-1]
        assert halved.shape == (1, 1, 16, 16)
        assert torch.allclose(halved.movedim(found, 3)[0, 0, 1:-1, 1:-1], expected.expand(14, 14), atol=1e-5)


def test_half_the_size_of_what_is_even_is_as_bright():
    """Up to the border, and channel by channel."""
    grey = torch.tensor([0.3, -2.0, 5.0])[None, :, None, None].expand(2, 3, 8, 12)

    assert torch.allclose(BlurPool(3)(grey), grey[:, :, :4, :6])


def test_the_finest_pattern_does_not_alias():
    """A chessboard would become black or white, depending on where it begins."""
    chessboard = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1

    assert BlurPool(1)(chessboard[None, None])[..., 1:-1, 1:-1].abs().max() < 1e-6


def averaging(trunk: nn.Module) -> nn.Module:
    """Make means of all convolutions: what a bump causes then lies where the bump lies, if all is centred."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    return trunk.eval()


@pytest.mark.parametrize("axis", ["x", "y"])
@torch.inference_mode()
def test_position_x_lies_at_x_by_stride_less_half_in_every_level(axis):
    """What the descriptors rely on: half a cell aside would be 16 pixels of the image in the coarsest level."""
    x = 507.3
    columns = torch.arange(1024, dtype=torch.float64) + 0.5
    bump = torch.exp(-0.5 * ((columns - x) / 20) ** 2).float().expand(1, 1, 32, 1024)
    levels = averaging(Trunk())(bump if axis == "x" else bump.mT)

    assert list(levels) == [2, 4, 8, 16, 32]
    for stride, level in levels.items():
        response = (level if axis == "x" else level.mT).double().sum(dim=(0, 1, 2))
        centre = float((response * torch.arange(len(response))).sum() / response.sum())
        assert centre == pytest.approx(x / stride - 0.5, abs=0.01), f"stride {stride}"


@pytest.mark.parametrize("axis", [2, 3])
@torch.inference_mode()
def test_a_shift_of_the_image_shifts_levels_and_logits(axis, random_network):
    """By a cell of the coarsest level; the borders apart, as far as the convolutions see."""
    network, edge, length = random_network(), 192, 512
    image = noise(1, 1, 64, length + 32)
    before, after = (
        network(each if axis == 3 else each.mT.contiguous()) for each in (image[..., 32:], image[..., :-32])
    )
    pairs = {stride: (before.levels[stride], after.levels[stride]) for stride in before.levels}
    pairs[1] = (before.keypoint_logits[:, None], after.keypoint_logits[:, None])

    for stride, (expected, shifted) in pairs.items():
        inside = (length - 2 * edge) // stride
        expected = expected.narrow(axis, edge // stride, inside)
        shifted = shifted.narrow(axis, (edge + 32) // stride, inside)
        assert expected.std() > 0
        assert (shifted - expected).abs().max() < 1e-3 * expected.abs().mean(), f"stride {stride}"


@pytest.mark.parametrize("shift", [(1, 0), (0, 3), (5, 2), (7, 7), (31, 33)])
@torch.inference_mode()
def test_a_shift_by_any_whole_number_of_pixels_shifts_places_exactly(shift, scene, random_network):
    """No grid of a coarser level is in the way: this is where light networks lose their precision."""
    network = random_network()
    right, down = shift
    before, after = network(scene[..., 36:, 36:]), network(scene[..., 36 - down : 228 - down, 36 - right : 260 - right])
    positions = uniform(1, 200, 2) * torch.tensor([180.0, 140.0]) + 6
    found, shifted = before.place(positions), after.place(positions + torch.tensor(shift))

    assert (found - positions.floor() - 0.5).std() > 0.05
    assert (shifted - torch.tensor(shift) - found).abs().max() < 1e-4


@torch.inference_mode()
def test_all_of_a_pixel_is_placed_alike(scene, random_network):
    outputs = random_network()(scene[..., :192, :224])
    corners = torch.tensor([[40.0, 30.0], [40.99, 30.0], [40.0, 30.99], [40.5, 30.5]])[None]

    assert (outputs.place(corners) == outputs.place(corners)[:, :1]).all()


@torch.inference_mode()
def test_places_stay_beside_their_pixels_whatever_is_asked(scene, random_network):
    """Positions beyond the image mean its outermost pixels."""
    outputs = random_network()(scene[..., :192, :224])
    asked = torch.tensor([[-5.0, 10.0], [0.0, 0.0], [224.0, 192.0], [300.0, 500.0], [223.9, 0.2]])[None]
    pixels = torch.tensor([[0, 10], [0, 0], [223, 191], [223, 191], [223, 0]])[None]
    found = outputs.place(asked)

    assert (found - pixels - 0.5).abs().max() <= 1.5
    assert torch.equal(found[0, 2], found[0, 3])


@torch.inference_mode()
def test_light_and_contrast_do_not_move_places(scene, random_network):
    """What tells where between the pixels a corner lies is its shape."""
    head = random_network().placing
    found, lit = (head(patches(image, torch.tensor([[[50, 60], [80, 90]]]))) for image in (scene, 3 * scene + 7))

    assert torch.allclose(found, lit, atol=0.02)
    assert torch.allclose(head(torch.full((2, 121), 0.3)), head(torch.full((2, 121), -4.0)), atol=1e-3)


@torch.inference_mode()
def test_short_numbers_change_no_place(scene, random_network):
    """They hold no fractions of a pixel: beyond 256, not even every second whole one."""
    network, positions = random_network(), uniform(1, 50, 2) * 190
    grey = scene[..., :192, :224]
    exactly = network(grey).place(positions)
    with torch.autocast("cpu", torch.bfloat16):
        roughly = network(grey).place(positions)

    assert roughly.dtype == torch.float32
    assert torch.equal(exactly, roughly)


@torch.inference_mode()
def test_in_short_numbers_what_the_network_says_is_still_in_long_ones(scene, random_network):
    with torch.autocast("cpu", torch.bfloat16):
        outputs = random_network()(scene[..., :64, :96])
        descriptors, reliability = outputs.describe(uniform(1, 9, 2) * 60)

    assert outputs.keypoint_logits.dtype == descriptors.dtype == reliability.dtype == torch.float32
    assert torch.allclose(descriptors.norm(dim=2), torch.ones(1, 9), atol=1e-5)


@pytest.mark.parametrize("pixel", [(20, 15), (0, 0), (39, 0), (0, 29), (39, 29), (2, 27)])
def test_a_patch_is_the_pixels_around_and_beyond_the_border_the_last_one(pixel):
    """Row by row, of its own image."""
    grey = noise(2, 1, 30, 40)
    around = np.pad(grey.numpy()[:, 0], ((0, 0), (PATCH_RADIUS, PATCH_RADIUS), (PATCH_RADIUS, PATCH_RADIUS)), "edge")
    found = patches(grey, torch.tensor([[pixel, (7, 8)], [(9, 1), pixel]]))

    x, y = pixel
    side = 2 * PATCH_RADIUS + 1
    assert found.shape == (2, 2, side**2)
    assert np.array_equal(found[0, 0], around[0, y : y + side, x : x + side].ravel())
    assert np.array_equal(found[1, 1], around[1, y : y + side, x : x + side].ravel())
    assert found[0, 0, side**2 // 2] == grey[0, 0, y, x]


def test_of_no_pixels_there_are_no_patches():
    assert patches(noise(2, 1, 8, 8), torch.zeros(2, 0, 2, dtype=torch.long)).shape == (2, 0, 121)


def by_grid_sample(level: Tensor, positions: Tensor, stride: int) -> Tensor:
    height, width = level.shape[2:]
    grid = 2 * positions / (stride * torch.tensor([width, height])) - 1
    found = functional.grid_sample(level, grid[:, None], "bilinear", "border", align_corners=False)
    return found[:, :, 0].transpose(1, 2)


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 7), height=st.integers(1, 7), stride=st.sampled_from([2, 4, 32]), seed=st.integers(0, 1000)
)  # fmt: skip
def test_levels_are_read_as_grid_sample_reads_them(width, height, stride, seed):
    """In value and in gradient, with one row or column too, and beyond the border."""
    level = noise(2, 3, height, width, seed=seed).requires_grad_()
    spread = torch.tensor([width, height]) * stride
    positions = (uniform(2, 30, 2, seed=seed) * 1.6 - 0.3) * spread
    found, expected = sampled(level, positions, stride), by_grid_sample(level, positions, stride)
    weights = noise(*found.shape, seed=seed + 1)
    (gradient,) = torch.autograd.grad((found * weights).sum(), level)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), level)

    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(gradient, expected_gradient, atol=1e-4)


def test_a_level_in_any_memory_order_is_read_alike():
    level = noise(2, 8, 5, 6)
    positions = uniform(2, 9, 2) * 20

    assert torch.equal(
        sampled(level, positions, 4), sampled(level.contiguous(memory_format=torch.channels_last), positions, 4)
    )


@torch.inference_mode()
def test_every_level_but_the_finest_describes(random_network):
    network = random_network()
    outputs = network(noise(1, 1, 64, 96))
    positions = uniform(1, 20, 2) * 60
    descriptors, _ = outputs.describe(positions)
    for stride, level in outputs.levels.items():
        changed, _ = network.description({**outputs.levels, stride: level + 1 + level.abs()}, positions)

        assert torch.allclose(changed, descriptors) == (stride == 2), f"stride {stride}"


def test_images_are_standardised_each_on_its_own():
    """As `recon train` hands them over."""
    grey = uniform(2, 1, 32, 32) * torch.tensor([1.0, 0.2])[:, None, None, None] + 0.3
    found = normalised(grey)

    assert found.mean(dim=(1, 2, 3)).abs().max() < 1e-5
    assert torch.allclose(found.std(dim=(1, 2, 3), correction=0), torch.ones(2), atol=0.03)
    assert normalised(torch.full((1, 1, 32, 32), 0.7)).abs().max() < 1e-3


@pytest.mark.parametrize("part", ["keypoint_logits", "places", "descriptors", "reliability"])
def test_a_fresh_network_can_learn_all_it_says(part):
    """A gradient reaches the first layer, or the placing head, which alone says where between the pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = CnnNetwork()
    outputs = network(noise(2, 1, 64, 64))
    positions = uniform(2, 20, 2) * 64
    descriptors, reliability = outputs.describe(positions)
    said = {
        "keypoint_logits": outputs.keypoint_logits,
        "places": outputs.place(positions),
        "descriptors": descriptors[..., 0],
        "reliability": reliability,
    }
    said[part].sum().backward()

    first = network.placing.layers[0] if part == "places" else network.trunk.stem[1][0]
    assert first.weight.grad is not None
    assert first.weight.grad.isfinite().all()
    assert first.weight.grad.abs().max() > 0


def test_a_fresh_network_finds_few_keypoints():
    """Else the first steps of a training go into unlearning them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        logits = CnnNetwork()(noise(2, 1, 64, 64)).keypoint_logits

    assert 0.001 < logits.sigmoid().mean() < 0.06
