"""What every network that `recon train` trains keeps."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.core.components import RunContext, Trainable
from recon.core.errors import ReconError
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract

if TYPE_CHECKING:
    import torch

_SIZE = (96, 64)
"""Width and height of what the networks are shown."""


class TrainableContract(ComponentContract):
    """Built from the seed, dense outputs of the right shapes, weights that come back as they were written."""

    kind = Kind.TRAINABLE

    def build(self, seed: int = 0) -> tuple[Trainable, torch.nn.Module]:
        """Return the component of a seed, and a network that it built."""
        options: Any = self.spec.options(**self.options)
        trainable: Trainable = self.spec.create(options, RunContext(seed=seed))
        return trainable, trainable.build(options)

    def test_the_seed_decides_the_first_weights(self) -> None:
        """A training that is repeated has to begin alike, whatever was drawn at random before."""
        import torch

        one = self.build(1)[1].state_dict()
        torch.rand(5)
        again, other = (self.build(seed)[1].state_dict() for seed in (1, 2))

        assert all(torch.equal(one[name], again[name]) for name in one), "equal seeds gave different weights"
        assert not all(torch.equal(one[name], other[name]) for name in one), "different seeds gave equal weights"

    def test_outputs_are_dense(self) -> None:
        """A logit for every pixel, and a descriptor of length 1 wherever one is asked for."""
        import torch

        width, height = _SIZE
        outputs = self.build()[1].eval()(_images())
        positions = torch.rand(2, 7, 2) * torch.tensor([width, height])
        descriptors, reliability = outputs.describe(positions)

        places = outputs.place(positions)
        assert outputs.keypoint_logits.shape == (2, height, width), tuple(outputs.keypoint_logits.shape)
        assert places.shape == (2, 7, 2), tuple(places.shape)
        same = outputs.place(positions.floor() + 0.75)
        assert torch.equal(places, same), "a place depends on more than the pixel that it is asked for"
        assert descriptors.shape[:2] == reliability.shape == (2, 7), (descriptors.shape, reliability.shape)
        lengths = torch.linalg.vector_norm(descriptors, dim=2)
        torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=1e-3, rtol=0)
        for values in (outputs.keypoint_logits, places, descriptors, reliability):
            assert bool(torch.isfinite(values).all()), "outputs have values that are not finite"

    def test_every_weight_can_learn(self) -> None:
        """A gradient reaches each of them from what the losses see."""
        import torch

        _, network = self.build()
        outputs = network.train()(_images())
        positions = torch.rand(2, 50, 2) * torch.tensor(_SIZE)
        descriptors, reliability = outputs.describe(positions)
        terms = (outputs.keypoint_logits, outputs.place(positions), descriptors[..., 0], reliability)
        torch.autograd.backward([term.square().sum() for term in terms])

        idle = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
        assert not idle, f"no gradient reaches {', '.join(idle)}"

    def test_weights_come_back_as_they_were_written(self) -> None:
        """As safetensors: a file that runs code when it is read is no result to hand on."""
        import torch

        trainable, network = self.build(1)
        other = self.build(2)[1]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            trainable.save(network, path)
            content = path.read_bytes()
            trainable.load(other, path)

        header_bytes = int.from_bytes(content[:8], "little")
        assert content[8:9] == b"{", "the weights are no safetensors file"
        assert 8 + header_bytes < len(content), "the weights are no safetensors file"
        with torch.inference_mode():
            logits = [each.eval()(_images()).keypoint_logits for each in (network, other)]
        assert torch.equal(*logits), "the network that was read answers otherwise than the one that was written"

    def test_a_file_that_holds_something_else_is_refused(self) -> None:
        """With an error that the user can act on, and the network as it was."""
        import torch

        trainable, network = self.build()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            path.write_bytes(b"no weights at all")
            refusal = _refusal(lambda: trainable.load(network, path))

        assert refusal is not None, "a file of something else was read without an error"
        assert refusal.file == str(path), f"the error names {refusal.file}, not {path}"
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def _refusal(call: Callable[[], None]) -> ReconError | None:
    """Return the error with which a call is refused."""
    try:
        call()
    except ReconError as error:
        return error
    return None


def _images() -> torch.Tensor:
    """Return (2, 1, H, W) images of mean 0 and standard deviation 1."""
    import torch

    width, height = _SIZE
    return torch.randn(2, 1, height, width, generator=torch.Generator().manual_seed(0))
