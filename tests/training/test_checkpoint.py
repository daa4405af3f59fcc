import pytest
import torch
from recipe_cases import AUGMENTED, recipe
from study_cases import write_tones
from test_loop import tones, weights_of

from nas_asc.architectures.frontend import input_shapes
from nas_asc.complexity.pruning import (
    NOT_PRUNED,
    ChannelPruning,
    ChannelRemoval,
    MagnitudePruning,
)
from nas_asc.datasets import load_dataset
from nas_asc.errors import DivergedError
from nas_asc.networks.network import build
from nas_asc.reports.lookup import ensembles_of, report_model
from nas_asc.spaces.space_file import load_space
from nas_asc.study.job import Job
from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.device import machine_kind
from nas_asc.training.loop import Hooks, train
from nas_asc.training.run_job import run_job

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS = 6


CLIP_S = 0.4


@pytest.fixture(scope="module")
def shallow():
    """The stem and one block of each of the first three stages of deepsound-32."""
    choices = report_model("deepsound-32").architecture.choices
    kept = {path: value for path, value in choices.items() if not path.startswith("stage4.")}
    depths = {"stage1.depth": 1, "stage2.depth": 1, "stage3.depth": 1, "stage4.depth": 0}
    return load_space("mbconv").from_choices(kept | depths)


@pytest.mark.parametrize(
    ("pruning", "execution"),
    [
        (NOT_PRUNED, PLAIN),
        (MagnitudePruning(0.5), Execution(channels_last=True)),
        (ChannelPruning(0.2, iterations=3), PLAIN),
        (ChannelRemoval(0.2, iterations=3), Execution(channels_last=True)),
    ],
)
@pytest.mark.parametrize(
    "steps",
    [
        AUGMENTED,
        recipe(
            ema_decay=0.9,
            schedule="cosine",
            optimizer={"name": "adam", "weight_decay": 0.0},
            quantization_aware=0.4,
            pruning={"start": 0.3, "end": 0.8, "initial": 0.1, "steps": 3, "rate": 0.1},
        ),
    ],
)
def test_a_training_goes_on_from_a_file_to_the_last_bit(
    tmp_path, shallow, steps, pruning, execution
):
    """Stopped after each epoch and taken up by another network, as by another process."""
    inputs = torch.randn(24, *input_shapes(shallow.sections["frontend"], CLIP_S)[0]).half()
    clips = Clips((inputs,), torch.arange(24) % 3, 3)

    def trained(hooks, until=EPOCHS):
        torch.manual_seed(1)
        other, lengths = build(shallow, 3, CLIP_S), {"epochs": EPOCHS, "until": until}
        return other, train(other, clips, steps, hooks, **lengths, seed=3, execution=execution)

    whole, expected = trained(Hooks(pruning=pruning, precision="int8", validation=clips))
    path = tmp_path / "checkpoint"
    for epoch in range(1, EPOCHS + 1):
        hooks = Hooks(
            pruning=pruning,
            precision="int8",
            validation=clips,
            go_on_from=load_checkpoint(path, "this"),
            on_checkpoint=lambda _, checkpoint: checkpoint().save(path, "this"),
        )
        last, history = trained(hooks, until=epoch)
    assert torch.equal(weights_of(last), weights_of(whole))
    assert [(r.epoch, r.train_loss, r.log_loss) for r in history] == [
        (r.epoch, r.train_loss, r.log_loss) for r in expected
    ]
    seconds = [report.seconds for report in history]
    assert seconds == sorted(seconds)


def test_a_checkpoint_that_is_torn_or_of_another_training_is_none(tmp_path):
    path, kept = tmp_path / "checkpoint", []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
    hooks = Hooks(on_checkpoint=lambda epoch, checkpoint: kept.append((epoch, checkpoint())))
    train(network, Clips(*tones(), 3), recipe(), hooks, epochs=2, seed=0)
    assert [epoch for epoch, _ in kept] == [1, 2]
    kept[0][1].save(path, "this")
    assert len(load_checkpoint(path, "this").numbers["history"]) == 1
    assert load_checkpoint(path, "another") is None
    whole = path.read_bytes()
    for torn in (whole[:-1], whole[:50], b""):
        path.write_bytes(torn)
        assert load_checkpoint(path, "this") is None
    path.unlink()
    assert load_checkpoint(path, "this") is None


NETWORK = report_model("ntu-vggnet").adapted(2, 0.4).architecture


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "tones"
    folder.mkdir()
    return load_dataset(write_tones(folder, 16000, 0.4))


def job_done(folder, dataset, candidate=NETWORK, on_epoch=lambda _: None, job=None, **changed):
    """Train a candidate for two epochs, with some keys of the recipe and of the job changed."""
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe(**changed).to_dict(),
        "rule": "plain",
        "space": candidate.space,
        "run": str(folder),
    }
    how = {"epochs": 2, "until": 2, "context": context, **(job or {})}
    return run_job(Job(0, candidate.to_dict(), 5, **how), on_epoch)


@pytest.mark.parametrize("kind", ["one network", "an ensemble"])
def test_a_trial_that_was_cut_goes_on_from_its_last_checkpoint(
    tmp_path, monkeypatch, dataset, kind
):
    """Killed after an epoch, once in each of its networks, and begun again: the same result."""
    monkeypatch.setattr("nas_asc.training.run_job._CHECKPOINT_S", 0.0)
    candidate = NETWORK
    if kind == "an ensemble":
        adapted = ensembles_of("asc")["ntu-ensemble"].adapted(dataset.classes, dataset.clip_s)
        candidate = adapted.reference("asc")

    def run(folder, on_epoch):
        return job_done(folder, dataset, candidate, on_epoch)

    seen = []

    def kill(entry):
        seen.append(entry["epoch"])
        raise KeyboardInterrupt

    whole = run(tmp_path / "whole", lambda _: None)
    assert not any((tmp_path / "whole" / "checkpoints").iterdir())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", kill)
    assert seen == [1, 2]
    again = run(tmp_path / "cut", lambda _: None)
    assert again.metrics == whole.metrics
    untimed = [[{**entry, "seconds": 0} for entry in each.curve] for each in (again, whole)]
    assert untimed[0] == untimed[1]
    assert not any((tmp_path / "cut" / "checkpoints").iterdir())


def test_a_trial_rests_at_a_rung_and_ends_as_if_it_had_not(tmp_path, dataset):
    """What it reached there is judged, but no model is stored."""
    seen = []
    whole = job_done(tmp_path / "whole", dataset, job={"rungs": (1,)})
    assert whole.machine == machine_kind()
    rung = job_done(tmp_path / "run", dataset, job={"until": 1})
    assert rung.stopped_epoch == 1
    assert [entry["epoch"] for entry in rung.curve] == [1]
    assert rung.metrics == {name: whole.curve[0][name] for name in ("log_loss", "accuracy")}
    assert not (tmp_path / "run" / "models").exists()
    last = job_done(tmp_path / "run", dataset, on_epoch=lambda e: seen.append(e["epoch"]))
    assert seen == [2]
    assert last.metrics == whole.metrics
    assert last.stopped_epoch is None


def test_a_trial_that_lost_its_checkpoint_is_trained_from_the_start(tmp_path, dataset):
    whole = job_done(tmp_path / "whole", dataset)
    job_done(tmp_path / "run", dataset, job={"until": 1})
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert job_done(tmp_path / "run", dataset).metrics == whole.metrics


def test_a_trial_that_diverged_goes_on_with_the_rate_that_went_well(tmp_path, dataset):
    gentle = job_done(tmp_path / "gentle", dataset, learning_rate=0.001)
    again = job_done(tmp_path / "again", dataset, job={"learning_rate": 0.001})
    assert (again.metrics, again.retries, again.learning_rate) == (gentle.metrics, 1, 0.001)


def test_what_diverges_is_begun_anew_once_with_a_tenth_of_the_rate(tmp_path, dataset):
    """With the same seed, so that it is the training that it would have been with that rate."""
    steep = {"schedule": "constant", "learning_rate": 1e3}
    again = job_done(tmp_path / "again", dataset, **steep)
    assert (again.retries, again.learning_rate) == (1, 100.0)
    gentle = job_done(tmp_path / "gentle", dataset, **steep | {"learning_rate": 100.0})
    assert (gentle.retries, gentle.learning_rate) == (0, None)
    assert again.metrics == gentle.metrics
    with pytest.raises(DivergedError, match=r"diverged, and again with 0\.1 of the rate: expected"):
        job_done(tmp_path / "lost", dataset, **steep | {"learning_rate": 1e6})
