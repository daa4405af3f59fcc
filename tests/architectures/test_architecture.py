import json
import subprocess
import sys

import pytest

from nas_asc.architectures.architecture import Architecture
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model

SECTIONS = {
    "frontend": {"kind": "logmel", "n_mels": 64},
    "stage1": {"depth": 1, "width": 12, "kernel": "3x5"},
    "compression": {"precision": "float16", "pruning": "magnitude", "sparsity": 0.5},
}
CHOSEN = [("frontend", "n_mels"), ("stage1", "width"), ("compression", "sparsity")]


@pytest.fixture
def architecture():
    return Architecture("mine", SECTIONS, CHOSEN)


def changed(section, **values):
    return {**SECTIONS, section: {**SECTIONS[section], **values}}


def test_choices_are_named_by_dotted_path_and_cannot_be_changed(architecture):
    assert dict(architecture.choices) == {
        "frontend.n_mels": 64,
        "stage1.width": 12,
        "compression.sparsity": 0.5,
    }
    with pytest.raises(TypeError):
        architecture.choices["stage1.width"] = 16


def test_json_gives_the_same_architecture_back(architecture):
    copy = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert copy == architecture
    assert copy.space == "mine"
    assert copy.sections == architecture.sections
    assert copy.choices == architecture.choices


def test_equal_keys_are_the_same_model(architecture):
    """Neither the order of sections nor what was chosen and what fixed makes a difference."""
    turned = {name: dict(SECTIONS[name]) for name in reversed(SECTIONS)}
    same = Architecture("mine", turned, CHOSEN[:1])
    assert same.key == architecture.key
    assert len({same, architecture}) == 1
    assert architecture != "mine"


@pytest.mark.parametrize(
    "sections",
    [
        changed("stage1", kernel="5x3"),
        changed("compression", sparsity=0.8),
        changed("stage1", bias=True),
    ],
)
def test_everything_active_is_part_of_the_key(architecture, sections):
    assert Architecture("mine", sections, CHOSEN) != architecture


def test_the_key_is_the_same_in_every_process():
    code = "from nas_asc.reports import report_model as find; print(find('imt-a').architecture.key)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert printed.decode().strip() == report_model("imt-a").architecture.key


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"choices": None}, "sections and choices"),
        ({"sections": []}, "sections and choices"),
        ({"sections": {"stem": 3}}, "sections and choices"),
        ({"choices": "all"}, "sections and choices"),
        ({"family": 3}, "sections and choices"),
        ({"choices": ["stem.kernel", "x"]}, r"value for stem\.kernel, x"),
    ],
)
def test_json_that_is_no_architecture_is_refused(changes, told):
    data = {"space": "mine", "sections": {"stem": {"width": 4}}, "choices": ["stem.width"]}
    assert Architecture.from_dict(data).space == "mine"
    with pytest.raises(ConfigError, match=f"architecture: expected .*{told}"):
        Architecture.from_dict({**data, **changes})
