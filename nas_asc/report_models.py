"""The report models of a space as the first trials of a search in it."""

from collections.abc import Callable

from nas_asc.architecture import Architecture
from nas_asc.budget import Budget
from nas_asc.complexity import Complexity
from nas_asc.samplers import trial_seed
from nas_asc.space import SearchSpace
from nas_asc.trials import Trial


def seed_trials(
    space: SearchSpace,
    budget: Budget,
    measure: Callable[[Architecture], Complexity],
    seed: int,
    n_classes: int | None = None,
) -> tuple[list[Trial], list[dict[str, object]]]:
    """Make the trials of the report models that fit the budget, and list those that do not.

    Args:
        space: whose models.
        budget: what they must fit.
        measure: counts an architecture.
        seed: of the study.
        n_classes: of the data, to which they are adapted; None leaves them as they are.

    Returns:
        The trials, by multiply-accumulates from few to many; and model, size_bytes, macs and the
        limit that binds of the others.
    """
    architectures = {
        model.id: model.architecture if n_classes is None else model.adapted(n_classes)
        for model in space.models.values()
    }
    counted = [(measure(architectures[m.id]), m) for m in space.models.values()]
    counted.sort(key=lambda pair: (pair[0].macs, pair[1].id))
    fitting: list[Trial] = []
    over: list[dict[str, object]] = []
    for complexity, model in counted:
        binds = budget.exceeded(complexity)
        if binds is not None:
            over.append(
                {
                    "model": model.id,
                    "size_bytes": complexity.size_bytes,
                    "macs": complexity.macs,
                    "binds": binds,
                }
            )
        elif all(architectures[model.id] != trial.architecture for trial in fitting):
            fitting.append(
                Trial(
                    number=len(fitting),
                    architecture=architectures[model.id],
                    model=model.id,
                    seed=trial_seed(seed, len(fitting), "training"),
                    complexity=complexity.to_dict(),
                    state="waiting",
                )
            )
    return fitting, over
