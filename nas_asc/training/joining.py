"""Training on stretches from anywhere in a recording whose parts are the clips of the data.

Conventions: features of a whole recording are computed once; a stretch of so many frames is cut out
anew for each batch by the augmentation `time_crop`. Its first and last frames see sound beyond it
where those of a clip see the clip reflected.
"""

from dataclasses import replace

import torch
from torch import Tensor

from nas_asc.datasets import Dataset, JoinedClips, join_training_clips
from nas_asc.features import MappedPages
from nas_asc.study import Recipe
from nas_asc.training.batches import Clips


def joined_training(recipe: Recipe, dataset: Dataset) -> tuple[Recipe, JoinedClips | None]:
    """Return how training clips are joined, if a recipe asks for it, and its crops of them then.

    Where they are not, or no two are of one recording, it is the recipe as it is, and None.
    """
    joined = join_training_clips(dataset) if recipe.join_clips else None
    return (with_crops(recipe, dataset.clip_s) if joined else recipe), joined


def with_crops(recipe: Recipe, clip_s: float) -> Recipe:
    """Return the recipe with time crops as long as a clip, or shorter ones that it has."""
    own = recipe.augmentations.get("time_crop", {"length_s": clip_s})
    crop = {**own, "length_s": min(own["length_s"], clip_s)}
    return recipe.model_copy(update={"augmentations": {**recipe.augmentations, "time_crop": crop}})


def joined_clips(
    training: Clips, joined: JoinedClips, inputs: tuple[Tensor, ...], pages: MappedPages | None
) -> Clips:
    """Return recordings in the place of the training clips that are their parts.

    Args:
        training: the clips of the data, without teachers.
        joined: how they are joined.
        inputs: features of the recordings, as of `Clips`.
        pages: of these.
    """
    firsts = torch.tensor([first for first, *_ in joined.parts])
    return replace(
        training,
        inputs=inputs,
        labels=training.labels[firsts],
        files=None,
        rows=None,
        pages=pages,
    )
