import tomllib

import pytest

from nas_asc.errors import ConfigError
from nas_asc.space_file import read_space

LOGMEL = """
[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 512
hop = 256
n_mels = 32
f_min_hz = 0
f_max_hz = 0
normalisation = "none"
mean_spectrum = {mean_spectrum}
"""
WAVEFORM = """
[frontend]
kind = "waveform"
channels = 1
sample_rate_hz = 16000
"""
REST = """
[stage1]
{stage}

[head]
conv = 0
classifier = {classifier}
pooling = "avg"

[compression]
precision = "float16"
pruning = "none"
"""
CONV = 'block = "conv"\nwidth = 4\nactivation = "relu"\nstride = 1\nkernel = {}'


@pytest.fixture
def fault_of(tmp_path):
    def read(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        try:
            read_space(path)
        except ConfigError as error:
            return str(error).partition(": ")[2]
        return None

    return read


PLAIN = CONV.format(3)


def logmel(stage=PLAIN, classifier='"linear"', mean_spectrum="false"):
    front = LOGMEL.format(mean_spectrum=mean_spectrum)
    return front + REST.format(stage=stage, classifier=classifier)


@pytest.mark.parametrize("block", ["mbconv", "fused_mbconv"])
def test_a_block_with_a_shortcut_has_odd_kernels(fault_of, block):
    stage = (
        f'block = ["conv", "{block}"]\nwidth = 4\nactivation = "relu"\nstride = 1\nexpand = 2\n'
        'squeeze_excite = 0.0\nkernel = ["3x3", "3x4"]'
    )
    assert fault_of(logmel(stage)) == (
        "stage1.kernel: expected odd numbers, so that a block and its shortcut have one size, "
        "got '3x4'"
    )


def test_a_block_without_a_shortcut_may_have_even_kernels(fault_of):
    assert fault_of(logmel(CONV.format('["3x4", 2]'))) is None


def test_each_branch_of_an_inception_stage_has_a_width(fault_of):
    stage = 'block = "inception"\nactivation = "relu"\nbranches = ["3x3+pool", "1x1+3x3"]\n'
    assert fault_of(logmel(stage + "width = 4")) is None
    some = stage + "width_3x3 = [4, 8]\nwidth_pool = 4\n"
    assert fault_of(logmel(some + "width = 4")) is None
    assert fault_of(logmel(some)) == (
        "stage1.width_1x1: expected a whole number, or stage1.width for branches without one of "
        "their own, got nothing"
    )
    assert fault_of(logmel(some + "width_1x1 = 4")) is None
    assert fault_of(logmel(some + "width_1x1 = 4\nwidth = [4, 8]")) == (
        "stage1.width: expected one option, as every branch has a width of its own, got a choice"
    )


@pytest.mark.parametrize(
    ("stage", "fault"),
    [
        (CONV.format('"3x3"'), "stage1.kernel: expected lengths along one axis"),
        (CONV.format(3) + '\npool = ["none", "max 2x2"]', "stage1.pool: expected lengths"),
        (CONV.format(3) + '\npool = "max 4/2"', None),
    ],
)
def test_a_waveform_has_one_axis(fault_of, stage, fault):
    found = fault_of(WAVEFORM + REST.format(stage=stage, classifier='"linear"'))
    assert found is None if fault is None else found.startswith(fault)


def test_a_second_input_joins_a_linear_classifier_only(fault_of):
    classifiers = '["linear", "conv 3x3"]'
    assert fault_of(logmel(classifier=classifiers)) is None
    found = fault_of(logmel(classifier=classifiers, mean_spectrum="[false, true]"))
    assert found == (
        "head.classifier: expected linear where frontend.mean_spectrum can be true, got 'conv 3x3'"
    )


def test_a_second_spectrogram_takes_the_place_of_a_second_channel(fault_of):
    def text(channels, second_window):
        second = f"channels = {channels}\nsecond_window = {second_window}"
        return logmel().replace("channels = 1", second)

    assert fault_of(text("[1, 2]", 0)) is None
    assert fault_of(text(1, "[0, 1024]")) is None
    assert fault_of(text("[1, 2]", "[0, 1024]")) == (
        "frontend.channels: expected 1 where frontend.second_window can be set, got 2"
    )


@pytest.mark.parametrize(
    ("window", "n_fft", "most"),
    # A transform of n samples has n // 2 + 1 values from 0 Hz to half the rate.
    [("512", "0", 257), ("[512, 1024]", "0", 257), ("512", "2048", 1025), ("30", "[0, 64]", 16)],
)
def test_there_are_no_more_mel_bins_than_values_of_a_spectrum(fault_of, window, n_fft, most):
    def text(n_mels):
        fft = f"window = {window}\nn_fft = {n_fft}"
        return logmel().replace("window = 512", fft).replace("n_mels = 32", f"n_mels = {n_mels}")

    assert fault_of(text(f"[8, {most}]")) is None
    assert fault_of(text(f"[8, {most + 1}]")) == (
        f"frontend.n_mels: expected at most the {most} values of the shortest spectrum "
        f"(n_fft // 2 + 1), got {most + 1}"
    )


@pytest.mark.parametrize("key", ["n_fft", "second_window"])
@pytest.mark.parametrize(("value", "taken"), [("0", True), ("1024", True), ("1", False)])
@pytest.mark.parametrize("beside", ["", ", 2048"])
def test_windows_of_another_name_have_the_bounds_of_the_window(fault_of, key, value, taken, beside):
    words = "a whole number from 16 to 1,000,000"
    assert fault_of(logmel().replace("window = 512", "window = 1")) == (
        f"frontend.window: expected {words}, got 1"
    )
    fault = fault_of(logmel().replace("hop =", f"{key} = [{value}{beside}]\nhop ="))
    if taken:
        assert fault is None
    else:
        assert fault.startswith(f"frontend.{key}: expected 0 or {words}, got {value}")


def test_all_that_is_wrong_in_a_list_is_named(fault_of):
    stage = PLAIN.replace("kernel = 3", 'kernel = ["3x3", 5, "1x5"]')
    assert fault_of(WAVEFORM + REST.format(stage=stage, classifier='"linear"')) == (
        "stage1.kernel: expected lengths along one axis where frontend.kind can be waveform, "
        "got '3x3' and '1x5'"
    )


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("kernel", '[3, "3x3"]'),
        ("kernel", '[3, "3"]'),
        ("stride", '["1", "1x1"]'),
        ("squeeze_excite", "[0, 0.0]"),
        ("bias", "[true, true]"),
        ("pool", '["max 2", "max 2x2"]'),
        ("pool", '["avg 2x4", "avg 2x4/2x4"]'),
        ("dropout", '["plain 0.3", "plain 0.30"]'),
    ],
)
def test_options_that_mean_the_same_are_refused(fault_of, key, options):
    fault = f"stage1.{key}: expected different options, got {tomllib.loads('x=' + options)['x']}"
    assert fault_of(logmel(_with(key, options))) == fault


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("kernel", '[3, "3x1", "1x3"]'),
        ("squeeze_excite", "[0, 1]"),
        ("pool", '["none", "max 2", "avg 2", "max 2/1"]'),
        ("dropout", '["none", "plain 0.3", "plain 0.4"]'),
    ],
)
def test_options_that_mean_something_else_are_taken(fault_of, key, options):
    assert fault_of(logmel(_with(key, options))) is None


def test_classifiers_that_mean_the_same_are_refused(fault_of):
    fault = "head.classifier: expected different options, got ['linear', 'conv 3', 'conv 3x3']"
    assert fault_of(logmel(classifier='["linear", "conv 3", "conv 3x3"]')) == fault
    assert fault_of(logmel(classifier='["linear", "conv 3", "conv 1"]')) is None


def _with(key, options):
    """Give an inverted bottleneck, or a plain convolution for a bias, with other options."""
    block = "conv" if key == "bias" else "mbconv"
    stage = {"block": f'"{block}"', "width": "4", "activation": '"relu"', "stride": "1"}
    if block == "mbconv":
        stage |= {"expand": "2", "squeeze_excite": "0.0"}
    return "\n".join(f"{k} = {v}" for k, v in {**stage, "kernel": "3", key: options}.items())
