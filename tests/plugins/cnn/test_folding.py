"""What makes the network fast on a CPU leaves what it computes as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recon_plugins.cnn import folding
from recon_plugins.cnn.bands import bands
from recon_plugins.cnn.description import Describer
from recon_plugins.cnn.extractor import PlainNetwork
from recon_plugins.cnn.folding import FoldedNetwork
from recon_plugins.xfeat.folding import Chain
from recon_plugins.xfeat.winograd import fast_chain


def picture(height=160, width=96):
    """Return a (H, W) image of mean 0 and standard deviation 1."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal((height, width)).astype(np.float32))


@pytest.mark.parametrize("chain", [Chain, fast_chain])
def test_the_folded_network_gives_what_the_network_gives(chain, random_network):
    network, grey = random_network(), picture()
    with torch.inference_mode():
        expected = network(grey[None, None])
        logits, levels = FoldedNetwork(network, torch.float32, chain)(grey)

    scale = expected.keypoint_logits.std()
    assert scale > 0.1
    assert (logits - expected.keypoint_logits[0]).abs().max() < 1e-3 * scale
    assert set(levels) == set(expected.levels)
    for stride, level in levels.items():
        difference = (level.permute(2, 0, 1) - expected.levels[stride][0]).abs().max()
        assert difference < 1e-3 * expected.levels[stride].std()


def test_folding_leaves_the_network_as_it_is(random_network):
    network = random_network()
    FoldedNetwork(network, torch.bfloat16)

    before = random_network().state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert {buffer.dtype for buffer in network.buffers()} <= {torch.float32, torch.int64}


@pytest.mark.parametrize("num_pixels", [1, 70 * 96, 100 * 96])
def test_bands_give_what_the_whole_gives(num_pixels, random_network, monkeypatch):
    """Rows next to a cut are computed twice, and the wrong ones left out."""
    network, grey = FoldedNetwork(random_network(), torch.float32), picture()
    with torch.inference_mode():
        logits, levels = network(grey)
        monkeypatch.setattr(folding, "_BAND_PIXELS", num_pixels)
        in_bands, levels_in_bands = network(grey)

    torch.testing.assert_close(in_bands, logits, atol=1e-4, rtol=1e-4)
    for stride, level in levels.items():
        torch.testing.assert_close(levels_in_bands[stride], level, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "pixels"), [(32, 1), (320, 10_000), (352, 32 * 100), (64, 10**9)])
def test_every_row_lies_in_one_band(height, pixels):
    found = list(bands(height, 100, pixels, 16, 32))

    assert [row for band in found for row in range(band.first, band.last)] == list(range(height))
    for band in found:
        assert 0 <= band.begin <= band.first < band.last <= band.end <= height
        assert band.first - band.begin in (0, 16)


def test_places_are_described_as_the_network_describes_them(random_network):
    """Up to and beyond the border, where the levels go on as they end."""
    network, grey = random_network(), picture()
    positions = torch.rand(300, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([96, 160])
    positions[:4] = torch.tensor([[0.0, 0.0], [96.0, 160.0], [0.1, 159.9], [95.5, 0.5]])
    describer = Describer(network.description, torch.float32, torch.device("cpu"))
    with torch.inference_mode():
        outputs = network(grey[None, None])
        descriptors, reliability = outputs.describe(positions[None])
        levels = {stride: level[0].permute(1, 2, 0) for stride, level in outputs.levels.items()}
        hidden = describer.hidden(levels, *positions.T)

    torch.testing.assert_close(describer.descriptors(hidden), descriptors[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(describer.reliabilities(hidden), reliability[0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (32, 128)])
def test_a_level_may_have_a_single_pixel(size, random_network):
    network, grey = random_network(), picture(*size)
    positions = torch.rand(20, 2) * torch.tensor([size[1], size[0]])
    with torch.inference_mode():
        levels = FoldedNetwork(network, torch.float32)(grey)[1]
        hidden = Describer(network.description, torch.float32, torch.device("cpu")).hidden(levels, *positions.T)

    assert torch.isfinite(hidden).all()


def test_the_plain_path_gives_the_same(random_network):
    """It serves GPUs and other trunks."""
    network, grey = random_network(), picture()
    with torch.inference_mode():
        logits, levels = FoldedNetwork(network, torch.float32)(grey)
        plain_logits, plain_levels = PlainNetwork(network, torch.float32, torch.device("cpu"))(grey)

    torch.testing.assert_close(logits, plain_logits, atol=1e-3, rtol=1e-3)
    assert {stride: level.shape for stride, level in levels.items()} == {
        stride: level.shape for stride, level in plain_levels.items()
    }
