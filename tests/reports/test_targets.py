import json
from pathlib import Path

import pytest

from nas_asc.errors import ConfigError, NasAscError
from nas_asc.reports.lookup import report_model, resolve
from nas_asc.shipped import shipped


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


@pytest.fixture
def run(write, tmp_path):
    """Make a run with deepsound-64 as its trials 7, 10 and 9."""
    for trial in ("7", "10", "9"):
        folder = tmp_path / "run" / "models" / trial
        folder.mkdir(parents=True)
        (folder / "architecture.json").write_text((tmp_path / write()).read_text())
    return str(tmp_path / "run")


@pytest.mark.parametrize("place", [":7", "/models/7", "/models/7/", "/models/7/architecture.json"])
def test_a_trial_is_found_in_its_run(run, place):
    target = resolve(run + place)
    assert target.id == run + place
    assert target.architecture == report_model("deepsound-64").architecture


@pytest.fixture
def mine(tmp_path):
    """Copy a space with report models and an ensemble, as a user's own."""
    path = tmp_path / "mine.toml"
    path.write_text(shipped("search_spaces")["vgg"].read_text())
    return str(path)


def test_a_model_is_found_in_ones_own_space(mine):
    target = resolve(f"{mine}:srpol-3")
    shipped_one = resolve("srpol-3")
    assert target.id == f"{mine}:srpol-3"
    assert target.architecture == shipped_one.architecture
    assert (target.rule, target.model.title) == ("srpol-3", shipped_one.model.title)


def test_an_ensemble_is_found_in_ones_own_space(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(shipped("search_spaces")["asc"].read_text())
    assert resolve(f"{mine}:srpol-1").members == resolve("srpol-1").members


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("run", "run:7"),
        ("run/", "run:7"),
        ("run:", "7, 9, 10"),
        ("run:8", "7, 9, 10"),
        ("run:../7", "7, 9, 10"),
        ("run/models:7", "none"),
        ("runs:7", "runs:7"),
        (":3", "RUN:TRIAL"),
        ("mine.toml", "srpol-3, srpol-4, ntu-vggnet"),
        ("mine.toml:srpol-5", "did you mean 'srpol-"),
        ("mine.toml:", "srpol-3, srpol-4, ntu-vggnet"),
        ("empty.toml", "empty.toml: frontend"),
        ("x.png", "x.png: expected an architecture.json"),
        ("LICENSE", "'LICENSE'"),
        ("models", "models: expected an architecture.json"),
        ("", "model: expected one of"),
        ("none/of/it", "none/of/it"),
        ("none.toml", "none.toml"),
        ("none.toml:x", "none.toml"),
        (300 * "b", "File name too long"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(run, mine, monkeypatch, target, named):
    folder = Path(run).parent
    monkeypatch.chdir(folder)
    (folder / "models").mkdir()
    for name in ("empty.toml", "x.png", "LICENSE"):
        (folder / name).write_text("")
    with pytest.raises(NasAscError) as error:
        resolve(target)
    assert named in str(error.value)
    assert target == "empty.toml" or "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("compression.precision", "float8", "expected one of float32, float16, int8, got 'float8'"),
        ("stage1.width", "12", "expected a whole number from 1 to 10,000, got '12'"),
        ("stage1.width", [12, 24], r"expected one value, got \[12, 24\]"),
        ("stage1.kernel", "3by3", "expected a number or a pair"),
        ("stage1.kernel", 4, "expected odd numbers"),
        ("stage1.block", "nothing", "expected one of conv"),
        ("stage1.wdith", 12, "expected a known key, did you mean 'width'"),
        ("frontend.f_min_hz", 16000, "expected less than f_max_hz, got 16000"),
        ("stages.width", 12, "expected one of title, family, frontend"),
    ],
)
def test_a_value_that_no_space_could_have_is_refused(write, path, value, fault):
    with pytest.raises(ConfigError, match=r"mine\.json: architecture: .*" + fault):
        resolve(write({path: value}))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"classes": 1}, "classes: expected a whole number from 2 to 10,000, got 1"),
        ({"classes": None}, "classes: expected a whole number from 2 to 10,000, got None"),
        ({"clip_s": 0}, "clip_s: expected a number from 0.01 to 3,600, got 0"),
        ({"clip_s": "1"}, "clip_s: expected a number"),
        ({"sections": []}, r"mine\.json: architecture: expected space, sections and choices"),
        ({"rule": "dcase"}, r"mine\.json: rule: expected a counting rule .*, got 'dcase'"),
        ({"rule": ["plain"]}, r"mine\.json: rule: expected a counting rule"),
    ],
)
def test_what_goes_with_an_architecture_is_checked(write, given, fault):
    with pytest.raises(ConfigError, match=fault):
        resolve(write(**given))


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"classes": 3}', "\x00", 9999 * "["])
def test_a_file_that_is_no_architecture_is_refused(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.json: expected JSON with an architecture"):
        resolve(str(path))


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"mine\.json: expected an architecture, No such file"):
        resolve(str(tmp_path / "mine.json"))
