"""Spaces that are read, and wrong ones: each fault is told by its dotted path, nothing else is."""

import random
import re

import pytest
from space_text import NO_MODELS, SPACE, with_keys

from nas_asc.architectures.architecture import Architecture
from nas_asc.complexity.counting import count
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import ensembles_of
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import check_architecture, load_space, read_space

OTHER = '[models.other]\nlike = "mine"\n'
# Lines that stand for one another, as "old -> new ; old -> new", and where the faults are.
WRONG = [
    # Values and options.
    ("width = [12, 16] -> width = 0", "stage1.width"),
    ("width = [12, 16] -> width = true", "stage1.width"),
    ("width = [12, 16] -> width = [4, 8.0]", "stage1.width"),
    ("width = [12, 16] -> width = []", "stage1.width"),
    ('width = [12, 16] -> width = [12, "x", -3, -3]', "stage1.width stage1.width"),
    ("kernel = 3 -> kernel = [[3, 5]]", "stage1.kernel"),
    (f"kernel = 3 -> kernel = {'[' * 9}{']' * 9}", "stage1.kernel"),
    ("[head] -> [stage1.more]\n[head]", "stage1.more"),
    ('activation = "relu" -> activation = "tanh"', "stage1.activation"),
    ('pool = ["none", "max 2x2"] -> pool = ["non", "max 2y2"]', "stage1.pool stage1.pool"),
    # Keys: unknown, missing, not in use.
    ("n_mels = [32, 64] -> n_mel = [32, 64]", "frontend.n_mel frontend.n_mels"),
    ("width = [12, 16] -> ", "stage1.width"),
    ("conv = 0 -> ", "head.conv"),
    ("conv = 0 -> conv = [0, 8]", "head.activation"),
    ('conv = 0 -> conv = 0\nmap_dropout = "none"', "head.map_dropout"),
    ('pruning = "none" -> pruning = ["none", "magnitude"]', "compression.sparsity"),
    ('block = ["separable", "mbconv"] -> block = "conv"', "stage1.expand stage1.squeeze_excite"),
    ("depth = [0, 1, 2] -> depth = 0", "stage1.depth"),
    # What decides which keys are in use is wrong: of those, nothing is said.
    ('block = ["separable", "mbconv"] -> block = "conf"', "stage1.block"),
    # Sections.
    ("[compression] -> [compresion]", "compresion compression"),
    ("[head] -> [stage1000]\n[head]", "stage1000"),
    ('title = "a small space" -> titel = "x"', "titel"),
    ('title = "a small space" -> title = 3', "title"),
    ('title = "a small space" -> stem = 3', "stem"),
    ('title = "a small space" -> ensembles = 3', "ensembles"),
    # Units of a front end.
    ("hop = 320 -> ", "frontend.hop"),
    ("f_max_hz = 0 -> ", "frontend.f_max_hz"),
    ("hop = 320 -> hop = 320\nhop_ms = 20", "frontend.hop_ms"),
    ("f_max_hz = 0 -> f_max_hz = 0\nf_max_share = 0.9", "frontend.f_max_share"),
    ("hop = 320 -> hop_ms = 20", "frontend.hop_ms"),
    ("f_max_hz = 0 -> f_max_share = 1.5", "frontend.f_max_share"),
    ('sample_rate_hz = 16000 -> sample_rate_hz = "date"', "frontend.sample_rate_hz"),
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
    ('rule = "plain" -> ', "models.mine.rule"),
    ('report = "me" -> report = "me"\nprinted = 3', "models.mine.printed"),
    ('report = "me" -> report = "me"\nprinted.params = "5"', "models.mine.printed.params"),
    ('report = "me" -> report = "me"\nlike = "yours"', "models.mine.like"),
    ('report = "me" -> report = "me"\nlike = ["mine"]', "models.mine.like"),
    ("[models.mine.choices] -> [models.mine.choice]", "models.mine.choice models.mine.choices"),
    # Choices, once all sections are valid.
    ("stage1.width = 16 -> stage1.width = 9", "models.mine.choices.stage1.width"),
    ("stage1.width = 16 -> ", "models.mine.choices.stage1.width"),
    (
        "stage1.width = 16 -> stage1.widht = 16",
        "models.mine.choices.stage1.width models.mine.choices.stage1.widht",
    ),
    ("stage1.depth = 1 -> stage1.depth = 0", "models.mine.choices.stage1.depth"),
    ('stage1.block = "separable" -> stage1.block = 7', "models.mine.choices.stage1.block"),
    ("kernel = 3 -> kernel = 3\nbias = [1, 2]", "stage1.bias stage1.bias"),
    (f'rule = "plain" -> rule = 1\n{OTHER}clip_s = -1', "models.mine.rule models.other.clip_s"),
    (  # all at once
        'kind = "logmel" -> kind = 3 ; width = [12, 16] -> width = 0 ; clip_s = 1.0 -> clip_s = -1',
        "frontend.kind stage1.width models.mine.clip_s",
    ),
    (
        f"[models.mine] -> {OTHER}choices.stage1.depth = 7\n[models.mine]",
        "models.other.choices.stage1.depth",
    ),
]


@pytest.fixture
def read(tmp_path):
    """Read the space with some of its lines replaced."""

    def read_changed(*changes, text=SPACE):
        for change in changes:
            old, new = change.split(" -> ")
            assert f"{old}\n" in text
            text = text.replace(f"{old}\n", f"{new}\n", 1)
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return read_space(tmp_path / "mine.toml")

    return read_changed


@pytest.fixture
def faults(read, tmp_path):
    """Give the faults of the space with some of its lines replaced, each with its path in front."""

    def found(*changes, text=SPACE):
        with pytest.raises(ConfigError) as error:
            read(*changes, text=text)
        lines = str(error.value).splitlines()
        assert all(re.match(rf"{tmp_path}/mine.toml(:\d+)?: ", line) for line in lines)
        return [line.partition(": ")[2] for line in lines]

    return found


@pytest.mark.parametrize("name", shipped("search_spaces"))
def test_every_shipped_space_is_valid_and_every_point_of_it_an_architecture(name):
    space, rng = load_space(name), random.Random(0)
    assert space.name == name
    for architecture in (
        *(model.architecture for model in space.models.values()),
        *(space.random(rng) for _ in range(200)),
    ):
        check_architecture(Architecture.from_dict(architecture.to_dict()))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_other_systems_are_read(tmp_path, mark, end):
    path = tmp_path / "mine.toml"
    path.write_bytes((mark + SPACE.replace("\n", end)).encode("utf-8"))
    space = read_space(path)
    assert (space.name, space.title) == ("mine", "a small space")
    # Mel bins; no stage, or depths x widths x poolings (x expansions); precisions.
    assert space.size() == 2 * (1 + 2 * (2 * 2 + 2 * 2 * 2)) * 2


def test_sections_are_walked_in_the_order_of_the_network(read):
    stage = NO_MODELS[NO_MODELS.index("[stage1]") : NO_MODELS.index("[head]")]
    others = "".join(stage.replace("stage1", name) for name in ("stage10", "stage2", "stem"))
    sections = read(text=NO_MODELS + others).architecture(lambda p: p.options[0]).sections
    assert " ".join(sections) == "frontend stem stage1 stage2 stage10 head compression"


def test_a_kernel_or_stride_may_be_a_number_in_quotes(read):
    plain = read(text=with_keys(SPACE, {"stage1.kernel": 3, "stage1.stride": 2}))
    quoted = read(text=with_keys(SPACE, {"stage1.kernel": '"3"', "stage1.stride": '"2"'}))
    for width in (12, 16):
        choices = {**plain.models["mine"].architecture.choices, "stage1.width": width}
        one, other = (count(space.from_choices(choices), 3, 1.0) for space in (plain, quoted))
        assert (one.counted_params, one.counted_macs) == (other.counted_params, other.counted_macs)


def test_a_report_model_is_a_point_that_another_may_be_like(read):
    added = "clip_s = 2.5\nchoices.stage1.width = 12\n"
    models = read(text=SPACE + OTHER + added).models
    mine, other = models["mine"], models["other"]
    assert (mine.classes, mine.clip_s, mine.rule) == (10, 1.0, "plain")
    assert dict(mine.architecture.choices) == {
        "frontend.n_mels": 32,
        "stage1.depth": 1,
        "stage1.block": "separable",
        "stage1.pool": "none",
        "stage1.width": 16,
        "compression.precision": "float16",
    }
    assert (other.classes, other.clip_s) == (10, 2.5)
    assert other.architecture.choices == {**mine.architecture.choices, "stage1.width": 12}


@pytest.mark.parametrize("width", ["16", "[16]"])
def test_a_choice_that_is_fixed_at_the_same_value_is_taken(read, width):
    narrowed, free = read(f"width = [12, 16] -> width = {width}"), read()
    mine = narrowed.models["mine"].architecture
    assert mine == free.models["mine"].architecture
    assert "stage1.width" not in mine.choices
    assert "stage1.width" not in [p.path for p in narrowed.parameters()]
    choices = dict(mine.choices)
    assert narrowed.from_choices(choices) == narrowed.from_choices({**choices, "stage1.width": 16})


@pytest.mark.parametrize(("change", "paths"), WRONG)
def test_a_fault_is_told_by_its_path(faults, change, paths):
    found = faults(*change.split(" ; "))
    assert sorted(fault.partition(": ")[0] for fault in found) == sorted(paths.split())
    assert all(": expected " in fault for fault in found)


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ('kind = "logmel" -> kind = "logmell"', "got 'logmell', did you mean 'logmel'?"),
        ('dropout = "plain 0.2" -> dropout = "plian 0.2"', ", did you mean 'plain'?"),
        ('stage1.pool = "none" -> stage1.pool = "none"\nstage1.wdith = 12', "'stage1.width'?"),
        ("width = [12, 16] -> width = [12, 'x']", "from 1 to 10,000, got 'x' in [12, 'x']"),
        ("[stage1] -> [stagee1]", ", did you mean 'stage1'?"),
        ("width = [12, 16] -> width = 12", "expected 12, at which the space fixes it, got 16"),
    ],
)
def test_what_was_found_and_the_nearest_word_are_named(faults, change, end):
    assert end in faults(change)[0]


@pytest.mark.parametrize("text", [f"models = 3\n{NO_MODELS}", f"{NO_MODELS}[models]\nmine = 3\n"])
def test_models_are_tables(faults, text):
    (fault,) = faults(text=text)
    assert fault.startswith("models: expected one table per model, [models.ID]")


def misspellings(line):
    """Give a line of TOML with each of the names in its header or key misspelt."""
    for found in re.finditer(r"[\w-]+", line if line.startswith("[") else line.partition("=")[0]):
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
