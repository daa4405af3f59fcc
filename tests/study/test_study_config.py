import tomllib
from math import inf

import pytest

from nas_asc.complexity.rules import RULES
from nas_asc.errors import ConfigError
from nas_asc.shipped import shipped
from nas_asc.study.config import load_study, read_study, study_toml, with_options
from nas_asc.training.parts import parts_of


@pytest.fixture
def quick():
    return load_study("quick")


@pytest.fixture
def written(tmp_path, quick):
    """A file with the quick study in which words can be replaced."""

    def write(*replaced):
        text = study_toml(quick)
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", shipped("studies"))
def test_every_shipped_study_is_valid_and_survives_writing(name, tmp_path):
    study = load_study(name)
    parts_of(study.recipe)
    path = tmp_path / "study.toml"
    path.write_text(study_toml(study), encoding="utf-8")
    assert read_study(path) == study


def test_awkward_text_survives_writing(quick, tmp_path):
    text = 'a "quoted" \\ back\tslash, é, \x7f and\nnew lines'
    study = with_options(quick, {"title": text, "data": "C:\\sounds", "time_s": 90.5})
    assert tomllib.loads(study_toml(study))["title"] == text
    path = tmp_path / "study.toml"
    path.write_text(study_toml(study), encoding="utf-8")
    assert read_study(path) == study


def test_all_faults_are_reported_at_once_each_with_its_line(written):
    path = written(
        ('sampler = "tpe"', 'sampler = "tp"'),
        ("lag = 4", 'lag = "4"'),
        ("keep = 0.5", "keeep = 0.5"),
        ("learning_rate = ", "learning_rate = -"),
        ('name = "one_cycle"', 'name = "onecycle"'),
        ("alpha = 0.2", "alpha = -1"),
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as error:
        load_study(str(path))
    faults = [
        line.removeprefix(f"{path}:").split(": ", 2) for line in str(error.value).splitlines()
    ]
    assert [dotted for _, dotted, _ in faults] == [
        "sampler",
        "lag",
        "early_stopping.keep",
        "early_stopping.keeep",
        "recipe.learning_rate",
        "recipe.schedule",
        "recipe.augmentations.mixup.alpha",
    ]
    assert [lines[int(number) - 1].split()[0] for number, _, _ in faults] == [
        "sampler",
        "lag",
        "[early_stopping]",
        "keeep",
        "learning_rate",
        "[recipe.schedule]",
        "alpha",
    ]
    for number, word in ((0, "'tpe'"), (3, "'keep'"), (5, "'one_cycle'")):
        assert f"did you mean {word}?" in faults[number][2]


@pytest.mark.parametrize("rule", ["all", "plane"])
def test_a_rule_is_one_of_the_rules(quick, written, rule):
    listed = f"rule: expected one of {', '.join(RULES)}; got '{rule}'"
    for fault in (
        lambda: with_options(quick, {"rule": rule}),
        lambda: read_study(written(('rule = "plain"', f'rule = "{rule}"'))),
    ):
        with pytest.raises(ConfigError) as error:
            fault()
        assert listed in str(error.value)
        assert "count" not in str(error.value)


def test_a_search_without_an_end_is_refused(quick):
    with pytest.raises(ConfigError, match="trials: expected a number, or time_s, got neither"):
        with_options(quick, {"trials": None, "time_s": None})


@pytest.mark.parametrize(
    ("options", "busy"),
    [
        ({"lag": 4, "startup_trials": 16, "warm_start": True}, 16 + 18),
        ({"lag": 4, "startup_trials": 16, "warm_start": False}, 16),
        ({"lag": 40, "startup_trials": 16, "warm_start": True}, 40),
    ],
)
def test_report_models_and_the_first_trials_can_all_be_under_way(options, busy):
    assert with_options(load_study("quick"), options).most_busy(18) == busy


def test_random_trials_that_nothing_stops_can_all_be_under_way():
    quick = load_study("quick")
    calm = quick.early_stopping.model_copy(update={"enabled": False})
    assert with_options(quick, {"sampler": "random", "early_stopping": calm}).most_busy(0) == inf
