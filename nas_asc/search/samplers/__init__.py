"""Samplers: which architecture to try next, given what came of the trials before."""

from collections.abc import Callable, Mapping
from functools import partial

from nas_asc.search.samplers.evolution import EvolutionSampler
from nas_asc.search.samplers.optuna_samplers import OptunaSampler, nsga2, tpe
from nas_asc.search.samplers.sampler import Outcome, Sampler, Scope, UniformSampler, draw
from nas_asc.search.samplers.surrogate import SurrogateSampler

__all__ = ["SAMPLERS", "Outcome", "Sampler", "Scope", "draw"]

# How samplers are made, by name.
SAMPLERS: Mapping[str, Callable[[Scope], Sampler]] = {
    "tpe": partial(OptunaSampler, tpe),
    "nsga2": partial(OptunaSampler, nsga2),
    "random": UniformSampler,
    "evolution": EvolutionSampler,
    "surrogate": SurrogateSampler,
}
