"""Wrong spaces: each fault is told by the dotted path of where it stands, and nothing else is."""

import random
import re

import pytest

from nas_asc.architectures.architecture import Architecture
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import ensembles_of
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import check_architecture, read_space

SPACE = """title = "a small space"

[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 640
hop = 320
n_mels = [32, 64]
f_min_hz = 50
f_max_hz = 0
normalisation = "standard"

[stage1]
depth = [0, 1, 2]
block = ["separable", "mbconv"]
width = [12, 16]
kernel = 3
stride = "1x2"
expand = [2, 4]
squeeze_excite = 0.0
activation = "relu"
pool = ["none", "max 2x2"]

[head]
conv = 0
pooling = "avg"
dropout = "plain 0.2"

[compression]
precision = ["float16", "int8"]
pruning = "none"

[models.mine]
report = "me"
classes = 10
clip_s = 1.0
rule = "plain"

[models.mine.choices]
frontend.n_mels = 32
stage1.depth = 1
stage1.block = "separable"
stage1.width = 16
stage1.pool = "none"
compression.precision = "float16"
"""
OTHER = '[models.other]\nlike = "mine"\n'
# Lines that stand for one another, as "old -> new", and where the faults are.
WRONG = [
    # Values and options.
    ("width = [12, 16] -> width = 0", "stage1.width"),
    ("width = [12, 16] -> width = true", "stage1.width"),
    ("width = [12, 16] -> width = [4, 8.0]", "stage1.width"),
    ("width = [12, 16] -> width = []", "stage1.width"),
    ('width = [12, 16] -> width = [12, "x", -3, -3]', "stage1.width stage1.width"),
    ('kernel = 3 -> kernel = "3x5x7"', "stage1.kernel"),
    ("kernel = 3 -> kernel = [[3, 5]]", "stage1.kernel"),
    (f"kernel = 3 -> kernel = {'[' * 9}{']' * 9}", "stage1.kernel"),
    ('kernel = 3 -> kernel = "0x5"', "stage1.kernel"),
    ('kernel = 3 -> kernel = [3, "3x3"]', "stage1.kernel"),
    ("[head] -> [stage1.more]\n[head]", "stage1.more"),
    ('stride = "1x2" -> stride = [2, 2]', "stage1.stride"),
    ('activation = "relu" -> activation = "tanh"', "stage1.activation"),
    ('pool = ["none", "max 2x2"] -> pool = ["non", "max 2y2"]', "stage1.pool stage1.pool"),
    ('dropout = "plain 0.2" -> dropout = "plain 1.2"', "head.dropout"),
    ("depth = [0, 1, 2] -> depth = -1", "stage1.depth"),
    # Keys: unknown, missing, not in use.
    ("n_mels = [32, 64] -> n_mel = [32, 64]", "frontend.n_mel frontend.n_mels"),
    ("width = [12, 16] -> ", "stage1.width"),
    ("hop = 320 -> ", "frontend.hop"),
    ("conv = 0 -> ", "head.conv"),
    ("conv = 0 -> conv = [0, 8]", "head.activation"),
    ('conv = 0 -> conv = 0\nmap_dropout = "none"', "head.map_dropout"),
    ('pruning = "none" -> pruning = ["none", "magnitude"]', "compression.sparsity"),
    ('block = ["separable", "mbconv"] -> block = "conv"', "stage1.expand stage1.squeeze_excite"),
    ("depth = [0, 1, 2] -> depth = 0", "stage1.depth"),
    # What decides which keys are in use is wrong: of those, nothing is said.
    ('block = ["separable", "mbconv"] -> block = "conf"', "stage1.block"),
    ('kind = "logmel" -> kind = "mfcc"', "frontend.kind"),
    ('pruning = "none" -> pruning = "nothing"', "compression.pruning"),
    # Sections.
    ("[compression] -> [compresion]", "compresion compression"),
    ("[stage1] -> [stge1]", "stge1"),
    ("[head] -> [stage1000]\n[head]", "stage1000"),
    ('title = "a small space" -> titel = "x"', "titel"),
    ('title = "a small space" -> title = 3', "title"),
    ('title = "a small space" -> stem = 3', "stem"),
    ('title = "a small space" -> n_mels = 64', "n_mels"),
    ('title = "a small space" -> ensembles = 3', "ensembles"),
    # Between keys, once each is valid.
    ("f_max_hz = 0 -> f_max_hz = 9000", "frontend.f_max_hz"),
    ("f_min_hz = 50 -> f_min_hz = [0, 8000]", "frontend.f_min_hz"),
    ("window = 640 -> window = 640\nn_fft = 512", "frontend.n_fft"),
    ("kernel = 3 -> kernel = [3, 4]", "stage1.kernel"),
    ("kernel = 3 -> kernel = [0, 4]", "stage1.kernel"),
    # Models.
    ('report = "me" -> reprot = "me"', "models.mine.reprot models.mine.report"),
    ('classes = 10 -> classes = "10"', "models.mine.classes"),
    ("clip_s = 1.0 -> clip_s = 0", "models.mine.clip_s"),
    ('rule = "plain" -> rule = "plane"', "models.mine.rule"),
    ('rule = "plain" -> rule = ["plain"]', "models.mine.rule"),
    ('rule = "plain" -> ', "models.mine.rule"),
    ('report = "me" -> report = "me"\ntitle = 3', "models.mine.title"),
    ('report = "me" -> report = "me"\nprinted = 3', "models.mine.printed"),
    ('report = "me" -> report = "me"\nprinted.macs = 3', "models.mine.printed.macs"),
    ('report = "me" -> report = "me"\nprinted.params = "5"', "models.mine.printed.params"),
    ('report = "me" -> report = "me"\nlike = "yours"', "models.mine.like"),
    ('report = "me" -> report = "me"\nlike = ["mine"]', "models.mine.like"),
    ("[models.mine.choices] -> [models.mine.choice]", "models.mine.choice models.mine.choices"),
    # Choices, once all sections are valid.
    ("stage1.width = 16 -> stage1.width = 9", "models.mine.choices.stage1.width"),
    ("stage1.width = 16 -> stage1.width = [16]", "models.mine.choices.stage1.width"),
    ("stage1.width = 16 -> ", "models.mine.choices.stage1.width"),
    (
        "stage1.width = 16 -> stage1.widht = 16",
        "models.mine.choices.stage1.width models.mine.choices.stage1.widht",
    ),
    ("stage1.depth = 1 -> stage1.depth = 0", "models.mine.choices.stage1.depth"),
    ("stage1.depth = 1 -> stage1.depth = 7", "models.mine.choices.stage1.depth"),
    ('stage1.block = "separable" -> stage1.block = 7', "models.mine.choices.stage1.block"),
    ("kernel = 3 -> kernel = 3\nbias = [1, 2]", "stage1.bias stage1.bias"),
    (f'rule = "plain" -> rule = 1\n{OTHER}clip_s = -1', "models.mine.rule models.other.clip_s"),
    (
        f"[models.mine] -> {OTHER}choices.stage1.depth = 7\n[models.mine]",
        "models.other.choices.stage1.depth",
    ),
]


@pytest.fixture
def faults(tmp_path):
    """Give the faults of the space with some of its lines replaced, each with its path in front."""

    def read(*changes, text=SPACE):
        for change in changes:
            old, new = change.split(" -> ")
            assert f"{old}\n" in text
            text = text.replace(f"{old}\n", f"{new}\n", 1)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            read_space(path)
        lines = str(error.value).splitlines()
        assert all(re.match(rf"{path}(:\d+)?: ", line) for line in lines)
        return [line.partition(": ")[2] for line in lines]

    return read


def test_the_space_itself_is_valid(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SPACE, encoding="utf-8")
    assert list(read_space(path).models) == ["mine"]


@pytest.mark.parametrize(("change", "paths"), WRONG)
def test_a_fault_is_told_by_its_path(faults, change, paths):
    found = faults(change)
    assert sorted(fault.partition(": ")[0] for fault in found) == sorted(paths.split())
    assert all(": expected " in fault for fault in found)


def test_all_faults_are_told_at_once(faults):
    found = faults(
        'kind = "logmel" -> kind = "logmell"',
        "width = [12, 16] -> width = 0",
        "conv = 0 -> conv = -1",
        'rule = "plain" -> rule = "plane"',
    )
    assert [fault.partition(": expected")[0] for fault in found] == [
        *("frontend.kind", "stage1.width", "head.conv", "models.mine.rule")
    ]


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ('kind = "logmel" -> kind = "logmell"', "got 'logmell', did you mean 'logmel'?"),
        ('dropout = "plain 0.2" -> dropout = "plian 0.2"', ", did you mean 'plain'?"),
        ('rule = "plain" -> rule = "plain"\nprinted.parms = 5', ", did you mean 'params'?"),
        ('stage1.block = "separable" -> stage1.block = "sepable"', "did you mean 'separable'?"),
        ('stage1.pool = "none" -> stage1.pool = "none"\nstage1.wdith = 12', "'stage1.width'?"),
        ("width = [12, 16] -> width = [12, 'x']", "from 1 to 10,000, got 'x' in [12, 'x']"),
        ("[stage1] -> [stagee1]", ", did you mean 'stage1'?"),
    ],
)
def test_what_was_found_and_the_nearest_word_are_named(faults, change, end):
    assert faults(change)[0].endswith(end)


NAME = re.compile(r"[\w-]+")


def misspellings(line):
    """Give a line of TOML with each of the names in its header or key misspelt."""
    for found in NAME.finditer(line if line.startswith("[") else line.partition("=")[0]):
        name = f"x{found[0]}" if found[0].startswith("stage") else found[0] + found[0][-1]
        yield line[: found.start()] + name + line[found.end() :]


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_a_misspelt_name_is_never_passed_over(tmp_path, name):
    """Whatever is misspelt: it is read as something else that is valid, or told with its path."""
    text = shipped("search_spaces")[name].read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    keys = [line for line in text.splitlines() if "=" in line or line.startswith("[")]
    cases = [(line, wrong) for line in dict.fromkeys(keys[1:]) for wrong in misspellings(line)]
    told = 0
    for line, misspelt in random.Random(0).sample(cases, 30):
        path.write_text(text.replace(f"\n{line}\n", f"\n{misspelt}\n", 1), encoding="utf-8")
        try:
            ensembles_of(str(path))
        except ConfigError as error:
            told += 1
            lines = str(error).splitlines()
            assert all(re.match(rf"{path}(:\d+)?: [\w.-]+: expected ", each) for each in lines)
    assert told > 15


def test_the_faults_of_an_architecture_are_a_line_each(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SPACE, encoding="utf-8")
    architecture = read_space(path).models["mine"].architecture
    sections = {name: dict(values) for name, values in architecture.sections.items()}
    sections["stage1"] |= {"width": 0, "kernel": "3x"}
    with pytest.raises(ConfigError) as error:
        check_architecture(Architecture("mine", sections, ()))
    first, second = sorted(str(error.value).splitlines())
    assert first.startswith("architecture: stage1.kernel: expected a number or a pair")
    assert second == "architecture: stage1.width: expected a whole number from 1 to 10,000, got 0"
