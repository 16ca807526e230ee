"""One step of training as one module, so that all of it runs in the precision and on the devices that were chosen."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from recon.core.components import DenseOutputs
from recon.learning.losses import LossOptions, losses
from recon.learning.samples import Batch


class SealedBatch:
    """A batch that nobody looks into on its way: Fabric would round its positions, too, to the short numbers that only
    the network is to compute in."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class TrainingStep(nn.Module):
    """A network, and what is trained beside it to learn from a teacher."""

    def __init__(
        self, network: nn.Module, teacher_map: nn.Module | None = None, options: LossOptions | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.teacher_map = teacher_map
        self._options = options or LossOptions()

    def forward(self, sealed: SealedBatch) -> dict[str, Tensor]:
        """Return the losses of a batch, by name.

        The network computes in short numbers where that was chosen, the losses never do: there are similarities that
        differ by less than these can tell.
        """
        batch = sealed.batch
        kind = batch.images.device.type
        is_short = torch.is_autocast_enabled(kind)
        outputs = self.network(batch.images.contiguous(memory_format=torch.channels_last))
        with torch.autocast(kind, enabled=False):
            return losses(_InFull(outputs, kind, is_short), batch, self.teacher_map, self._options)

    def train(self, mode: bool = True) -> TrainingStep:
        """Set the mode; parts all of whose weights are frozen stay as they are when the network is used."""
        super().train(mode)
        for module in self.modules():
            parameters = list(module.parameters())
            if mode and parameters and not any(each.requires_grad for each in parameters):
                module.eval()
        return self


@dataclass(frozen=True, slots=True)
class _InFull:
    """Outputs of a network that may compute in short numbers, in float32."""

    outputs: DenseOutputs
    kind: str
    is_short: bool

    @property
    def keypoint_logits(self) -> Tensor:
        return self.outputs.keypoint_logits.float()

    def place(self, positions: Tensor) -> Tensor:
        return self.outputs.place(positions).float()

    def describe(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.kind, enabled=self.is_short):
            descriptors, reliability = self.outputs.describe(positions)
        return descriptors.float(), reliability.float()
