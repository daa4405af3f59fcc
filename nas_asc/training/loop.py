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
from nas_asc.networks import Network
from nas_asc.study import Recipe
from nas_asc.training.batches import Clips, shuffled
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.metrics import predict_proba, score
from nas_asc.training.optimisation import Optimisation
from nas_asc.training.parts import parts_of


@dataclass(frozen=True)
class EpochReport:
    """What is known after an epoch.

    Attributes:
        epoch: Epochs done, from 1.
        train_loss: Mean over the epoch's augmented clips, so not comparable with `log_loss`.
        log_loss: On the validation clips, None where they were not judged.
        accuracy: Macro, 0 to 1, likewise.
        seconds: Since the training began.
    """

    epoch: int
    train_loss: float
    log_loss: float | None
    accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class Hooks:
    """What joins in while a network is trained.

    Attributes:
        order: Gives the clips of an epoch in their order, by index, from their number, the epoch
            and a generator.
        pruning: Which weights become zero on the way.
        validation: Clips that are judged after epochs.
        validation_epochs: After which; after each if None.
        on_epoch: Called after each epoch; training ends when it gives False.
    """

    order: Callable[[int, int, torch.Generator], Tensor] = shuffled
    pruning: Pruning = NOT_PRUNED
    validation: Clips | None = None
    validation_epochs: Collection[int] | None = None
    on_epoch: Callable[[EpochReport], bool] = lambda _: True


NO_HOOKS = Hooks()


def train(
    network: nn.Module,
    data: Clips,
    recipe: Recipe,
    hooks: Hooks = NO_HOOKS,
    *,
    epochs: int,
    seed: int,
    execution: Execution = PLAIN,
) -> list[EpochReport]:
    """Train a network in place and return its history.

    The weights of the last epoch are the result (their moving average, if the recipe has one): no
    epoch is picked by its validation score. A last batch that is not full is left out.

    Args:
        network: Gives logits, (batch, class); initialised by the caller.
        data: What it learns from.
        recipe: Optimisation, loss and augmentations.
        hooks: What joins in.
        epochs: What the schedule is made for.
        seed: Of order, augmentations and dropout.
        execution: Layout and precision, which change the result by rounding only.

    Raises:
        ConfigError: The recipe has a part that is not known, or not set as it may be.
        TrainingError: The loss is no longer a number.
        ValueError: There is no clip or no epoch, or a label is missing.
    """
    if len(data) == 0 or any(len(each) != len(data) for each in data.inputs) or epochs < 1:
        found = f"{[len(each) for each in data.inputs]} clips, {len(data)} labels, {epochs} epochs"
        raise ValueError(f"expected clips, as many labels and an epoch, found {found}")
    began = perf_counter()
    device = next(network.parameters()).device
    data = data.to(device)
    parts = parts_of(recipe)
    forward = execution.forward_of(network)
    epoch_steps = max(1, len(data) // recipe.batch_size)
    optimisation = Optimisation(network, recipe, parts, epochs, epoch_steps, hooks.pruning)
    generator = torch.Generator().manual_seed(seed)
    history: list[EpochReport] = []
    with torch.random.fork_rng(), malloc_keeps_memory():
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            network.train()
            total = torch.zeros((), device=device)
            order = hooks.order(len(data), epoch, generator).to(device)
            steps = max(1, len(order) // recipe.batch_size)
            for chosen in torch.split(order, recipe.batch_size)[:steps]:
                batch = data.batch(chosen)
                if isinstance(network, Network):  # masks hide what is standardised
                    batch = replace(batch, inputs=network.prepare(*batch.inputs))
                for augment in parts.augmentations:
                    batch = augment(batch, generator)
                with execution.autocast(device):
                    logits = forward(*batch.inputs)
                loss = parts.loss(logits.float(), batch)
                optimisation.step(loss)
                total += loss.detach()
            mean = total.item() / steps
            if not isfinite(mean):
                raise TrainingError(
                    f"expected a finite loss, found {mean} in epoch {epoch} of {epochs}, lower "
                    f"recipe.learning_rate ({recipe.learning_rate}) or recipe.gradient_clip"
                )
            log_loss = accuracy = None
            judges = hooks.validation_epochs is None or epoch in hooks.validation_epochs
            if hooks.validation and judges:
                with optimisation.evaluated_weights():
                    probabilities = predict_proba(network, hooks.validation.inputs)
                metrics = score(probabilities, hooks.validation.labels.numpy())
                log_loss, accuracy = metrics.log_loss, metrics.accuracy
            history.append(EpochReport(epoch, mean, log_loss, accuracy, perf_counter() - began))
            if not hooks.on_epoch(history[-1]):
                break
    optimisation.finish()
    return history
