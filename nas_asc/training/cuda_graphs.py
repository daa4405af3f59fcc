"""A training step as a CUDA graph: all of its kernels are launched by one call.

A kernel of a small network is over in microseconds, and to launch it from Python takes longer: the
GPU waits for most of a step. What is recorded is the forward pass, the loss, the backward pass and
the gradient, all of which read and write the same memory in every step. What changes from step to
step stays outside: how a batch is made, the numbers of the schedule, pruning.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from nas_asc.training.batches import Batch
from nas_asc.training.device import random_states, set_random_states

# The loss of a batch and the gradient of all weights, neither of which has a gradient of its own.
Outputs = tuple[Tensor, Tensor]

_WARM_UPS = 3  # runs in which libraries choose algorithms and take memory, which graphs may not

_log = logging.getLogger(__name__)


def record(step: Callable[[], Outputs]) -> tuple[Outputs, Callable[[], None]]:
    """Record a step that reads fixed tensors; return what it writes, and what runs it again.

    Runs it a few times; at last without computing anything. As in PyTorch's notes on CUDA graphs,
    on a stream of their own: work on the default one is not recorded.
    """
    stream = torch.cuda.current_stream()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # of PyTorch
    side.wait_stream(stream)
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            step()
    stream.wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            outputs = step()
    finally:
        torch.cuda.set_stream(stream)  # where recording fails, it is left on its own
    return outputs, graph.replay


class GraphedStep:
    """Runs a step for each batch: recorded once for the shape of the first one, then replayed.

    A batch of another shape, such as the last one of an epoch, is computed without the graph, and
    so are all where recording fails. The outputs of a replay hold until the next one.
    """

    def __init__(self, step: Callable[[Batch], Outputs], network: nn.Module) -> None:
        """Prepare for a step that changes nothing of a network but its buffers."""
        self._step, self._network = step, network
        self._fixed: Batch | None = None  # what the graph reads
        self._outputs: Outputs | None = None
        self._replay: Callable[[], None] = lambda: None
        self._tried = False

    def __call__(self, batch: Batch) -> Outputs:
        """Compute the loss of a batch and its gradient."""
        if not self._tried:
            self._tried = True
            self._record(batch)
        fixed, outputs = self._fixed, self._outputs
        if fixed is None or outputs is None or fixed.targets.shape != batch.targets.shape:
            return self._step(batch)
        for place, values in zip(_tensors(fixed), _tensors(batch), strict=True):
            place.copy_(values)
        self._replay()
        return outputs

    def _record(self, batch: Batch) -> None:
        """Record the step, and undo what that did to buffers and generators.

        Raises:
            RuntimeError: the GPU's memory is full.
        """
        device = batch.targets.device
        states = random_states(device)
        before = [(buffer, buffer.clone()) for buffer in self._network.buffers()]
        inputs = tuple(each.clone() for each in batch.inputs)
        teacher = batch.teacher if batch.teacher is None else batch.teacher.clone()
        fixed = replace(batch, inputs=inputs, targets=batch.targets.clone(), teacher=teacher)
        try:
            self._outputs, self._replay = record(lambda: self._step(fixed))
            self._fixed = fixed
        except RuntimeError as error:
            if "out of memory" in str(error):
                raise
            _tell_once(str(error).partition("\n")[0])
        for buffer, values in before:
            buffer.copy_(values)
        set_random_states(states, device)


def _tensors(batch: Batch) -> tuple[Tensor, ...]:
    given = (*batch.inputs, batch.targets)
    return given if batch.teacher is None else (*given, batch.teacher)


@cache
def _tell_once(reason: str) -> None:
    _log.warning("training steps are not recorded as CUDA graphs, and slower: %s", reason)
