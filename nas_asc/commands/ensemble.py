"""`nas-asc ensemble`: trained networks of a run that vote together, within one budget."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas_asc.commands.console import json_option, print_json, print_text, remark

if TYPE_CHECKING:
    from nas_asc.complexity import Budget
    from nas_asc.search import TrainedRun
    from nas_asc.training import Choice


@click.command("ensemble")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--budget", help="Limits of all members together, such as 128KB; default: the run's.")
@click.option("--rule", help="Counting rule of the budget; default: the run's.")
@click.option("--members", type=click.IntRange(2), help="Most members; default: no limit.")
@json_option
def command(
    run: Path, budget: str | None, rule: str | None, members: int | None, as_json: bool
) -> None:
    """Find trained networks of a run whose votes are better than the best of them, in one budget.

    Members and weights are chosen on the validation clips. What is found is stored as a trial of
    the run, RUN:1000001 and so on; a search that is resumed does not see it.
    """
    from nas_asc.complexity import counting_rule, parse_budget
    from nas_asc.networks import save_ensemble
    from nas_asc.results import write_front
    from nas_asc.search import trained_run
    from nas_asc.training import choose_ensemble

    counted_by = None if rule is None else counting_rule(rule)
    if budget is not None and counted_by is not None:
        parse_budget(budget, counted_by, with_limits=True)  # before any recording is looked at
    with trained_run(run) as found:
        by_run = counting_rule(found.study.rule)
        counted_by = counted_by or by_run
        limits = found.budget
        if budget is not None or counted_by is not by_run:
            text = found.study.budget if budget is None else budget
            limits = parse_budget(text, counted_by, with_limits=True)
        objective = found.study.objective
        how = (found.dataset, limits, counted_by.id, objective, members)
        choice = choose_ensemble(found.folders, *how)
        number, is_new = None, False
        if (chosen := choice.chosen) is not None:
            number, is_new = found.add(
                chosen.weights,
                chosen.ensemble.reference(found.study.space or ""),
                chosen.costs,
                chosen.metrics,
                limits,
                lambda folder: save_ensemble(
                    folder, chosen.ensemble, chosen.models, chosen.metrics
                ),
            )
        paths = write_front(found.summary(), run) if is_new else ()
    if as_json:
        print_json(_to_dict(choice, number, is_new, limits))
    else:
        _print(choice, number, is_new, found, limits)
    if paths:
        remark("wrote " + " ".join(map(str, paths)))


def _print(
    choice: "Choice", number: int | None, is_new: bool, found: "TrainedRun", limits: "Budget"
) -> None:
    from nas_asc.results import vote_caption

    print_text(f"budget  {limits}; {choice.candidates} trained networks to choose from", 8)
    score = choice.single_score
    reached = _reached(vars(score), choice.single_bytes)
    print_text(f"best network by itself: trial {choice.single}: {reached}")
    chosen = choice.chosen
    if chosen is None:
        error = found.study.objective.replace("_", " ")
        print_text(
            f"no ensemble within the budget is better by 0.001 in {error}: nothing is stored"
        )
        return
    members = ", ".join(
        f"trial {trial} ({vote_caption(share)})"
        for trial, share in zip(chosen.weights, chosen.ensemble.votes, strict=True)
    )
    print_text(f"ensemble: {members}")
    print_text(f"together: {_reached(chosen.metrics, chosen.costs.size_bytes)}")
    kept = "stored as" if is_new else "the same is there already:"
    print_text(f"{kept} trial {number}: {found.run}/models/{number}")
    if found.budget.exceeded(chosen.costs):
        print_text(f"it is on no front: the budget of the search is {found.budget}")


def _reached(metrics: Mapping[str, object], size_bytes: int) -> str:
    log_loss, accuracy = float(str(metrics["log_loss"])), float(str(metrics["accuracy"]))
    return f"log loss {log_loss:.3f}, accuracy {accuracy:.1%}, {size_bytes:,} B"


def _to_dict(
    choice: "Choice", number: int | None, is_new: bool, limits: "Budget"
) -> dict[str, object]:
    score, chosen = choice.single_score, choice.chosen
    single = {"trial": choice.single, "log_loss": score.log_loss, "accuracy": score.accuracy}
    ensemble = None
    if chosen is not None:
        shares = zip(chosen.weights.items(), chosen.ensemble.votes, strict=True)
        ensemble = {
            "trial": number,
            "new": is_new,
            "members": [
                {"trial": trial, "weight": weight, "share_of_vote": share}
                for (trial, weight), share in shares
            ],
            "log_loss": chosen.metrics["log_loss"],
            "accuracy": chosen.metrics["accuracy"],
            **chosen.costs.to_dict(),
        }
    return {
        "budget": limits.to_dict(),
        "candidates": choice.candidates,
        "single": {**single, "size_bytes": choice.single_bytes},
        "ensemble": ensemble,
    }
