"""A space with many mistakes names each of them in one round, and nothing that only follows."""

import pytest

from nas_asc.architecture import Architecture
from nas_asc.errors import ConfigError
from nas_asc.space_file import check_architecture, read_space

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


@pytest.fixture
def faults(tmp_path):
    """Give the faults of the space with some of its lines replaced, by dotted path."""

    def read(*changes, text=SPACE):
        for old, new in changes:
            assert f"\n{old}\n" in text
            text = text.replace(f"\n{old}\n", f"\n{new}\n", 1)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            read_space(path)
        return [line.partition(": ")[2] for line in str(error.value).splitlines()]

    return read


def paths(found):
    return [fault.removeprefix("models.mine: ").split(":")[0] for fault in found]


def test_the_space_itself_is_valid(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SPACE, encoding="utf-8")
    assert list(read_space(path).models) == ["mine"]


def test_every_bad_option_of_a_list_is_named(faults):
    found = faults(
        ("width = [12, 16]", 'width = [12, "x", -3, -3]'),
        ('pool = ["none", "max 2x2"]', 'pool = ["non", "max 2y2"]'),
    )
    assert [fault.partition(", got ")[2] for fault in found] == [
        "'x' in [12, 'x', -3, -3]",
        "-3 in [12, 'x', -3, -3]",
        "'non' in ['non', 'max 2y2'], did you mean 'none'?",
        "'max 2y2' in ['non', 'max 2y2']",
    ]


def test_models_are_checked_beside_a_faulty_section(faults):
    found = faults(
        ('pruning = "none"', 'pruning = "nothing"'),
        ('report = "me"', 'reprot = "me"'),
        ('rule = "plain"', 'rule = "plane"'),
        ("frontend.n_mels = 32", "frontend.n_mels = 33"),
        ("stage1.depth = 1", "stage1.depth = 7"),
        ('compression.precision = "float16"', 'compression.precision = "float17"'),
    )
    # The options of [compression] are not known, so nothing is said about the choice there.
    assert paths(found) == [
        *("compression.pruning", "reprot", "rule", "frontend.n_mels", "stage1.depth")
    ]


def test_the_choices_for_a_misspelt_section_are_not_at_fault(faults):
    assert paths(faults(("[stage1]", "[stge1]"), ("width = [12, 16]", "width = 0"))) == [
        "stge1",
        "stge1.width",
    ]
    assert paths(faults(("[compression]", "[compresion]"))) == ["compresion"]


def test_what_is_wrong_between_keys_is_named_beside_what_is_wrong_with_one(faults):
    found = faults(
        ('kind = "logmel"', 'kind = "logmell"'),
        ("f_min_hz = 50", "f_min_hz = 9000"),
        ("window = 640", "window = 640\nn_fft = 512"),
        ("kernel = 3", "kernel = [3, 4]"),
        ("width = [12, 16]", "width = 0"),
    )
    assert sorted(paths(found)) == [
        *("frontend.f_min_hz", "frontend.kind", "frontend.n_fft"),
        *("stage1.kernel", "stage1.width"),
    ]


@pytest.mark.parametrize("key", ["sample_rate_hz", "n_fft", "f_max_hz"])
def test_nothing_is_said_between_a_key_and_one_that_is_faulty(faults, key):
    found = faults(
        ("f_min_hz = 50", "f_min_hz = 7999"),
        ("f_max_hz = 0", "f_max_hz = 8000"),
        ("n_mels = [32, 64]", "n_mels = [32, 321]"),
        ("sample_rate_hz = 16000", "sample_rate_hz = 16000\nn_fft = 0"),
        *{
            "sample_rate_hz": [("sample_rate_hz = 16000", 'sample_rate_hz = "16k"')],
            "n_fft": [("n_fft = 0", "n_fft = -1")],
            "f_max_hz": [("f_max_hz = 8000", "f_max_hz = -1")],
        }[key],
    )
    assert paths(found) == [f"frontend.{key}"]


def test_missing_and_idle_keys_are_named_beside_a_faulty_one(faults):
    found = faults(
        ('normalisation = "standard"', "normalisation = 3"),
        ("hop = 320", ""),
        ("conv = 0", 'conv = 0\nmap_dropout = "none"'),
        ('dropout = "plain 0.2"', 'dropout = "plain 2"'),
    )
    assert paths(found) == [
        *("frontend.hop", "frontend.normalisation"),
        *("head.map_dropout", "head.dropout"),
    ]


def test_what_a_faulty_selector_would_need_is_not_asked_for(faults):
    # Some block needs no width and some no kernel, but every block with this order an activation.
    found = faults(
        ('block = ["separable", "mbconv"]', 'block = "convolution"'),
        ("width = [12, 16]", ""),
        ("kernel = 3", ""),
        ('activation = "relu"', ""),
        *[("stage1.width = 16", ""), ('stage1.block = "separable"', "")],
    )
    assert paths(found) == ["stage1.activation", "stage1.block"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('kind = "logmel"', 'kind = "logmell"', "logmel"),
        ('block = ["separable", "mbconv"]', 'block = ["seperable", "mbconv"]', "separable"),
        ('rule = "plain"', 'rule = "plain"\nprinted.parms = 5', "params"),
        ('dropout = "plain 0.2"', 'dropout = "plian 0.2"', "plain"),
        ('precision = ["float16", "int8"]', 'precision = ["float16", "int9"]', "int8"),
        ('stage1.block = "separable"', 'stage1.block = "seperable"', "separable"),
    ],
)
def test_the_nearest_word_of_a_value_is_named(faults, old, new, word):
    (fault,) = faults((old, new))
    assert fault.endswith(f", did you mean {word!r}?")


def test_a_pair_with_a_zero_is_told_from_what_is_no_pair(faults):
    (fault,) = faults(('stride = "1x2"', 'stride = "0x2"'))
    assert fault.endswith("such as \"3x5\", each number from 1 to 10,000, got '0x2'")


def test_the_range_of_a_dropout_is_named(faults):
    (fault,) = faults(('dropout = "plain 0.2"', 'dropout = "plain 1.2"'))
    assert "its rate above 0 and below 1" in fault


@pytest.mark.parametrize("key", ["depth", "block", "pool"])
def test_only_the_cause_of_a_wrong_choice_is_named(faults, key):
    values = {"depth": "1", "block": '"separable"', "pool": '"none"'}
    (fault,) = faults((f"stage1.{key} = {values[key]}", f"stage1.{key} = 7"))
    assert fault.startswith(f"models.mine: stage1.{key}: expected one of [")
    assert fault.endswith(", got 7")


def test_a_depth_of_zero_where_it_is_no_option_is_the_only_fault(faults):
    found = faults(
        ("depth = [0, 1, 2]", "depth = [1, 2]"), ("stage1.depth = 1", "stage1.depth = 0")
    )
    assert found == ["models.mine: stage1.depth: expected one of [1, 2], got 0"]


def test_choices_for_a_dropped_stage_are_one_fault(faults):
    assert faults(("stage1.depth = 1", "stage1.depth = 0")) == [
        "models.mine: stage1.depth: expected no other choices of the stage with stage1.depth = 0, "
        "which drops it, got stage1.block, stage1.width, stage1.pool"
    ]


def test_a_stage_that_is_always_dropped_is_one_fault(faults):
    (fault,) = faults(("depth = [0, 1, 2]", "depth = 0"), ("stage1.depth = 1", ""))
    assert fault.startswith("stage1.depth: expected an option above 0, got 0 alone")


def test_a_wrong_choice_does_not_hide_what_is_wrong_in_any_case(faults):
    found = faults(
        ("stage1.depth = 1", "stage1.depth = 7"),
        ("stage1.width = 16", "stage1.width = 17\nstage1.widht = 12"),
        ('block = ["separable", "mbconv"]', 'block = "separable"'),
        *[("expand = [2, 4]", ""), ("squeeze_excite = 0.0", "")],
    )
    assert paths(found) == ["stage1.depth", "stage1.width", "stage1.widht"]


def test_what_a_model_takes_over_is_at_fault_once(faults):
    text = SPACE.replace('rule = "plain"', 'rule = "plane"').replace("width = 16", "width = 17")
    text += '[models.other]\nlike = "mine"\nclip_s = -1\n'
    assert [fault.partition(": expected")[0] for fault in faults(text=text)] == [
        "models.mine: rule",
        "models.mine: stage1.width",
        "models.other: clip_s",
    ]


def test_a_model_like_none_is_not_asked_for_what_it_might_take_over(faults):
    text = SPACE + '[models.other]\nlike = "mien"\nclip_s = -1\nchoices.stage1.depth = 7\n'
    found = faults(text=text)
    assert [fault.partition(": expected")[0] for fault in found] == [
        f"models.other: {key}" for key in ("like", "clip_s", "stage1.depth")
    ]
    assert found[0].endswith("got 'mien', did you mean 'mine'?")


def test_the_faults_of_an_architecture_are_a_line_each(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SPACE, encoding="utf-8")
    architecture = read_space(path).models["mine"].architecture
    sections = {name: dict(values) for name, values in architecture.sections.items()}
    sections["stage1"] |= {"width": 0, "block": "seperable"}
    with pytest.raises(ConfigError) as error:
        check_architecture(Architecture("mine", sections, ()))
    first, second = sorted(str(error.value).splitlines())
    assert first.startswith("architecture: stage1.block: expected one of conv, ")
    assert second == "architecture: stage1.width: expected a whole number from 1 to 10,000, got 0"


def test_a_misspelt_key_is_not_missing_too(faults):
    assert paths(faults(("width = [12, 16]", "widht = [12, 16]"))) == ["stage1.widht"]
    assert paths(faults(('report = "me"', 'reprot = "me"'))) == ["reprot"]
    (fault,) = faults(("stage1.width = 16", "stage1.widht = 16"))
    assert fault.endswith(
        "stage1.widht: expected a choice of the space, did you mean 'stage1.width'?"
    )


def test_a_key_that_stands_beside_its_misspelling_is_no_misspelling_of_it(faults):
    text = SPACE.replace("hop = 320", "").replace("window = 640", "window = 640\nwindw = 1024")
    assert paths(faults(text=text)) == ["frontend.hop", "frontend.windw"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            'titel = "x"',
            "titel: expected title, family or a section of a space, did you mean 'title'?",
        ),
        (
            "n_mels = 64",
            "n_mels: expected title, family or a section of a space - put n_mels below the line "
            "[frontend]",
        ),
        ("stmm = 3", "stmm: expected title, family or a section of a space, did you mean 'stem'?"),
        ("stem = 3", "stem: expected a section of a space, got 3"),
        ("title = 3", "title: expected a text, got 3"),
    ],
)
def test_a_key_in_front_of_the_sections_is_told_as_one(faults, line, fault):
    assert faults(('title = "a small space"', line), text=f"\n{SPACE}") == [fault]


def test_a_misspelt_family_is_the_only_fault(faults):
    text = 'familiy = ["mbconv"]\n[ensembles.x]\nclip_s = 3\n'
    assert faults(text=text) == [
        "familiy: expected title, family or a section of a space, did you mean 'family'?"
    ]


def test_ensembles_need_several_families(faults):
    (fault,) = faults(text=SPACE + "\n[ensembles.x]\nclip_s = 3\n")
    assert fault.startswith("ensembles: expected ensembles in a space of several families only")
