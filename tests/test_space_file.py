import random
import re
from pathlib import Path

import pytest

from nas_asc.architecture import Architecture
from nas_asc.complexity import count
from nas_asc.errors import ConfigError
from nas_asc.library import load_space
from nas_asc.shipped import shipped
from nas_asc.space_file import check_architecture, read_space

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


def faults_of(read, text):
    with pytest.raises(ConfigError) as error:
        read(text)
    lines = str(error.value).splitlines()
    assert all(re.match(r"mine\.toml(:\d+)?: ", line) for line in lines)
    return [line.partition(": ")[2] for line in lines]


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


def test_all_faults_are_reported_at_once(read):
    text = (
        SPACE.replace("n_mels = 32", "n_mel = 32")
        .replace('kernel = "3x5"', 'kernel = ["3x5", "3x"]')
        .replace("width = [4, 8]", "width = []")
        .replace("stride = 2", "stride = [2, 2]")
        .replace('block = "conv"', 'block = "conf"')
        .replace('pooling = "avg"', "")
        .replace("[compression]", "[compresion]")
    )
    expected = [
        ("compresion: expected a section of a space", ", did you mean 'compression'?"),
        ("frontend.n_mel: expected a known key", ", did you mean 'n_mels'?"),
        ("head.pooling: expected one of avg, max", ", got nothing"),
        ("stage1.block: expected one of conv, separable", ", got 'conf', did you mean 'conv'?"),
        ("stage1.kernel: expected a number or a pair", ", got '3x' in ['3x5', '3x']"),
        ("stage1.stride: expected different options", ", got [2, 2]"),
        ("stage1.width: expected at least one option", ", got an empty list"),
    ]
    found = sorted(faults_of(read, text))
    assert len(found) == len(expected)
    for fault, (start, end) in zip(found, expected, strict=True):
        assert fault.startswith(start)
        assert fault.endswith(end)


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("width = [4, 8]", "width = 0", "expected a whole number from 1 to 10,000, got 0"),
        ("width = [4, 8]", "width = true", "expected a whole number from 1 to 10,000, got True"),
        ("width = [4, 8]", "width = [4, 8.0]", "from 1 to 10,000, got 8.0 in [4, 8.0]"),
        (
            "width = [4, 8]",
            "",
            "stage1.width: expected a whole number from 1 to 10,000, got nothing",
        ),
        ('kernel = "3x5"', 'kernel = "3x5x7"', "expected a number or a pair mel x frame"),
        ('kernel = "3x5"', "kernel = [[3, 5]]", "got [3, 5] in [[3, 5]]"),
        ('kernel = "3x5"', 'kernel = "0x5"', "got '0x5'"),
        ('activation = "relu"', 'activation = "tanh"', "stage1.activation: expected one of relu"),
        ("stride = 2", "stride = 2\nexpand = 4", "a key that some option of the section uses"),
        ("stride = 2", "stride = 2\nbias = 1", "stage1.bias: expected true or false, got 1"),
        ("depth = [1, 2]", "depth = -1", "expected a whole number from 0 to 100, got -1"),
        ("conv = 0", "conv = [0, 8]", "head.activation: expected one of relu"),
        ('pruning = "none"', 'pruning = ["none", "magnitude"]', "compression.sparsity: expected"),
        ("f_max_hz = 0", "f_max_hz = 9000", "expected at most half the sample rate, got 9000"),
        ("f_min_hz = 0", "f_min_hz = [0, 8000]", "f_min_hz: expected less than f_max_hz, got 8000"),
        ("window = 512", "window = 512\nn_fft = 256", "n_fft: expected 0 or at least the window"),
        ('kind = "logmel"', 'kind = "mfcc"', "expected one of logmel, waveform, got 'mfcc'"),
        ("[head]", "[stageone]\n[head]", "stageone: expected a section of a space"),
        ("[head]", "[stage1.more]\n[head]", "stage1.more: expected a known key"),
        ('title = "one stage"', "stem = 3", "stem: expected a section of a space"),
        ('title = "one stage"', "models = 3", "models: expected one table per model, [models.ID]"),
    ],
)
def test_a_fault_is_named_by_its_path(read, good, bad, fault):
    assert any(fault in found for found in faults_of(read, SPACE.replace(good, bad, 1)))


def test_a_fault_of_the_toml_is_named_by_file_and_line(path):
    path.write_text(SPACE.replace("width = [4, 8]", "width = [4, 8"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^mine\.toml:19: expected TOML, unclosed array"):
        read_space(path)


def test_a_file_that_is_no_toml_is_refused(path):
    path.write_bytes(b"\x00")
    with pytest.raises(ConfigError, match=r"^mine\.toml:1: expected TOML, .* \(column 1\)$"):
        read_space(path)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "[" * 21 + "]" * 21,
        ".".join("a" * 3000) + " = 1\n" + SPACE,
        SPACE + MODEL.replace("choices =", f"choices.{'.'.join('a' * 3000)} = 1\n#"),
        f"family = [1]\n{'.'.join('a' * 3000)} = 1",
    ],
    ids=["endless", "lists", "key", "choice", "family"],
)
def test_lists_or_tables_in_one_another_without_end_are_refused(read, text):
    assert faults_of(read, text) == ["expected TOML, got lists or tables nested too deeply"]


def test_lists_in_a_few_lists_are_told_as_what_they_are(read):
    fault = faults_of(read, SPACE.replace("stride = 2", "stride = [" + "[" * 9 + "]" * 9 + "]"))
    assert fault[0].startswith("stage1.stride: expected a number or a pair")


@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [(b"\xff\xfe", 1, "0xff"), (b'title = "ok"\n\n# caf\xe9\n', 3, "0xe9")],
)
def test_a_file_in_another_encoding_is_refused_with_its_line(path, content, line, byte):
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"mine\.toml:{line}: expected UTF-8 text.* {byte}"):
        read_space(path)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_other_systems_are_read(path, mark, end):
    path.write_bytes((mark + SPACE.replace("\n", end)).encode("utf-8"))
    assert read_space(path).size() == 2 * 2 * 2  # hops, depths and widths


def test_an_absent_file_is_refused(path):
    with pytest.raises(ConfigError, match=r"^mine\.toml: expected a search space, No such file"):
        read_space(path)


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


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("classes = 3", 'classes = "3"', "models.mine: classes: expected a whole number"),
        ("clip_s = 1", "clip_s = 0", "clip_s: expected a number from 0.01 to 3,600, got 0"),
        ("clip_s = 1", "clips = 1", "clips: expected a key of a model, did you mean 'clip_s'?"),
        ('rule = "plain"', 'rule = "plane"', "got 'plane', did you mean 'plain'?"),
        ('report = "mine"', "", "report: expected a name, got nothing"),
        ('rule = "plain"', "", "rule: expected a counting rule (nas-asc rules), got nothing"),
        ('rule = "plain"', 'rule = ["plain"]', "got ['plain']"),
        ('report = "mine"', 'report = "mine"\ntitle = 3', "title: expected a text, got 3"),
        ('report = "mine"', 'report = "mine"\nprinted = 3', "printed: expected a table, got 3"),
        ('report = "mine"', 'report = "m"\nprinted = { macs = 3 }', "printed.macs: expected one"),
        ('report = "mine"', 'report = "m"\nprinted.parms = 3', "did you mean 'params'?"),
        (
            'report = "mine"',
            'report = "m"\nprinted.params = "5"',
            "above 0, at most 1,000,000,000,000,000, got '5'",
        ),
        ("stage1.width = 8", "stage1.width = 9", "stage1.width: expected one of [4, 8], got 9"),
        ("stage1.width = 8", "stage1.width = [8]", "expected one of [4, 8], got [8]"),
        (", stage1.width = 8", "", "stage1.width: expected one of [4, 8], got nothing"),
        ("classes = 3", 'like = "yours"', "a model that stands for itself, got 'yours'"),
        ("classes = 3", "like = ['mine']", "a model that stands for itself, got ['mine']"),
        (MODEL[MODEL.index("choices") :], "choices = 3\n", "choices: expected a table, got 3"),
    ],
)
def test_a_fault_of_a_model_is_named(read, good, bad, fault):
    assert good in MODEL
    assert any(fault in found for found in faults_of(read, SPACE + MODEL.replace(good, bad)))


def test_the_faults_of_all_models_are_reported(read):
    text = (
        SPACE
        + MODEL.replace("classes = 3", "")
        + MODEL.replace("mine]", "yours]", 1).replace("clip_s = 1", "")
    )
    faults = faults_of(read, text)
    assert [fault.split(":")[0] for fault in faults] == ["models.mine", "models.yours"]


def test_a_misspelt_choice_is_told_beside_the_faults_of_its_section(read):
    text = SPACE.replace("width = [4, 8]", "width = [4, 'x']")
    model = MODEL.replace("stage1.width = 8", "stage1.widht = 8")
    assert faults_of(read, text + model) == [
        "stage1.width: expected a whole number from 1 to 10,000, got 'x' in [4, 'x']",
        "models.mine: stage1.widht: expected a choice of the space, did you mean 'stage1.width'?",
    ]
    assert len(faults_of(read, text + MODEL)) == 1
