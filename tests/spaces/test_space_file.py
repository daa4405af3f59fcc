import random
from pathlib import Path

import pytest

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.errors import ConfigError
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import check_architecture, load_space, read_space

SPACE = """
title = "one stage"

[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 512
hop = [256, 512]
n_mels = 32
f_min_hz = 0
f_max_hz = 0
normalisation = "none"

[stage1]
depth = [1, 2]
block = "conv"
width = [4, 8]
kernel = "3x5"
stride = 2
activation = "relu"

[head]
conv = 0
pooling = "avg"

[compression]
precision = "float16"
pruning = "none"
"""
MODEL = """
[models.mine]
report = "mine"
classes = 3
clip_s = 1
rule = "plain"
choices = { "frontend.hop" = 256, stage1.depth = 1, stage1.width = 8 }
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Give the path of a file in the working folder."""
    monkeypatch.chdir(tmp_path)
    return Path("mine.toml")


@pytest.fixture
def read(path):

    def read_text(text):
        path.write_text(text, encoding="utf-8")
        return read_space(path)

    return read_text


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_every_shipped_space_is_valid(name):
    space = load_space(name)
    assert space.name == name


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_every_point_of_a_shipped_space_is_an_architecture(name):
    space, rng = load_space(name), random.Random(0)
    for architecture in (
        *(model.architecture for model in space.models.values()),
        *(space.random(rng) for _ in range(200)),
    ):
        check_architecture(Architecture.from_dict(architecture.to_dict()))


def test_a_kernel_or_stride_may_be_a_number_in_quotes(read):
    written = SPACE.replace('kernel = "3x5"\nstride = 2', "kernel = {}\nstride = {}")
    plain, quoted = read(written.format(5, 2)), read(written.format('"5"', '"2"'))
    for width in (4, 8):
        choices = {"frontend.hop": 256, "stage1.depth": 2, "stage1.width": width}
        one, other = (count(space.from_choices(choices), 3, 1.0) for space in (plain, quoted))
        assert (one.counted_params, one.counted_macs) == (other.counted_params, other.counted_macs)


def test_a_space_is_named_after_its_file(read):
    space = read(SPACE)
    assert (space.name, space.title) == ("mine", "one stage")


def test_sections_are_walked_in_the_order_of_the_network(read):
    stage = SPACE[SPACE.index("[stage1]") : SPACE.index("[head]")]
    text = SPACE + stage.replace("stage1", "stage10") + stage.replace("stage1", "stage2")
    text += stage.replace("stage1", "stem")
    assert list(read(text).architecture(lambda p: p.options[0]).sections) == [
        "frontend",
        "stem",
        "stage1",
        "stage2",
        "stage10",
        "head",
        "compression",
    ]


def test_a_list_of_one_is_fixed(read):
    space = read(SPACE.replace("width = [4, 8]", "width = [4]"))
    assert "stage1.width" not in [p.path for p in space.parameters()]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_other_systems_are_read(path, mark, end):
    path.write_bytes((mark + SPACE.replace("\n", end)).encode("utf-8"))
    assert read_space(path).size() == 2 * 2 * 2  # hops, depths and widths


def test_a_report_model_is_a_point_of_the_space(read):
    model = read(SPACE + MODEL).models["mine"]
    assert (model.classes, model.clip_s, model.rule) == (3, 1.0, "plain")
    assert dict(model.architecture.choices) == {
        "frontend.hop": 256,
        "stage1.depth": 1,
        "stage1.width": 8,
    }


def test_a_model_takes_over_what_the_one_it_is_like_says(read):
    other = '[models.other]\nlike = "mine"\nclip_s = 2.5\nchoices.stage1.width = 4\n'
    models = read(SPACE + MODEL + other).models
    assert (models["other"].classes, models["other"].clip_s) == (3, 2.5)
    assert models["other"].architecture.choices == {
        **models["mine"].architecture.choices,
        "stage1.width": 4,
    }


@pytest.mark.parametrize("text", ["models = 3", "[models]\nmine = 3"])
def test_models_are_tables(read, text):
    with pytest.raises(ConfigError, match=r"models: expected one table per model, \[models.ID\]"):
        read(f"{text}\n{SPACE}")


def test_options_of_the_same_meaning_are_found_in_any_spelling(read):
    for options in ('[3, "3x3"]', '[3, "3"]', '["3x5", "3x5"]'):
        with pytest.raises(ConfigError, match=r"stage1\.kernel: expected different options"):
            read(SPACE.replace('kernel = "3x5"', f"kernel = {options}"))
    read(SPACE.replace('kernel = "3x5"', 'kernel = [3, "3x1", "1x3"]'))


def test_a_choice_that_is_fixed_at_the_same_value_is_taken(read):
    narrowed = read((SPACE + MODEL).replace("width = [4, 8]", "width = 8"))
    free = read(SPACE + MODEL)
    assert narrowed.models["mine"].architecture == free.models["mine"].architecture
    assert "stage1.width" not in narrowed.models["mine"].architecture.choices
    choices = {"frontend.hop": 256, "stage1.depth": 1}
    assert narrowed.from_choices(choices) == narrowed.from_choices({**choices, "stage1.width": 8})


def test_a_choice_that_is_fixed_at_another_value_says_so(read):
    with pytest.raises(ConfigError) as error:
        read((SPACE + MODEL).replace("width = [4, 8]", "width = 4"))
    assert str(error.value).partition("stage1.width: ")[2] == (
        "expected 4, at which the space fixes it, got 8 - make 8 an option there, or give 4"
    )
