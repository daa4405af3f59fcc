"""The gate of a search: draw a candidate, count it in closed form, check it against 128 KB.

Prints one JSON object; `ours` and `peer` are candidates per second of processor time on one core,
`ratio` is ours / peer. `differences` counts candidates whose parameters, multiply-accumulates,
fvcore total or torchinfo count differ from what fvcore and torchinfo say of the built module; with
one the exit code is 1.

Ours is all three steps, for clips of five seconds. A peer has to build the module before it can
count it; a row of its own says what is left of the ratio where the module is there already. Ours
and theirs take turns, so that they share the machine's moods; ours is the median of its turns.

    python benchmarks/screen.py                   1,000 candidates checked, some minutes
    python benchmarks/screen.py --checked 80      for a look
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import torch
import torchinfo

from nas_asc.architectures import Architecture
from nas_asc.complexity import count, counting_rule, parse_budget
from nas_asc.networks import Network, build, reference_count
from nas_asc.shipped import shipped
from nas_asc.spaces import SearchSpace, load_space

T = TypeVar("T")
BUDGET = parse_budget("128KB", counting_rule("plain"))
N_CLASSES = 10
TURNS = 9
DRAWN_PER_TURN = 2000


def main() -> None:
    """Measure every shipped space."""
    parser = argparse.ArgumentParser(
        description="the speed of the gate beside fvcore and torchinfo"
    )
    parser.add_argument("--checked", type=int, default=1000, help="candidates that the peers count")
    parser.add_argument("--clip", type=float, default=5.0, help="length of a clip in seconds")
    parser.add_argument("--space", action="append", help="only this space; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.space or list(shipped("search_spaces"))
    each = -(-options.checked // len(names))
    measured = [measure(load_space(name), each, options.clip, options.seed) for name in names]
    rows = [row for rows, _ in measured for row in rows]
    differences = sum(wrong for _, wrong in measured)
    result = {
        "benchmark": "screen",
        "budget": str(BUDGET),
        "clip_s": options.clip,
        "checked": each * len(names),
        "differences": differences,
        "rows": rows,
    }
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")
    sys.exit(1 if differences else 0)


def measure(
    space: SearchSpace, checked: int, clip_s: float, seed: int
) -> tuple[list[dict[str, object]], int]:
    """Give the rows of a space and the candidates on which the peers and we differ."""
    rng = random.Random(seed)
    screen(space, rng, clip_s, DRAWN_PER_TURN)
    rates: list[float] = []
    took = {"build": 0.0, "fvcore": 0.0, "torchinfo": 0.0}
    differences = 0
    for turn in range(TURNS):
        _, spent = timed(lambda: screen(space, rng, clip_s, DRAWN_PER_TURN))
        rates.append(DRAWN_PER_TURN / spent)
        for _ in range(turn * checked // TURNS, (turn + 1) * checked // TURNS):
            differences += differs(space.random(rng), clip_s, took)
    ours = statistics.median(rates)
    peers = {
        "fvcore, with building": took["build"] + took["fvcore"],
        "torchinfo, with building": took["build"] + took["torchinfo"],
        "fvcore, of a built module": took["fvcore"],
    }
    rows: list[dict[str, object]] = [
        {
            "case": space.name,
            "ours": round(ours),
            "peer": round(checked / seconds, 1),
            "peer_name": peer_name,
            "ratio": round(ours * seconds / checked),
            "unit": "candidates per second",
        }
        for peer_name, seconds in peers.items()
    ]
    return rows, differences


def screen(space: SearchSpace, rng: random.Random, clip_s: float, candidates: int) -> int:
    """Draw, count and check; give how many fit."""
    fitting = 0
    for _ in range(candidates):
        if BUDGET.exceeded(count(space.random(rng), N_CLASSES, clip_s)) is None:
            fitting += 1
    return fitting


def differs(architecture: Architecture, clip_s: float, took: dict[str, float]) -> bool:
    """Compare the closed form with both peers, adding up the seconds that they take."""
    closed = count(architecture, N_CLASSES, clip_s)
    network, spent = timed(lambda: build(architecture, N_CLASSES, clip_s))
    took["build"] += spent
    reference, spent = timed(lambda: reference_count(network))
    took["fvcore"] += spent
    info, spent = timed(lambda: summary(network))
    took["torchinfo"] += spent
    ours = (closed.params, closed.macs, closed.macs_fvcore_total, closed.macs_torchinfo)
    params = sum(parameter.numel() for parameter in network.parameters())
    return ours != (params, reference.macs, reference.total, info.total_mult_adds)


def summary(network: Network) -> torchinfo.ModelStatistics:
    """Count with torchinfo."""
    return torchinfo.summary(network, input_data=network.example_inputs(), verbose=0)


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """Give the result of an action and the processor time that it took, in seconds."""
    began = time.process_time()
    result = action()
    return result, time.process_time() - began


if __name__ == "__main__":
    main()
