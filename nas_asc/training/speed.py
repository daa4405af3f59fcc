"""How fast this machine trains, against the reference that plans are made for.

Measured on one core, or on the GPU, by a network of a report, as trainings are: the machine at rest
is a little faster than with all of its cores in use, or with several trials on its GPU.
"""

from time import perf_counter

import torch

from nas_asc.complexity import count
from nas_asc.networks import build
from nas_asc.spaces import load_space
from nas_asc.study import TrainingWork, load_study
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import execution_for
from nas_asc.training.device import give_back_memory, prepare
from nas_asc.training.loop import train

# A network of a report on clips of a second: enough arithmetic, and enough steps.
_SPACE, _MODEL, _CLIP_S, _CLASSES = "mbconv", "deepsound-32", 1.0, 10
_CLIPS, _BATCH_SIZE, _EPOCHS = 160, 16, 3


def measured_speed(device_name: str = "cpu") -> float:
    """Train a network for some seconds on a device; return its speed, 1 for the reference's core.

    Torch is left with one thread, as trainings have.
    """
    torch.set_num_threads(1)
    device = prepare(device_name)
    architecture = load_space(_SPACE).models[_MODEL].adapted(_CLASSES, _CLIP_S).architecture
    complexity = count(architecture, _CLASSES, _CLIP_S)
    network = build(architecture, _CLASSES, _CLIP_S).to(device)
    inputs = tuple(torch.zeros(_CLIPS, *each.shape[1:]) for each in network.example_inputs())
    clips = Clips(inputs, torch.arange(_CLIPS) % _CLASSES, _CLASSES)
    first = clips.subset(list(range(_BATCH_SIZE))).to(device)
    clips = clips.to(device)
    recipe = load_study("planned").recipe.model_copy(update={"batch_size": _BATCH_SIZE})
    way = execution_for(complexity, device)
    train(network, first, recipe, epochs=1, seed=0, execution=way)
    began = perf_counter()
    train(network, clips, recipe, epochs=_EPOCHS, seed=0, execution=way)
    seconds = perf_counter() - began  # each epoch ends with a value that a GPU is waited for
    give_back_memory(device)
    counted = (complexity.macs, complexity.macs_fvcore_total, complexity.weight_layers)
    planned = TrainingWork.of(*counted).training_s(_CLIPS, _EPOCHS, recipe)
    return float(f"{planned / seconds:.2g}")
