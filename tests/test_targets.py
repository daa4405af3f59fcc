import json

import pytest

from nas_asc.errors import ConfigError, RunError
from nas_asc.library import report_model
from nas_asc.targets import resolve


@pytest.fixture
def write(tmp_path):
    """Write deepsound-64 with some values changed, as a run's architecture.json has it."""

    def with_changes(changes=None, **given):
        data = report_model("deepsound-64").architecture.to_dict()
        for path, value in (changes or {}).items():
            section, _, key = path.partition(".")
            data["sections"].setdefault(section, {})[key] = value
        path = tmp_path / "mine.json"
        path.write_text(json.dumps({**data, "classes": 10, "clip_s": 1.0, **given}))
        return str(path)

    return with_changes


def test_a_report_model_is_found_by_its_id():
    target = resolve("deepsound-64")
    assert (target.id, target.classes, target.clip_s, target.rule) == (
        "deepsound-64",
        10,
        10.0,
        "plain",
    )


def test_an_ensemble_is_found_by_its_id():
    assert [m.model.id for m in resolve("srpol-1").members] == [
        "srpol-c3multi",
        "srpol-c10separable",
    ]


def test_an_unknown_id_gets_the_nearest_of_models_and_ensembles():
    with pytest.raises(ConfigError, match="did you mean 'ntu-ensemble'"):
        resolve("ntu-ensembel")


def test_an_architecture_is_read_from_a_file(write):
    target = resolve(write(classes=["dog", "rain", "rooster"], clip_s=5))
    assert target.architecture == report_model("deepsound-64").architecture
    assert (target.classes, target.clip_s, target.rule) == (3, 5.0, "plain")


def test_a_trial_is_found_in_its_run(write, tmp_path):
    folder = tmp_path / "run" / "models" / "7"
    folder.mkdir(parents=True)
    (folder / "architecture.json").write_text((tmp_path / write()).read_text())
    target = resolve(f"{tmp_path / 'run'}:7")
    assert target.architecture == report_model("deepsound-64").architecture


def test_a_trial_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"expected a finished trial of a run, .* has no trial '7'"):
        resolve(f"{tmp_path}:7")


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("compression.precision", "float8", "expected one of float32, float16, int8, got 'float8'"),
        ("stage1.width", "12", "expected a whole number of at least 1, got '12'"),
        ("stage1.width", [12, 24], r"expected one value, got \[12, 24\]"),
        ("stage1.kernel", "3by3", "expected a number or a pair"),
        ("stage1.kernel", 4, "expected odd numbers"),
        ("stage1.block", "nothing", "expected one of conv"),
        ("stage1.wdith", 12, "expected a known key, did you mean 'width'"),
        ("frontend.f_min_hz", 16000, "expected less than f_max_hz, got 16000"),
        ("stages.width", 12, "expected a section of a space"),
    ],
)
def test_a_value_that_no_space_could_have_is_refused(write, path, value, fault):
    with pytest.raises(ConfigError, match=fault):
        resolve(write({path: value}))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"classes": 1}, "classes: expected a whole number of at least 2, got 1"),
        ({"classes": None}, "classes: expected a whole number of at least 2, got None"),
        ({"clip_s": 0}, "clip_s: expected a number from 0.01 to 3600, got 0"),
        ({"clip_s": "1"}, "clip_s: expected a number"),
        ({"sections": []}, "architecture: expected space, sections and choices"),
    ],
)
def test_what_goes_with_an_architecture_is_checked(write, given, fault):
    with pytest.raises(ConfigError, match=fault):
        resolve(write(**given))


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"classes": 3}', "\x00"])
def test_a_file_that_is_no_architecture_is_refused(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.json: expected JSON with an architecture"):
        resolve(str(path))


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"mine\.json: expected an architecture, No such file"):
        resolve(str(tmp_path / "mine.json"))
