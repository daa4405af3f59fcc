"""A model of the loss that screens thousands of candidates for each trial that is trained.

Extremely randomised trees (Geurts et al. 2006) learn the logarithm of the loss from the choices and
the closed-form costs of the trials so far. Of a trial that rests at a rung the loss in the end is
taken to differ from that at the rung as it did, on average, of those that went on. What the trees
say of a candidate, mean and spread, is taken as a normal distribution. The size of a candidate is
known exactly, so what it can be expected to add to the hypervolume of the front has a closed form,
and the candidates are suggested in the order of that.

Conventions: the hypervolume is that of the results, log2 of the size against the loss, from the
budget and the loss of guessing. Trials that have not ended count as points of the front where the
trees expect them, so that trials of the same time are not the same.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas_asc.architectures import Architecture, Value
from nas_asc.complexity import Complexity
from nas_asc.reports import Candidate
from nas_asc.results import SMALLEST_SIZE_BYTES
from nas_asc.search.samplers.sampler import Outcome, Scope, draw, first_front
from nas_asc.spaces import SearchSpace, one_choice_mutations
from nas_asc.study import trial_seed

Floats = NDArray[np.float64]

_LEAST_TRIALS = 4  # below this it draws at random
_TREES = 64
_DRAWS = 2000  # those that fit are candidates, the same for some trials
_DRAWN_FOR = (16, 256)  # trials, of the first 256 and later: then the front's mutations matter more
_MUTATIONS = 1500  # of the front, for each trial
_REMEMBERED = 10_000  # candidates that are not counted again
_LEAST_LOSS = 1e-3  # an error of zero has no logarithm
_LEAST_SPREAD = 0.03  # of the log loss: two trainings of one network differ by more


class _Counted(NamedTuple):
    """An architecture, its size, and what trees are told of it."""

    architecture: Architecture
    size_bytes: int
    row: NDArray[np.float32]


class SurrogateSampler:
    """Suggests what adds most to the front by the trees' word."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._encoding = _Encoding(scope.space)
        self._accepted: dict[int, _Counted] = {}
        self._losses: dict[int, dict[float, float]] = {}  # by trial and share of the epochs
        self._sizes: dict[int, float] = {}
        self._failed: set[int] = set()
        self._drawn = lru_cache(maxsize=1)(self._fitting_draws)
        # most mutations of a front were among those of the front before
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._counted)

    def propose(self, number: int) -> Iterator[Architecture]:
        """Yield candidates that fit the budget and are new, the most promising first."""
        rng = random.Random(self._scope.random_seed(number))
        yield from self._ranked(number, rng)
        yield from draw(self._scope.space, rng.getrandbits(32))

    def accept(self, number: int, architecture: Candidate) -> None:
        """Note which architecture a trial has."""
        if isinstance(architecture, Architecture):  # an ensemble is no point of the space
            cost = self._scope.measure(architecture)
            self._accepted[number] = self._encoding.counted(architecture, cost)

    def report(self, number: int, outcome: Outcome, share: float = 1.0) -> None:
        """Note what came of a trial after a share of its epochs."""
        if isinstance(outcome, str):
            self._failed.add(number)
            self._losses.pop(number, None)
        elif number in self._accepted:
            loss, self._sizes[number] = outcome
            self._losses.setdefault(number, {})[share] = float(np.log(max(loss, _LEAST_LOSS)))

    def _ranked(self, number: int, rng: random.Random) -> Iterator[Architecture]:
        """Yield the candidates for a trial that are new, the most promising first.

        Those that were yielded count as points where the trees expect them.
        """
        known, expected = self._accepted, expected_losses(self._losses)
        if len(expected) < _LEAST_TRIALS:
            return
        told = [known[n] for n in expected]
        losses = np.array([*expected.values()])
        points = [(loss, self._sizes[number]) for number, loss in expected.items()]
        parents = [told[at].architecture for at in first_front(points)]
        mutated = one_choice_mutations(self._scope.space, parents, rng)
        near = self._fitting(islice(mutated, _MUTATIONS))
        few, many = _DRAWN_FOR
        block = number // few if number < many else many // few + number // many
        candidates = [*self._drawn(block), *near]
        if not candidates:
            return
        waiting = [e for n, e in known.items() if n not in expected and n not in self._failed]
        means, spreads = _forecast(
            np.array([each.row for each in told]),
            losses,
            np.array([each.row for each in (*waiting, *candidates)]),
            rng.getrandbits(32),
        )
        ahead, sizes = len(waiting), _log_sizes([each.size_bytes for each in candidates])
        sizes_there = _log_sizes([each.size_bytes for each in (*told, *waiting)])
        losses_there = np.exp(np.append(losses, means[:ahead]))
        means, spreads = means[ahead:], spreads[ahead:]
        limit = self._scope.budget.size_bytes
        end = max(sizes_there.max(), sizes.max()) if limit is None else _log_sizes([limit])[0]
        known_keys = {each.architecture.key for each in known.values()}
        left = np.ones(len(candidates), dtype=bool)
        while True:
            gains = expected_gains(
                *(sizes_there, losses_there, sizes, means, spreads),
                *(end, self._scope.guessing_loss),
            )
            while left.any():
                best = int(np.argmax(np.where(left, gains, -1.0)))
                left[best] = False
                if candidates[best].architecture.key not in known_keys:
                    break
            else:
                return
            known_keys.add(candidates[best].architecture.key)
            yield candidates[best].architecture
            sizes_there = np.append(sizes_there, sizes[best])
            losses_there = np.append(losses_there, np.exp(means[best]))

    def _fitting_draws(self, block: int) -> list[_Counted]:
        """Draw candidates for a block of trials: counting them takes longer than ranking them."""
        seed = trial_seed(self._scope.seed, block, "candidates")
        return self._fitting(islice(draw(self._scope.space, seed), _DRAWS))

    def _fitting(self, architectures: Iterable[Architecture]) -> list[_Counted]:
        counted = map(self._remembered, architectures)
        return [each for each in counted if each is not None]

    def _counted(self, architecture: Architecture) -> _Counted | None:
        """Return an architecture with its row; None where it may not be trained."""
        cost = self._scope.fitting(architecture)
        return None if cost is None else self._encoding.counted(architecture, cost)


class _Encoding:
    """Architectures as rows of numbers.

    An ordered choice is its rank from 1, another one has a column per option; what is not active is
    0. The last columns are logarithms of costs.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._codes: dict[tuple[str, Value], tuple[int, int]] = {}
        width = 0
        for parameter in space.parameters():
            for rank, option in enumerate(parameter.options):
                code = (width, rank + 1) if parameter.ordered else (width + rank, 1)
                self._codes[parameter.path, option] = code
            width += 1 if parameter.ordered else len(parameter.options)
        self._width = width

    def counted(self, architecture: Architecture, cost: Complexity) -> _Counted:
        """Return an architecture with its row."""
        codes, row = self._codes, np.zeros(self._width + 4, np.float32)
        choices: Mapping[str, Value] = architecture.choices
        if any(choice not in codes for choice in choices.items()):  # exact values of a report
            choices = self._space.options_of(architecture)
        for choice in choices.items():
            column, value = codes[choice]
            row[column] = value
        costs = (cost.size_bytes, cost.params, cost.macs, cost.macs_fvcore_total)
        row[self._width :] = np.log1p(costs)
        return _Counted(architecture, cost.size_bytes, row)


def expected_losses(losses: Mapping[int, Mapping[float, float]]) -> dict[int, float]:
    """Return the loss of each trial that is to be expected in the end.

    By trial, from losses by trial and share of the epochs; all are logarithms.
    """
    shares = sorted({share for of_trial in losses.values() for share in of_trial} | {1.0})
    to_come = dict.fromkeys(shares, 0.0)  # what is added from a share on
    for before, after in reversed([*pairwise(shares)]):
        both = [each for each in losses.values() if before in each and after in each]
        changes = [each[after] - each[before] for each in both]
        to_come[before] = to_come[after] + (float(np.mean(changes)) if changes else 0.0)
    latest = {number: max(of_trial) for number, of_trial in losses.items()}
    return {number: losses[number][share] + to_come[share] for number, share in latest.items()}


def _forecast(
    rows: NDArray[np.float32], targets: Floats, candidates: NDArray[np.float32], seed: int
) -> tuple[Floats, Floats]:
    """Return what trees that learnt rows and targets say of candidates: mean and spread."""
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(_TREES, max_features="sqrt", n_jobs=1, random_state=seed).fit(
        rows, targets
    )
    said = np.array([tree.tree_.predict(candidates)[:, 0] for tree in forest.estimators_])
    return said.mean(axis=0), np.maximum(said.std(axis=0), _LEAST_SPREAD)


def _log_sizes(sizes_bytes: Sequence[float]) -> Floats:
    logarithms: Floats = np.log2(np.maximum(sizes_bytes, float(SMALLEST_SIZE_BYTES)))
    return logarithms


def expected_gains(
    sizes: Floats,
    losses: Floats,
    candidate_sizes: Floats,
    means: Floats,
    spreads: Floats,
    end: float,
    guessing_loss: float,
) -> Floats:
    """Compute what each candidate is expected to add to the hypervolume of some points.

    Its size is certain, the logarithm of its loss is normally distributed. From its size on, each
    step of the front gives its width times the expected improvement on its loss.

    Args:
        sizes: of the points, as logarithms, as all sizes here.
        losses: of the points.
        candidate_sizes: one for each candidate.
        means: of the logarithm of its loss.
        spreads: of that, as standard deviations.
        end: the size at which the hypervolume ends.
        guessing_loss: at which it begins.
    """
    order = np.argsort(sizes, kind="stable")
    edges = np.minimum(np.append(sizes[order], end), end)
    starts = np.append(-np.inf, edges[:-1])
    steps = np.minimum.accumulate(np.append(guessing_loss, losses[order]))
    begins = np.flatnonzero(np.append(True, steps[1:] != steps[:-1]))  # of the front's own
    starts, steps = starts[begins], steps[begins]
    edges = np.append(starts[1:], edges[-1])
    gains = np.zeros(len(means))
    for start, stop, height in zip(starts, edges, steps, strict=True):
        widths = np.maximum(stop - np.maximum(start, candidate_sizes), 0.0)
        if widths.any():
            gains += widths * _expected_improvement(height, means, spreads)
    return gains


def _expected_improvement(loss: float, means: Floats, spreads: Floats) -> Floats:
    """Compute by how much less than a loss a log-normal one is, on average, where it is less."""
    from scipy.special import ndtr

    below = (np.log(loss) - means) / spreads
    expected = np.exp(means + spreads**2 / 2) * ndtr(below - spreads)
    gained: Floats = np.maximum(loss * ndtr(below) - expected, 0.0)
    return gained
