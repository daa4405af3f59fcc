"""The training of one candidate.

Conventions: one seed decides everything (order, augmentations, dropout) and torch's global
generator is left as it was. The same seed, network and number of torch threads give the same
weights to the last bit, in any process.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from nas_asc.augmentations import mixup, spec_augment, time_shift
from nas_asc.errors import TrainingError
from nas_asc.evaluation import Inputs, each_of, predict_proba, score
from nas_asc.execution import PLAIN, Execution, malloc_keeps_memory
from nas_asc.network import Network
from nas_asc.optimisation import Optimisation
from nas_asc.pruning_counts import NOT_PRUNED, Pruning
from nas_asc.recipe import Recipe


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


def train(
    network: nn.Module,
    inputs: Inputs,
    labels: Tensor,
    recipe: Recipe,
    *,
    epochs: int,
    seed: int,
    n_classes: int,
    pruning: Pruning = NOT_PRUNED,
    validation: tuple[Inputs, Tensor] | None = None,
    judged_epochs: Collection[int] | None = None,
    report: Callable[[EpochReport], bool] | None = None,
    execution: Execution = PLAIN,
    second_plane: bool = False,
) -> list[EpochReport]:
    """Train a network in place and give its course.

    The weights of the last epoch are the result (their moving average, if the recipe has one): no
    epoch is picked by its validation score. A last batch that is not full is left out.

    Args:
        network: Gives logits, (batch, class); initialised by the caller.
        inputs: Features in memory, (clip, ...), any floating type; a tuple of them where a network
            has several inputs. Only the first is shifted and masked; all are mixed.
        labels: Class of each clip, int64, (clip,).
        recipe: Optimisation and augmentation.
        epochs: What the schedule is made for.
        seed: Of order, augmentations and dropout.
        n_classes: Of the network.
        pruning: Which weights become zero on the way.
        validation: Inputs and labels that are judged after epochs.
        judged_epochs: After which epochs; after each if None.
        report: Called after each epoch; training ends when it gives False.
        execution: Layout and precision, which change the result by rounding only.
        second_plane: Whether the first input's second channel is a transposed spectrogram.

    Raises:
        TrainingError: The loss is no longer a number.
        ValueError: There is no clip or no epoch, or a label is missing.
    """
    parts = each_of(inputs)
    clips = len(parts[0])
    if clips == 0 or any(len(each) != clips for each in (*parts, labels)) or epochs < 1:
        found = f"{clips} clips, {len(labels)} labels, {epochs} epochs"
        raise ValueError(f"expected clips, as many labels and an epoch, found {found}")
    began = perf_counter()
    device = next(network.parameters()).device
    parts = tuple(each.to(device) for each in parts)
    targets = one_hot(labels, n_classes).to(device, torch.float32)
    forward = execution.forward_of(network)
    steps = max(1, clips // recipe.batch_size)
    optimisation = Optimisation(network, recipe, epochs * steps, pruning)
    generator = torch.Generator().manual_seed(seed)
    course: list[EpochReport] = []
    with torch.random.fork_rng(), malloc_keeps_memory():
        torch.manual_seed(seed)
        for epoch in range(1, epochs + 1):
            network.train()
            total = torch.zeros((), device=device)
            order = torch.randperm(clips, generator=generator).to(device)
            for chosen in torch.split(order, recipe.batch_size)[:steps]:
                batch = tuple(each[chosen].float() for each in parts)
                if isinstance(network, Network):
                    batch = network.prepare(*batch)  # masks hide what is standardised
                batch, wanted = augment(batch, targets[chosen], recipe, generator, second_plane)
                with execution.autocast(device):
                    logits = forward(*batch)
                loss = cross_entropy(logits.float(), wanted, label_smoothing=recipe.label_smoothing)
                optimisation.step(loss)
                total += loss.detach()
            mean = total.item() / steps
            if not isfinite(mean):
                raise TrainingError(
                    f"expected a finite loss, found {mean} in epoch {epoch} of {epochs}, lower "
                    f"recipe.learning_rate ({recipe.learning_rate}) or recipe.gradient_clip"
                )
            log_loss = accuracy = None
            if validation and (judged_epochs is None or epoch in judged_epochs):
                with optimisation.evaluated_weights():
                    judged = score(predict_proba(network, validation[0]), validation[1].numpy())
                log_loss, accuracy = judged.log_loss, judged.accuracy
            course.append(EpochReport(epoch, mean, log_loss, accuracy, perf_counter() - began))
            if report and not report(course[-1]):
                break
    optimisation.finish()
    return course


def augment(
    inputs: tuple[Tensor, ...],
    targets: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    second_plane: bool = False,
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Apply a recipe's augmentations to a batch.

    Args:
        inputs: Of the network, (batch, ...) each. What stands beside the first is a summary of the
            clip, which neither shift nor masks may change, and follows mixup only.
        targets: (batch, class).
        recipe: Which augmentations, and how strong.
        generator: On the CPU.
        second_plane: Whether the first input's second channel is a transposed spectrogram.
    """
    batch, *others = inputs
    if recipe.time_shift:
        batch = time_shift(batch, recipe.time_shift, generator, second_plane)
    if recipe.mel_masks or recipe.frame_masks:
        batch = spec_augment(
            batch,
            generator,
            mel_masks=recipe.mel_masks,
            mel_mask_width=recipe.mel_mask_width,
            frame_masks=recipe.frame_masks,
            frame_mask_width=recipe.frame_mask_width,
        )
    if recipe.mixup_alpha:
        batch, targets, *others = mixup(batch, targets, recipe.mixup_alpha, generator, *others)
    return (batch, *others), targets
