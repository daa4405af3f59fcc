import tomllib
from math import inf

import pytest

from nas_asc.errors import ConfigError
from nas_asc.recipe import Recipe
from nas_asc.rules import RULES
from nas_asc.shipped import shipped
from nas_asc.study_config import (
    EarlyStopping,
    load_study,
    read_study,
    study_toml,
    with_options,
)


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
    path = tmp_path / "study.toml"
    path.write_text(study_toml(study), encoding="utf-8")
    assert read_study(path) == study


def test_a_study_says_how_candidates_are_trained(quick):
    assert isinstance(quick.recipe, Recipe)


def test_awkward_text_survives_writing(quick, tmp_path):
    text = 'a "quoted" \\ back\tslash, é, \x7f and\nnew lines'
    study = with_options(quick, {"title": text, "data": "C:\\sounds", "time_s": 90.5})
    assert tomllib.loads(study_toml(study))["title"] == text
    path = tmp_path / "study.toml"
    path.write_text(study_toml(study), encoding="utf-8")
    assert read_study(path) == study


def test_an_unknown_key_is_named_with_the_nearest(written):
    with pytest.raises(ConfigError, match=r"mine.toml:\d+: epoch: expected one of .*mean 'epochs'"):
        read_study(written(("epochs", "epoch")))


def test_all_faults_are_reported_at_once(written):
    path = written(
        ('sampler = "tpe"', 'sampler = "tp"'),
        ("lag = 4", 'lag = "4"'),
        ("keep = 0.5", "keeep = 0.5"),
        ("learning_rate", "learnin_rate"),
    )
    with pytest.raises(ConfigError) as error:
        read_study(path)
    faults = str(error.value).splitlines()
    assert {fault.split(": ")[1] for fault in faults} == {
        *("sampler", "lag", "early_stopping.keeep", "early_stopping.keep"),
        *("recipe.learnin_rate", "recipe.learning_rate"),
    }
    assert "did you mean 'tpe'" in faults[0]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("trials", 0),
        ("trials", True),
        ("epochs", 2.5),
        ("lag", 0),
        ("seed", -1),
        ("time_s", 0),
        ("objective", "f1"),
        ("clip_s", -1.0),
        ("clip_s", 3601.0),
        *((key, 10**12) for key in ("trials", "epochs", "lag", "startup_trials", "max_proposals")),
        *((key, 10**20) for key in ("seed", "macs_ceiling", "time_s")),
    ],
)
def test_a_value_out_of_range_is_named(quick, option, value):
    with pytest.raises(ConfigError, match=rf"^{option}: expected .*got {value!r}"):
        with_options(quick, {option: value})


def test_a_fault_of_a_file_has_its_line(written):
    path = written(('sampler = "tpe"', 'sampler = "tp"'), ("learning_rate = ", "learning_rate = -"))
    lines = path.read_text(encoding="utf-8").splitlines()
    with pytest.raises(ConfigError) as error:
        read_study(path)
    for fault, word in zip(
        str(error.value).splitlines(), ("sampler", "learning_rate"), strict=True
    ):
        (line,) = [number for number, text in enumerate(lines, 1) if text.startswith(word)]
        assert fault.startswith(f"{path}:{line}: ")


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


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("a = = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.toml:1: expected TOML"):
        read_study(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_study(str(tmp_path / "none.toml"))


def test_rungs_are_shares_of_the_epochs():
    stopping = EarlyStopping(enabled=True, rungs=(1 / 9, 1 / 3), keep=0.5, min_history=6)
    assert stopping.epochs(27) == (3, 9)
    assert stopping.epochs(1) == ()
    off = EarlyStopping(enabled=False, rungs=(1 / 9, 1 / 3), keep=0.5, min_history=6)
    assert off.epochs(27) == ()


@pytest.mark.parametrize(
    ("options", "busy"),
    [
        ({"lag": 4, "startup_trials": 16, "seeds": True}, 16 + 18),
        ({"lag": 4, "startup_trials": 16, "seeds": False}, 16),
        ({"lag": 40, "startup_trials": 16, "seeds": True}, 40),
    ],
)
def test_report_models_and_the_first_trials_can_all_be_under_way(options, busy):
    assert with_options(load_study("quick"), options).most_busy(18) == busy


def test_random_trials_that_nothing_stops_can_all_be_under_way():
    quick = load_study("quick")
    calm = quick.early_stopping.model_copy(update={"enabled": False})
    assert with_options(quick, {"sampler": "random", "early_stopping": calm}).most_busy(0) == inf
