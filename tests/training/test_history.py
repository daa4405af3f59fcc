"""When a training ends by its validation clips, and which weights are its result."""

import pytest
import torch
from recipe_cases import recipe
from study_cases import write_tones
from test_checkpoint import dataset, job_done  # noqa: F401  # a fixture
from test_loop import tones, trained, weights_of

from nas_asc.complexity.pruning import NOT_PRUNED, ChannelPruning, MagnitudePruning
from nas_asc.datasets import load_dataset
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.study.data_source import DataSource
from nas_asc.training.batches import Clips
from nas_asc.training.history import EpochReport, Selection

pytestmark = pytest.mark.usefixtures("one_thread")
VALIDATION = Clips(*tones(seed=2), 3)
NEVER = {"validation": VALIDATION, "validation_epochs": ()}  # by a caller


@pytest.fixture
def judged(monkeypatch):
    """Gives validation clips the log losses and accuracies of a list, epoch by epoch."""

    def give(*values):
        given = iter(values)
        monkeypatch.setattr("nas_asc.training.loop._judged", lambda *_: next(given))

    return give


@pytest.mark.parametrize(
    ("stop", "losses", "epochs"),
    [
        ({"patience": 2}, [1.0, 0.9, 0.95, 0.89, 0.9, 0.89, 0.1], 6),  # equal is not better
        ({"patience": 1}, [1.0, 0.9, 0.8, 0.7], 4),
        ({"patience": 1}, [1.0, 1.1, 0.2], 2),
        ({"patience": 2, "min_delta": 0.1}, [1.0, 0.95, 0.91, 0.2], 3),
        ({"patience": 9}, [1.0] * 9, 9),
    ],
)
def test_a_training_ends_when_its_log_loss_has_not_fallen_for_so_long(judged, stop, losses, epochs):
    judged(*[(loss, 0.5) for loss in losses])
    network, history = trained(recipe(stop=stop), len(losses), **NEVER)
    assert [report.log_loss for report in history] == losses[:epochs]
    until, _ = trained(recipe(), len(losses), until=epochs)
    assert torch.equal(weights_of(network), weights_of(until))


@pytest.mark.parametrize("pruning", [MagnitudePruning(0.5), ChannelPruning(0.2, iterations=2)])
def test_a_pruned_network_is_waited_for_from_the_end_of_pruning_on(judged, pruning):
    """At seven tenths of ten epochs: the seventh is the first that counts."""
    judged(*[(0.1 * epoch, 0.5) for epoch in range(1, 11)])
    _, history = trained(recipe(stop={"patience": 2}), 10, pruning=pruning, **NEVER)
    assert len(history) == 9


@pytest.mark.parametrize(
    ("keep", "pruning", "ema_decay", "best"),
    [
        ({"best": "log_loss"}, NOT_PRUNED, 0.9, 2),
        ({"best": "accuracy"}, NOT_PRUNED, 0.0, 3),  # the first of two
        ({"best": "log_loss", "after": 0.4}, NOT_PRUNED, 0.0, 6),
        ({"best": "accuracy", "after": 0.75}, NOT_PRUNED, 0.9, 8),
        ({"best": "log_loss"}, MagnitudePruning(0.5), 0.9, 9),
        ({"best": "accuracy"}, ChannelPruning(0.2, iterations=2), 0.0, 7),
    ],
)
def test_the_weights_that_are_kept_are_those_of_the_best_epoch(
    judged, keep, pruning, ema_decay, best
):
    losses = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.8, 0.7, 0.6, 0.9]
    accuracies = [0.1, 0.2, 0.9, 0.9, 0.5, 0.6, 0.8, 0.7, 0.6, 0.5]
    judged(*zip(losses, accuracies, strict=True))
    made = {"ema_decay": ema_decay, "learning_rate": 0.05}
    network, history = trained(recipe(keep=keep, **made), 10, pruning=pruning, **NEVER)
    assert len(history) == 10
    until, _ = trained(recipe(**made), 10, until=best, pruning=pruning)
    assert torch.equal(weights_of(network), weights_of(until))


def test_of_real_epochs_the_best_is_kept():
    """Fast enough that the log loss goes up and down."""
    made = {"learning_rate": 1.0, "schedule": "constant"}
    network, history = trained(recipe(**made, keep={"best": "log_loss"}), 8, **NEVER)
    losses = [report.log_loss for report in history]
    best = 1 + losses.index(min(losses))
    until, _ = trained(recipe(**made), 8, until=best)
    assert best < 8
    assert torch.equal(weights_of(network), weights_of(until))


@pytest.mark.parametrize(
    "changed",
    [
        {"stop": {"patience": 1}},
        {"keep": {"best": "accuracy"}},
        {"schedule": {"name": "plateau", "factor": 0.5, "patience": 1, "threshold": 0.0}},
    ],
)
def test_without_validation_clips_there_is_nothing_to_go_by(changed):
    with pytest.raises(ConfigError, match="expected validation clips for its stop, keep or"):
        trained(recipe(**changed))


def test_what_is_absent_neither_ends_a_training_nor_keeps_an_epoch():
    history = [EpochReport(epoch, 1.0, float(epoch), 0.0, 0.0) for epoch in range(1, 9)]
    selection = Selection(recipe(), 9)
    asked = [selection.judges, selection.has_ended(history), selection.is_best(history)]
    assert asked == [False] * 3
    assert not Selection(recipe(stop={"patience": 1}, keep={"best": "accuracy"}), 9).is_best([])


def test_a_job_that_stops_before_its_rung_is_at_its_end(tmp_path, dataset):  # noqa: F811
    """The model is stored, and no checkpoint is left."""
    seen = []
    result = job_done(
        tmp_path,
        dataset,
        report_model("deepsound-32").adapted(2, 0.4).architecture,
        on_epoch=lambda entry: seen.append(entry["epoch"]),
        job={"epochs": 6, "until": 3, "rungs": (3,)},
        stop={"patience": 1, "min_delta": 9.0},
    )
    assert seen == [1, 2]
    assert result.stopped_epoch is None
    assert [entry["epoch"] for entry in result.curve] == [1, 2]
    assert all(entry["log_loss"] is not None for entry in result.curve)
    assert (tmp_path / "models" / "0").is_dir()
    assert not (tmp_path / "checkpoints" / "0").exists()


def test_labels_of_the_test_part_decide_nothing(tmp_path, monkeypatch):
    """Whatever looks at results to go on looks at the validation part: the same file is stored."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tones").mkdir()
    root = write_tones(tmp_path / "tones", 16000, 0.4)
    other = {"low": "high", "high": "low"}
    stored, metrics, truth = [], [], []
    for name in ("true", "nonsense"):
        rows = ["file,label,split"]
        for label in other:
            for n in range(12):
                split = ("train", "train", "validation", "test")[n % 4]
                wrong = name == "nonsense" and split == "test"
                rows.append(f"{label}/{n}.wav,{other[label] if wrong else label},{split}")
        table = root / f"{name}.csv"
        table.write_text("\n".join(rows), encoding="utf-8")
        data = load_dataset(DataSource(paths=(str(table),)))
        truth.append([data.clips[at].label for at in data.indices("test")])
        result = job_done(
            tmp_path / name,
            data,
            report_model("deepsound-32").adapted(2, 0.4).architecture,
            job={"epochs": 3, "until": 3},
            schedule={"name": "plateau", "factor": 0.5, "patience": 0, "threshold": 0.1},
            loss={"name": "cross_entropy", "label_smoothing": 0.0, "class_weights": "balanced"},
            keep={"best": "accuracy"},
            stop={"patience": 2},
            curriculum={"stages": 2, "until": 0.5, "first": 0.2},
        )
        metrics.append(result.metrics)
        files = sorted((tmp_path / name / "models" / "0").glob("*.safetensors"))
        stored.append([file.read_bytes() for file in files])
    assert len(truth[0]) == 6
    assert all(one != another for one, another in zip(*truth, strict=True))
    assert stored[0]
    assert stored[0] == stored[1]
    assert metrics[0] == metrics[1]
