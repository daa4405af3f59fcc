"""Easy clips first: which they are, and which epoch draws from them."""

import pytest
import torch
from recipe_cases import recipe
from test_loop import small_network, tones, trained, weights_of

from nas_asc.study.job import trial_seed
from nas_asc.study.planning import TrainingWork
from nas_asc.study.recipe_tables import Curriculum
from nas_asc.training.batches import Clips
from nas_asc.training.curriculum import difficulty, easiest, in_stages
from nas_asc.training.loop import Hooks, train
from nas_asc.training.orders import shuffled

THIRDS = Curriculum(stages=3, until=0.5, first=0.25)
LABELS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
HARD = torch.tensor([4.0, 1.0, 1.0, 3.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0])


@pytest.mark.parametrize(
    ("curriculum", "epochs", "stages"),
    [
        (THIRDS, 12, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3]),
        (Curriculum(stages=2, until=1.0, first=0.1), 3, [1, 1, 1]),
        (Curriculum(stages=4, until=0.3, first=0.1), 10, [1, 2, 3, 4, 4, 4, 4, 4, 4, 4]),
        (Curriculum(stages=3, until=0.1, first=0.1), 2, [1, 3]),
    ],
)
def test_stages_before_the_last_are_equally_long(curriculum, epochs, stages):
    assert [curriculum.stage(epoch, epochs) for epoch in range(1, epochs + 1)] == stages


def test_the_easiest_are_a_share_of_each_class_in_the_order_of_the_data():
    """Of four and of six clips: two thirds are three and four, rounded up; ties by their place."""
    assert easiest(HARD, LABELS, 1, 3).tolist() == [1, 2, 8, 9]
    assert easiest(HARD, LABELS, 2, 3).tolist() == [1, 2, 3, 6, 7, 8, 9]
    assert easiest(HARD, LABELS, 3, 3).tolist() == [*range(10)]


def test_an_epoch_has_as_many_clips_as_ever_each_of_its_stage_about_as_often():
    order = in_stages(shuffled, HARD, LABELS, THIRDS, epochs=12)
    generator = torch.Generator().manual_seed(0)
    first = order(10, 1, generator).tolist()
    assert len(first) == 10
    assert sorted(first[:4]) == sorted(first[4:8]) == [1, 2, 8, 9]
    assert len({*first[8:]}) == 2
    whole = order(10, 7, torch.Generator().manual_seed(1))
    assert torch.equal(whole, shuffled(10, 7, torch.Generator().manual_seed(1)))


def test_difficulty_is_the_log_loss_of_each_clip():
    network = torch.nn.Identity()
    network.register_parameter("place", torch.nn.Parameter(torch.zeros(())))
    probabilities = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    found = difficulty(network, Clips((probabilities.log(),), torch.tensor([1, 2]), 3))
    assert found.tolist() == pytest.approx([1.386294, 0.223144], rel=1e-5)


def test_a_training_draws_what_a_first_model_finds_easy(one_thread, monkeypatch):
    """It is the same network, trained for a quarter of the epochs on all clips, and left alone."""
    seen = []
    monkeypatch.setattr(
        "nas_asc.training.loop.in_stages", lambda *given: seen.append(given) or given[0]
    )
    made = recipe(curriculum=THIRDS.model_dump(), stop={"patience": 1, "min_delta": 9.0})
    network, history = trained(made, epochs=8, validation=Clips(*tones(seed=2), 3))
    assert len(history) == 2  # it stops, which the first model did not have to
    ((_, hard, labels, settings, epochs),) = seen
    assert (settings, epochs) == (THIRDS, 8)
    assert torch.equal(labels, tones()[1])

    torch.manual_seed(1)
    first = small_network()
    seed = trial_seed(5, 0, "curriculum")
    train(first, Clips(*tones(), 3), recipe(), Hooks(), epochs=2, seed=seed)
    assert torch.equal(hard, difficulty(first, Clips(*tones(), 3)))
    without, _ = trained(recipe(), epochs=8, until=2)
    assert torch.equal(weights_of(network), weights_of(without))


def test_the_first_model_is_planned_for():
    made = recipe(curriculum=THIRDS.model_dump())
    work = TrainingWork(step_s=1.0, clip_s=0.0)
    assert made.first_epochs(8) == 2
    assert work.training_s(80, 8, made) == 10 * 10
    assert work.training_s(80, 8, recipe()) == 8 * 10
