"""The training of one candidate.

Conventions: one seed decides everything (order, augmentations, dropout) and torch's global
generators are left as they were. The same seed, network and number of torch threads give the same
weights to the last bit, in any process, on processors or GPUs of one kind. It is computed on the
device where the network is, and a step does not wait for that: order and clips lie there, and the
loss is asked for once an epoch.
"""

from collections.abc import Callable, Collection
from copy import deepcopy
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor, nn

from nas_asc.complexity import NOT_PRUNED, Pruning
from nas_asc.errors import ConfigError, DivergedError
from nas_asc.features import malloc_keeps_memory
from nas_asc.networks import Network
from nas_asc.study import Recipe, trial_seed
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.checkpoint import Checkpoint
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.cuda_graphs import GraphedStep, Outputs
from nas_asc.training.curriculum import difficulty, first_recipe, in_stages
from nas_asc.training.device import moved, random_states, set_random_states
from nas_asc.training.history import EpochReport, Selection
from nas_asc.training.metrics import file_means, predict_proba, score
from nas_asc.training.optimisation import Optimisation
from nas_asc.training.orders import Order
from nas_asc.training.parts import parts_of


@dataclass(frozen=True)
class Hooks:
    """What joins in while a network is trained.

    Attributes:
        order: gives all clips in the order of the epochs from one on, by index, from their number,
            that epoch and a generator; None for that of the recipe.
        pruning: which weights become zero on the way.
        precision: what the weights will be stored as; int8 for training with fake quantization.
        validation: clips that are judged after `validation_epochs`; after each epoch if None, or if
            the recipe asks for it.
        on_epoch: called after each epoch.
        go_on_from: where another training, of the same network with the same arguments, was.
        on_checkpoint: called after each epoch, before `on_epoch`, with its number and a function
            that says where the training is.
    """

    order: Order | None = None
    pruning: Pruning = NOT_PRUNED
    precision: str = "float32"
    validation: Clips | None = None
    validation_epochs: Collection[int] | None = None
    on_epoch: Callable[[EpochReport], None] = lambda _: None
    go_on_from: Checkpoint | None = None
    on_checkpoint: Callable[[int, Callable[[], Checkpoint]], None] = lambda *_: None


def train(
    network: nn.Module,
    data: Clips,
    recipe: Recipe,
    hooks: Hooks | None = None,
    *,
    epochs: int,
    seed: int,
    until: int | None = None,
    execution: Execution = PLAIN,
) -> list[EpochReport]:
    """Train a network that gives logits, (batch, class), in place and return its history.

    The weights of the last epoch are the result (their moving average, if the recipe has one): no
    epoch is picked by its validation score, unless the recipe says so. The seed is of order,
    augmentations and dropout, the schedule is made for so many epochs, of which those `until` one
    are done, fewer if the recipe ends them, and the execution changes the result by rounding only.

    Raises:
        ConfigError: the recipe has a part that is not known, or not set as it may be, or asks for
            validation clips that are not there.
        DivergedError: the loss, or that of validation clips, is no longer a number.
        ValueError: there is no clip or no epoch, or a label is missing.
    """
    if len(data) == 0 or any(each != len(data) for each in data.input_lengths) or epochs < 1:
        found = f"{data.input_lengths} clips, {len(data)} labels, {epochs} epochs"
        raise ValueError(f"expected clips, as many labels and an epoch, found {found}")
    hooks = hooks or Hooks()
    began = perf_counter()
    device = next(network.parameters()).device
    data = data.to(device)
    validation = hooks.validation and hooks.validation.to(device)
    parts = parts_of(recipe)
    forward = execution.forward_of(network)
    most = min(recipe.epoch_clips or len(data), len(data))
    epoch_steps = recipe.epoch_steps(len(data))
    order_of, hard = hooks.order or parts.order, None
    if recipe.curriculum:
        if hooks.go_on_from:
            hard = hooks.go_on_from.tensors["difficulty"]
        else:
            hard = _difficulty(network, data, recipe, hooks, epochs, seed, execution)
        order_of = in_stages(order_of, hard, data.labels.cpu(), recipe.curriculum, epochs)
    optimisation = Optimisation(
        network, recipe, parts, epochs, epoch_steps, hooks.pruning, hooks.precision
    )
    selection = Selection(recipe, epochs, hooks.pruning)
    judges_each = selection.judges or optimisation.judges
    if judges_each and not validation:
        raise ConfigError(
            "recipe: expected validation clips for its stop, keep or schedule, got none"
        )
    generator = torch.Generator().manual_seed(seed)
    history: list[EpochReport] = []
    ahead = torch.empty(0, dtype=torch.int64)  # clips of epochs to come

    def gradient_of(batch: Batch) -> Outputs:
        with execution.autocast(device):
            logits = forward(*batch.inputs)
        loss = parts.loss(logits.float(), batch)
        return loss.detach(), optimisation.gradient(loss)

    compute = GraphedStep(gradient_of, network) if execution.cuda_graphs else gradient_of

    def checkpoint() -> Checkpoint:
        tensors, numbers = optimisation.state()
        tensors |= {"order": generator.get_state(), **random_states(device)}
        tensors |= {"ahead": ahead} if hard is None else {"ahead": ahead, "difficulty": hard}
        return Checkpoint(tensors, {**numbers, "history": [vars(report) for report in history]})

    # the generators of GPUs that are not in use stay untouched: to ask for one would start CUDA
    forked = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(forked), malloc_keeps_memory():
        torch.manual_seed(seed)
        if before := hooks.go_on_from:
            optimisation.put_back(before.tensors, before.numbers)
            generator.set_state(before.tensors["order"])
            set_random_states(before.tensors, device)
            ahead = before.tensors["ahead"]
            history = [EpochReport(**report) for report in before.numbers["history"]]
            began -= history[-1].seconds
        for epoch in range(len(history) + 1, (until or epochs) + 1):
            if selection.has_ended(history):
                break
            network.train()
            total, clips = torch.zeros((), device=device), 0
            if len(ahead) < most:
                ahead = torch.cat([ahead, order_of(len(data), epoch, generator)])
            order, ahead = moved(ahead[:most], device), ahead[most:]
            steps = recipe.epoch_steps(len(order))
            for chosen in torch.split(order, recipe.batch_size)[:steps]:
                batch = data.batch(chosen)
                for augment in parts.before_standardisation:
                    batch = augment(batch, generator)
                if isinstance(network, Network):  # masks hide what is standardised
                    batch = replace(batch, inputs=network.prepare(*batch.inputs))
                for augment in parts.augmentations:
                    batch = augment(batch, generator)
                with optimisation.weights_in_use():
                    loss, gradient = compute(batch)
                total += loss * len(chosen)
                optimisation.step(gradient)
                clips += len(chosen)
            mean = total.item() / clips
            if not isfinite(mean):
                raise DivergedError(
                    f"expected a finite loss, found {mean} in epoch {epoch} of {epochs}, lower "
                    f"recipe.learning_rate ({recipe.learning_rate}) or recipe.gradient_clip"
                )
            report = EpochReport(epoch, mean, None, None, 0.0)
            judges = hooks.validation_epochs is None or epoch in hooks.validation_epochs
            if validation and (judges or judges_each):
                optimisation.finish()
                log_loss, accuracy = _judged(network, validation)
                report = replace(report, log_loss=log_loss, accuracy=accuracy)
                if selection.is_best([*history, report]):
                    optimisation.keep()
                optimisation.resume()
                optimisation.judged(log_loss)
                if not isfinite(log_loss):  # of a last step whose gradient was not
                    raise DivergedError(
                        f"expected a finite loss of validation clips, found {log_loss} after epoch "
                        f"{epoch} of {epochs}, lower recipe.learning_rate ({recipe.learning_rate})"
                    )
            history.append(replace(report, seconds=perf_counter() - began))
            hooks.on_checkpoint(epoch, checkpoint)
            hooks.on_epoch(history[-1])
    optimisation.end()
    return history


def _difficulty(
    network: nn.Module,
    data: Clips,
    recipe: Recipe,
    hooks: Hooks,
    epochs: int,
    seed: int,
    execution: Execution,
) -> Tensor:
    """Train a first model as the curriculum says; return how hard each clip is to it, (clip,)."""
    first_model = deepcopy(network)
    train(
        first_model,
        data,
        first_recipe(recipe),
        Hooks(hooks.order, validation=hooks.validation, validation_epochs=()),
        epochs=recipe.first_epochs(epochs),
        seed=trial_seed(seed, 0, "curriculum"),
        execution=execution,
    )
    return difficulty(first_model, data)


def _judged(network: nn.Module, clips: Clips) -> tuple[float, float]:
    """Return log loss and accuracy on clips, of their files where they are windows."""
    probabilities, labels = predict_proba(network, clips), clips.labels.cpu().numpy()
    if clips.files is not None:
        probabilities, first = file_means(probabilities, clips.files.numpy())
        labels = labels[first]
    metrics = score(probabilities, labels)
    return metrics.log_loss, metrics.accuracy
