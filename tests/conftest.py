import os
import sys
from collections.abc import Callable, Iterator

import pytest

from nas_asc.cli import main
from nas_asc.complexity.budget import Budget
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary

os.environ["COLUMNS"] = "140"  # as in a pipe; pytest-xdist gives its workers the terminal's

CHOICES = {
    "frontend.hop": 690,
    "frontend.n_mels": 64,
    "stem.width": 6,
    "stage1.depth": 2,
    "stage1.block": "mbconv",
    "stage1.width": 24,
    "stage1.kernel": "3x5",
    "stage1.squeeze_excite": 0.25,
    "stage2.depth": 0,
    "head.pooling": "avg+max",
    "compression.precision": "float16",
}


@pytest.fixture
def run_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[object, str, str]]:
    """Run a command in this process; give exit code, stdout and stderr."""

    def run(*argv: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["nas-asc", *map(str, argv)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a command train here what worker processes would: they take seconds to start."""
    from nas_asc.search.runners import RUNNERS  # not for all tests

    inline = RUNNERS["inline"]
    monkeypatch.setitem(RUNNERS, "local", lambda count, function: inline(1, function))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Train as a worker does; two threads would also wait for each other on a busy machine."""
    from nas_asc.features import one_torch_thread  # not for all tests: it imports torch

    with one_torch_thread():
        yield


@pytest.fixture(scope="session")
def make_point() -> Callable[..., Point]:
    """A point with the given attributes, the rest as of a plausible small model."""

    def make(trial: int = 0, size_bytes: int = 31232, **given: object) -> Point:
        values: dict[str, object] = {
            "model": None,
            "accuracy": 0.8125,
            "log_loss": 0.625,
            "params": 15616,
            "nonzero_params": 15616,
            "macs": 9_800_000,
            "counted_macs": 9_800_000,
            "peak_activation_bytes": 65_280,
            "precision": "float16",
            "sparsity": 0.0,
            "choices": CHOICES,
        }
        return Point(trial=trial, size_bytes=size_bytes, **{**values, **given})

    return make


@pytest.fixture(scope="session")
def ensemble_points(make_point: Callable[..., Point]) -> tuple[Point, ...]:
    """A trained ensemble of two networks of 10 KB and one of 20, and the former by itself."""
    return (
        make_point(5, 10_240, model="ntu-vggnet", log_loss=0.875),
        make_point(
            6,
            40_960,
            model="ntu-ensemble",
            log_loss=0.5,
            choices={"ensemble": "2 x ntu-vggnet, 1 x ntu-inceptionnet"},
        ),
    )


@pytest.fixture(scope="session")
def make_summary(make_point: Callable[..., Point]) -> Callable[..., Summary]:
    """A finished search of ten classes with a front of three points and two report models."""

    def make(**given: object) -> Summary:
        values: dict[str, object] = {
            "run": "runs/demo",
            "space": "mbconv",
            "rule": "plain",
            "seed": 1,
            "objective": "log_loss",
            "budget": Budget(size_bytes=131_072),
            "data": {
                "name": "esc10",
                "clips": 400,
                "classes": 10,
                "splits": {"train": 240, "validation": 80, "test": 80},
            },
            "classes": tuple("abcdefghij"),
            "trials": {
                "completed": 5,
                "stopped_early": 2,
                "failed": 1,
                "duplicates": 0,
                "rejected_over_budget": 40,
            },
            "points": (
                make_point(0, 124_308, model="deepsound-64", log_loss=0.75, accuracy=0.775),
                make_point(1, 124_692, model="deepsound-160", log_loss=0.5, accuracy=0.85),
                make_point(2, 8192, log_loss=1.25, accuracy=0.575),
                make_point(3, 40_000, log_loss=1.5, accuracy=0.5),
                make_point(4, 31_232),
            ),
            "seconds": 3605.0,
        }
        return Summary(**{**values, **given})

    return make


@pytest.fixture(scope="session")
def crowd(make_summary: Callable[..., Summary], make_point: Callable[..., Point]) -> Summary:
    """Twelve report models of about one size and log loss, and one that stands alone."""
    models = [
        make_point(i, 60_000 + 900 * i, model=f"a-model-of-the-crowd-{i}", log_loss=1.2 + 0.02 * i)
        for i in range(12)
    ]
    return make_summary(points=(*models, make_point(12, 8192, model="alone", log_loss=2.0)))
