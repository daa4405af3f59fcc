"""Trainings as reports describe them: the settings of the study, and what differs for a network."""

import pytest

from nas_asc.errors import ConfigError
from nas_asc.reports import Ensemble, load_report, report_ensembles, report_models, space_of
from nas_asc.shipped import shipped
from nas_asc.study import reproduction

MODELS = report_models() | report_ensembles()


def study_of(model_id, **options):
    model = MODELS[model_id]
    members = [m.model.id for m in model.members] if isinstance(model, Ensemble) else ()
    place = {"space": space_of(model), "rule": model.rule, "budget": "1MB"}
    return reproduction(model.report, model_id, members, **place, **options)


@pytest.mark.parametrize("model_id", MODELS)
def test_every_network_of_a_report_is_one_training_to_its_end(model_id):
    study = study_of(model_id)
    assert (study.trials, study.report_models) == (1, (model_id,))
    assert study.early_stopping.epochs(study.epochs) == ()
    assert study.time_s is None


# As the reports print them.
@pytest.mark.parametrize(
    ("model_id", "epochs", "rate", "batch_size"),
    [
        ("deepsound-32", 400, 0.01, 64),
        ("netease-student", 600, 0.01, 64),
        ("netease-teacher", 200, 0.01, 64),
        ("ntu-vggnet", 400, 0.0001, 128),
        ("ntu-inceptionnet", 400, 0.0001, 128),
        ("srpol-c3multi", 100, 0.001, 32),
        ("srpol-3", 200, 0.01, 167),
        ("srpol-4", 150, 0.001, 128),
        ("imt-a", 200, 0.001, 64),
        ("imt-d", 200, 0.001, 64),
    ],
)
def test_epochs_rate_and_batch_are_those_of_the_report(model_id, epochs, rate, batch_size):
    study = study_of(model_id)
    found = (study.epochs, study.recipe.learning_rate, study.recipe.batch_size)
    assert found == (epochs, rate, batch_size)


def test_a_network_has_the_recipe_around_it_where_it_states_no_other():
    """IMT: the residual networks mix clips, the plain ones are masked, filtered and noisy."""
    plain, residual = (study_of(name).recipe for name in ("imt-b", "imt-d"))
    assert set(plain.augmentations) == {"temporal_mask", "fir_filter", "noise"}
    assert residual.augmentations == {"cutmix": {"probability": 0.8, "alpha": 1.0}}
    assert plain.schedule == residual.schedule


def test_members_of_an_ensemble_have_recipes_of_their_own():
    """SRPOL: of its two networks only the one of ten classes was trained with mixup."""
    recipes = study_of("srpol-1").member_recipes
    assert recipes["srpol-c3multi"].augmentations == {}
    assert recipes["srpol-c10separable"].augmentations == {"mixup": {"alpha": 0.2}}
    assert study_of("srpol-3").member_recipes is None


def test_schedules_are_shortened_in_proportion():
    """A tenth of 100 epochs: the rate falls every 0.2 epochs; of 15 of patience 2 are left."""
    short = study_of("srpol-1", epochs=10)
    assert short.epochs == 10
    assert short.recipe.schedule["every"] == pytest.approx(0.2)
    assert short.member_recipes["srpol-c3multi"].schedule["every"] == pytest.approx(0.2)
    assert study_of("imt-b", epochs=20).recipe.stop.patience == 2


def test_what_is_stated_is_of_networks_that_there_are():
    import tomllib

    for name in ("deepsound", "imt", "netease", "ntu", "srpol"):
        own = tomllib.loads(shipped("studies")[name].read_text(encoding="utf-8"))["reproduce"]
        assert own.keys() <= MODELS.keys()
        trained = {m.id for m in MODELS.values() if m.report == name}
        assert trained <= own.keys()
        assert load_report(name).title


def test_a_setting_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="epochs"):
        study_of("imt-a", epochs=0)
