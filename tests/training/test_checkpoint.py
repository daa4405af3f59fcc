import pytest
import torch
from recipe_cases import AUGMENTED, recipe
from study_cases import write_tones
from test_loop import tones, weights_of

from nas_asc.architectures.frontend import input_shapes
from nas_asc.complexity.pruning import NOT_PRUNED, ChannelPruning, MagnitudePruning
from nas_asc.datasets import load_dataset
from nas_asc.errors import DivergedError
from nas_asc.networks.network import build
from nas_asc.reports.lookup import ensembles_of, report_model
from nas_asc.study.job import Job
from nas_asc.training.batches import Clips
from nas_asc.training.checkpoint import load_checkpoint
from nas_asc.training.compute_mode import PLAIN, Execution
from nas_asc.training.loop import Hooks, train
from nas_asc.training.run_job import run_job

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS = 6


def start():
    torch.manual_seed(1)
    return build(report_model("deepsound-32").adapted(3, 1.0).architecture, 3, 1.0)


@pytest.mark.parametrize(
    ("pruning", "execution"),
    [
        (NOT_PRUNED, PLAIN),
        (MagnitudePruning(0.5), Execution(channels_last=True)),
        (ChannelPruning(0.2, iterations=3), PLAIN),
    ],
)
@pytest.mark.parametrize(
    "steps",
    [
        AUGMENTED,
        recipe(ema_decay=0.9, schedule="cosine", optimizer={"name": "adam", "weight_decay": 0.0}),
    ],
)
def test_a_training_goes_on_from_a_file_to_the_last_bit(tmp_path, steps, pruning, execution):
    """Stopped after each epoch and taken up by another network, as by another process."""
    shape = input_shapes(report_model("deepsound-32").architecture.sections["frontend"], 1.0)[0]
    inputs = torch.randn(24, *shape).half()
    clips = Clips((inputs,), torch.arange(24) % 3, 3)

    def trained(hooks):
        other = start()
        history = train(other, clips, steps, hooks, epochs=EPOCHS, seed=3, execution=execution)
        return other, history

    whole, expected = trained(Hooks(pruning=pruning, validation=clips))
    path = tmp_path / "checkpoint"
    for _ in range(EPOCHS):
        hooks = Hooks(
            pruning=pruning,
            validation=clips,
            go_on_from=load_checkpoint(path, "this"),
            on_checkpoint=lambda checkpoint: checkpoint().save(path, "this"),
            on_epoch=lambda _: False,
        )
        last, history = trained(hooks)
    assert torch.equal(weights_of(last), weights_of(whole))
    assert [(r.epoch, r.train_loss, r.log_loss) for r in history] == [
        (r.epoch, r.train_loss, r.log_loss) for r in expected
    ]
    seconds = [report.seconds for report in history]
    assert seconds == sorted(seconds)


def test_a_checkpoint_that_is_torn_or_of_another_training_is_none(tmp_path):
    path, kept = tmp_path / "checkpoint", []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 3))
    hooks = Hooks(on_checkpoint=lambda checkpoint: kept.append(checkpoint()))
    train(network, Clips(*tones(), 3), recipe(), hooks, epochs=2, seed=0)
    assert [each.epoch for each in kept] == [1, 2]
    kept[0].save(path, "this")
    assert load_checkpoint(path, "this").epoch == 1
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


def job_done(folder, dataset, candidate=NETWORK, on_epoch=lambda _: True, **changed):
    """Train a candidate for two epochs, with some keys of the recipe changed."""
    context = {
        "data": dataset.source.to_dict(),
        "split_seed": 0,
        "validation_clips": None,
        "recipe": recipe(**changed).to_dict(),
        "rule": "plain",
        "space": candidate.space,
        "run": str(folder),
    }
    return run_job(Job(0, candidate.to_dict(), 5, 2, (), context), on_epoch)


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

    whole = run(tmp_path / "whole", lambda _: True)
    assert not any((tmp_path / "whole" / "checkpoints").iterdir())
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", kill)
    assert seen == [1, 2]
    again = run(tmp_path / "cut", lambda _: True)
    assert again.metrics == whole.metrics
    untimed = [[{**entry, "seconds": 0} for entry in each.curve] for each in (again, whole)]
    assert untimed[0] == untimed[1]
    assert not any((tmp_path / "cut" / "checkpoints").iterdir())


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
