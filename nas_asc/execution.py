"""How a network's training is laid out in memory and in which precision it computes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas_asc.complexity import Complexity


@dataclass(frozen=True)
class Execution:
    """A way to compute the same training.

    Attributes:
        channels_last: Feature maps with the channels innermost (2-D networks only).
        bfloat16: Convolutions and linear layers in bfloat16 by autocast; weights stay float32.
    """

    channels_last: bool = False
    bfloat16: bool = False

    def lay_out(self, network: nn.Module) -> None:
        """Bring the weights into this order, in place."""
        if self.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # no stub

    def arrange(self, batch: Tensor) -> Tensor:
        """Bring a batch into this order."""
        if not self.channels_last or batch.dim() != 4:
            return batch
        _, channels, mels, frames = batch.shape
        if channels == 1:
            # with one channel both orders are the same bytes, and torch would take the plain one
            return batch.as_strided(batch.shape, (mels * frames, 1, frames, 1))
        return batch.contiguous(memory_format=torch.channels_last)

    def autocast(self, device: torch.device) -> torch.autocast:
        """Give the context in which the forward pass runs."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16)


PLAIN = Execution()


def execution_for(complexity: Complexity) -> Execution:
    """Choose the faster way to train a network, from its closed-form numbers alone.

    Nothing is timed, so that the same seed gives the same result on every run.
    """
    return Execution(channels_last=len(complexity.input_shapes[0]) == 3)
