"""The training of one candidate.

Conventions: one seed decides everything (order, augmentations, dropout) and torch's global
generator is left as it was. The same seed, network and number of torch threads give the same
weights to the last bit, in any process.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn

from nas_asc.complexity import NOT_PRUNED, Pruning
from nas_asc.errors import TrainingError
from nas_asc.features import malloc_keeps_memory
from nas_asc.networks import Network, pruner_for
from nas_asc.study import Recipe
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.metrics import file_means, predict_proba, score
from nas_asc.training.parts import Parts, parts_of


@dataclass(frozen=True)
class EpochReport:
    """What is known after an epoch, from 1, `seconds` after the training began.

    Attributes:
        train_loss: mean over the epoch's augmented clips, so not comparable with `log_loss`.
        log_loss: on the validation clips (files, where clips are windows); None where they were not
            judged.
        accuracy: macro, 0 to 1, likewise.
    """

    epoch: int
    train_loss: float
    log_loss: float | None
    accuracy: float | None
    seconds: float


def shuffled(clips: int, epoch: int, generator: torch.Generator) -> Tensor:
    """Return the order of an epoch's clips: all of them, by chance."""
    return torch.randperm(clips, generator=generator)


@dataclass(frozen=True)
class Hooks:
    """What joins in while a network is trained.

    Attributes:
        order: gives the clips of an epoch in their order, by index, from their number, the epoch
            and a generator.
        pruning: which weights become zero on the way.
        validation: clips that are judged after `validation_epochs`; after each epoch if None.
        on_epoch: called after each epoch; training ends when it gives False.
    """

    order: Callable[[int, int, torch.Generator], Tensor] = shuffled
    pruning: Pruning = NOT_PRUNED
    validation: Clips | None = None
    validation_epochs: Collection[int] | None = None
    on_epoch: Callable[[EpochReport], bool] = lambda _: True


def train(
    network: nn.Module,
    data: Clips,
    recipe: Recipe,
    hooks: Hooks | None = None,
    *,
    epochs: int,
    seed: int,
    execution: Execution = PLAIN,
) -> list[EpochReport]:
    """Train a network that gives logits, (batch, class), in place and return its history.

    The weights of the last epoch are the result (their moving average, if the recipe has one): no
    epoch is picked by its validation score. The seed is of order, augmentations and dropout, the
    schedule is made for so many epochs, and the execution changes the result by rounding only.

    Raises:
        ConfigError: the recipe has a part that is not known, or not set as it may be.
        TrainingError: the loss is no longer a number.
        ValueError: there is no clip or no epoch, or a label is missing.
    """
    if len(data) == 0 or any(len(each) != len(data) for each in data.inputs) or epochs < 1:
        found = f"{[len(each) for each in data.inputs]} clips, {len(data)} labels, {epochs} epochs"
        raise ValueError(f"expected clips, as many labels and an epoch, found {found}")
    hooks = hooks or Hooks()
    began = perf_counter()
    device = next(network.parameters()).device
    data = data.to(device)
    parts = parts_of(recipe)
    forward = execution.forward_of(network)
    epoch_steps = recipe.epoch_steps(len(data))
    optimisation = Optimisation(network, recipe, parts, epochs, epoch_steps, hooks.pruning)
    generator = torch.Generator().manual_seed(seed)
    history: list[EpochReport] = []
    with torch.random.fork_rng(), malloc_keeps_memory():
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            network.train()
            total, clips = torch.zeros((), device=device), 0
            order = hooks.order(len(data), epoch, generator).to(device)
            steps = recipe.epoch_steps(len(order))
            for chosen in torch.split(order, recipe.batch_size)[:steps]:
                batch = data.batch(chosen)
                if parts.gain:
                    batch = parts.gain(batch, generator)
                if isinstance(network, Network):  # masks hide what is standardised
                    batch = replace(batch, inputs=network.prepare(*batch.inputs))
                for augment in parts.augmentations:
                    batch = augment(batch, generator)
                with execution.autocast(device):
                    logits = forward(*batch.inputs)
                loss = parts.loss(logits.float(), batch)
                optimisation.step(loss)
                total += loss.detach() * len(chosen)
                clips += len(chosen)
            mean = total.item() / clips
            if not isfinite(mean):
                raise TrainingError(
                    f"expected a finite loss, found {mean} in epoch {epoch} of {epochs}, lower "
                    f"recipe.learning_rate ({recipe.learning_rate}) or recipe.gradient_clip"
                )
            log_loss = accuracy = None
            judges = hooks.validation_epochs is None or epoch in hooks.validation_epochs
            if hooks.validation and judges:
                optimisation.finish()
                probabilities = predict_proba(network, hooks.validation.inputs)
                optimisation.resume()
                labels, files = hooks.validation.labels.numpy(), hooks.validation.files
                if files is not None:
                    probabilities, first = file_means(probabilities, files.numpy())
                    labels = labels[first]
                metrics = score(probabilities, labels)
                log_loss, accuracy = metrics.log_loss, metrics.accuracy
            history.append(EpochReport(epoch, mean, log_loss, accuracy, perf_counter() - began))
            if not hooks.on_epoch(history[-1]):
                break
    optimisation.finish()
    return history


class Optimisation:
    """What happens to the weights after each batch: gradient, schedule, pruning, moving average."""

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        parts: Parts,
        epochs: int,
        epoch_steps: int,
        pruning: Pruning,
    ) -> None:
        self.steps, self.done = epochs * epoch_steps, 0
        self._largest_norm = recipe.gradient_clip
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._optimizer = parts.optimizer(self._parameters, recipe.learning_rate)
        self._schedule = parts.schedule(self._optimizer, epochs, epoch_steps)
        self._pruner = pruner_for(network, pruning)
        self._average = MovingAverage(network, recipe.ema_decay) if recipe.ema_decay else None

    def step(self, loss: Tensor) -> None:
        """Change the weights to lessen a loss."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if self._largest_norm:
            nn.utils.clip_grad_norm_(self._parameters, self._largest_norm)
        self._optimizer.step()
        self.done += 1
        if self.done < self.steps:
            self._schedule.step()
        if self._pruner:
            self._pruner.after_step(self.done, self.steps)
        if self._average:
            self._average.update()

    def finish(self) -> None:
        """Leave the weights that count in the network: the average, if there is one."""
        if self._average:
            self._average.swap()
        if self._pruner:
            self._pruner.apply()

    def resume(self) -> None:
        """Put the weights that are trained back in place after `finish`."""
        if self._average:
            self._average.swap()


class MovingAverage:
    """Average the parameters and the batch norm statistics of a network over its steps.

    The decay grows to its full value as min(decay, (1 + step) / (10 + step)), so that a short
    training is not judged by its first weights. Tan and Le 2019 (arXiv 1905.11946) average the
    statistics too.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.step = decay, 0
        state = [*network.parameters(), *network.buffers()]
        self._live = [tensor.detach() for tensor in state if tensor.is_floating_point()]
        self._average = [tensor.clone() for tensor in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Update the average after one more step."""
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        self.step += 1
        torch._foreach_lerp_(self._average, self._live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the network's weights with the average; a second call puts them back."""
        for average, live in zip(self._average, self._live, strict=True):
            kept = live.clone()
            live.copy_(average)
            average.copy_(kept)
