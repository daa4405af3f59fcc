import json
import subprocess
import sys

import pytest

from nas_asc.architectures.architecture import Architecture
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.spaces.space_file import load_space

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


def test_choices_are_named_by_dotted_path(architecture):
    assert dict(architecture.choices) == {
        "frontend.n_mels": 64,
        "stage1.width": 12,
        "compression.sparsity": 0.5,
    }


def test_choices_cannot_be_changed(architecture):
    with pytest.raises(TypeError):
        architecture.choices["stage1.width"] = 16


def test_json_gives_the_same_architecture_back(architecture):
    copy = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert copy == architecture
    assert copy.space == "mine"
    assert copy.sections == architecture.sections
    assert copy.choices == architecture.choices


def test_equal_keys_are_the_same_model(architecture):
    same = Architecture("mine", {name: dict(SECTIONS[name]) for name in reversed(SECTIONS)}, CHOSEN)
    assert same.key == architecture.key
    assert same == architecture
    assert len({same, architecture}) == 1


@pytest.mark.parametrize(
    "sections",
    [
        changed("stage1", width=16),
        changed("stage1", kernel="5x3"),
        changed("compression", sparsity=0.8),
        changed("frontend", n_mels=40),
        changed("stage1", bias=True),
    ],
)
def test_everything_active_is_part_of_the_key(architecture, sections):
    other = Architecture("mine", sections, CHOSEN)
    assert other.key != architecture.key
    assert other != architecture


def test_a_fixed_value_counts_as_much_as_a_chosen_one(architecture):
    fixed = Architecture("mine", SECTIONS, CHOSEN[:1])
    assert fixed.key == architecture.key


def test_unused_choices_do_not_matter():
    space = load_space("mbconv")
    first = space.architecture(lambda p: p.options[0])
    other = space.architecture(
        lambda p: p.options[-1] if p.path == "compression.sparsity" else p.options[0]
    )
    assert first.sections["compression"]["pruning"] == "none"
    assert other.key == first.key


def test_the_key_is_the_same_in_every_process():
    code = "from nas_asc.reports import report_model as find; print(find('imt-a').architecture.key)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert printed.decode().strip() == report_model("imt-a").architecture.key


def test_an_architecture_is_no_other_thing(architecture):
    assert architecture != "mine"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"space": "mine", "sections": {}},
        {"space": "mine", "sections": [], "choices": []},
        {"space": "mine", "sections": {"stem": 3}, "choices": []},
        {"space": "mine", "sections": {}, "choices": "all"},
    ],
)
def test_json_that_is_no_architecture_is_refused(data):
    with pytest.raises(
        ConfigError, match="architecture: expected space, sections and choices, got"
    ):
        Architecture.from_dict(data)


def test_a_choice_without_a_value_is_refused():
    data = {"space": "mine", "sections": {"stem": {"width": 4}}, "choices": ["stem.kernel", "x"]}
    with pytest.raises(ConfigError, match=r"expected a value for stem\.kernel, x, got none"):
        Architecture.from_dict(data)
