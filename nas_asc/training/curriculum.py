"""A curriculum: easy clips first, by their loss under a first model.

A network that has been trained for a while, as the one to be trained will be, says how hard a clip
is (bootstrapping, in Hacohen and Weinshall 2019, arXiv 1904.03626). As there, each class keeps its
share of the clips, or the first stage might have the easiest class alone; and the stages are steps.
Settings are those of `Curriculum` in the room of studies.
"""

import torch
from torch import Tensor, nn

from nas_asc.study import Curriculum, Recipe
from nas_asc.training.batches import Clips
from nas_asc.training.metrics import SMALLEST, predict_proba
from nas_asc.training.orders import Order


def first_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe of the first model, which sees all clips and keeps its last weights."""
    return recipe.model_copy(update={"curriculum": None, "stop": None, "keep": None})


def difficulty(first_model: nn.Module, clips: Clips) -> Tensor:
    """Compute the log loss of each clip under a trained model, float64, (clip,), on the CPU."""
    probabilities = torch.from_numpy(predict_proba(first_model, clips))
    true = probabilities.gather(1, clips.labels.cpu()[:, None])[:, 0]
    return -true.clamp(min=SMALLEST).log()


def easiest(difficulty: Tensor, labels: Tensor, stage: int, stages: int) -> Tensor:
    """Return the easiest stage / stages of the clips of each class, rounded up, in their order.

    Difficulty and labels are (clip,), on the CPU; of equal clips the first is the easier one.
    """
    chosen = []
    for label in torch.unique(labels):
        of_class = (labels == label).nonzero()[:, 0]
        count = -(-len(of_class) * stage // stages)
        chosen.append(of_class[difficulty[of_class].argsort(stable=True)[:count]])
    return torch.cat(chosen).sort().values


def in_stages(
    order: Order, difficulty: Tensor, labels: Tensor, curriculum: Curriculum, epochs: int
) -> Order:
    """Return an order that draws from the easy clips only, for as long as the curriculum says.

    It gives as many clips as the order does, those of a stage several times; each time anew.
    """

    def of_stage(clips: int, epoch: int, generator: torch.Generator) -> Tensor:
        stage = curriculum.stage(epoch, epochs)
        chosen = easiest(difficulty, labels, stage, curriculum.stages)
        passes = -(-clips // len(chosen))
        drawn = [chosen[order(len(chosen), epoch, generator)] for _ in range(passes)]
        return torch.cat(drawn)[:clips]

    return of_stage
