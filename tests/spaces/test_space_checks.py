"""What must hold between the keys of a space, and which options mean the same."""

import pytest

from nas_asc.errors import ConfigError
from nas_asc.spaces.space_file import read_space

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
PLAIN = CONV.format(3)
MBCONV = CONV.replace('"conv"', '"mbconv"') + "\nexpand = 2\nsqueeze_excite = {}"
INCEPTION = 'block = "inception"\nactivation = "relu"\nbranches = ["3x3+pool", "1x1+3x3"]\n'


@pytest.fixture
def fault_of(tmp_path):
    def read(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        try:
            read_space(path)
        except ConfigError as error:
            return str(error).partition(": ")[2]
        return ""

    return read


def logmel(stage=PLAIN, classifier='"linear"', mean_spectrum="false", **keys):
    text = LOGMEL.format(mean_spectrum=mean_spectrum)
    for key, value in keys.items():
        old = [line for line in text.splitlines() if line.startswith(f"{key} =")]
        text = text.replace(old[0], f"{key} = {value}") if old else f"{text}{key} = {value}\n"
    return text + REST.format(stage=stage, classifier=classifier)


def waveform(stage):
    return WAVEFORM + REST.format(stage=stage, classifier='"linear"')


@pytest.mark.parametrize(
    ("text", "path", "got"),
    [
        (logmel(MBCONV.format('["3x3", "3x4"]', 0.0)), "stage1.kernel", "got '3x4'"),
        (logmel(CONV.format('["3x4", 2]')), "", ""),  # no shortcut
        (logmel(INCEPTION + "width = 4"), "", ""),
        (logmel(INCEPTION + "width_3x3 = [4, 8]\nwidth_pool = 4\nwidth = 4"), "", ""),
        (logmel(INCEPTION + "width_3x3 = [4, 8]\nwidth_pool = 4"), "stage1.width_1x1", "nothing"),
        (logmel(INCEPTION + "width_3x3 = 4\nwidth_pool = 4\nwidth_1x1 = 4"), "", ""),
        (
            logmel(INCEPTION + "width_3x3 = 4\nwidth_pool = 4\nwidth_1x1 = 4\nwidth = [4, 8]"),
            *("stage1.width", "got a choice"),
        ),
        (waveform(CONV.format('["3x3", 5, "1x5"]')), "stage1.kernel", "got '3x3' and '1x5'"),
        (waveform(PLAIN + '\npool = ["none", "max 2x2"]'), "stage1.pool", "'max 2x2'"),
        (waveform(PLAIN + '\npool = "max 4/2"'), "", ""),
        (logmel(classifier='["linear", "conv 3x3"]'), "", ""),
        (
            logmel(classifier='["linear", "conv 3x3"]', mean_spectrum="[false, true]"),
            *("head.classifier", "got 'conv 3x3'"),
        ),
        (logmel(channels="[1, 2]", second_window=0), "", ""),
        (logmel(channels=1, second_window="[0, 1024]"), "", ""),
        (logmel(channels="[1, 2]", second_window="[0, 1024]"), "frontend.channels", "got 2"),
        (logmel(window=1), "frontend.window", "got 1"),
        (logmel(n_fft="[0, 1]"), "frontend.n_fft", "got 1 in [0, 1]"),
        (logmel(second_window=1), "frontend.second_window", "got 1"),
    ],
)
def test_every_point_of_a_space_can_be_built(fault_of, text, path, got):
    fault = fault_of(text)
    assert fault.partition(": expected ")[0] == path
    assert fault.endswith(got)


@pytest.mark.parametrize(
    ("window", "n_fft", "most"),
    # A transform of n samples has n // 2 + 1 values from 0 Hz to half the rate.
    [("512", "0", 257), ("[512, 1024]", "0", 257), ("512", "2048", 1025), ("30", "[0, 64]", 16)],
)
def test_there_are_no_more_mel_bins_than_values_of_a_spectrum(fault_of, window, n_fft, most):
    assert not fault_of(logmel(window=window, n_fft=n_fft, n_mels=f"[8, {most}]"))
    assert fault_of(logmel(window=window, n_fft=n_fft, n_mels=f"[8, {most + 1}]")) == (
        f"frontend.n_mels: expected at most the {most} values of the shortest spectrum "
        f"(n_fft // 2 + 1), got {most + 1}"
    )


@pytest.mark.parametrize(
    ("stage", "differ"),
    [
        (CONV.format('[3, "3x3"]'), False),
        (CONV.format('[3, "3"]'), False),
        (CONV.format('[3, "3x1", "1x3"]'), True),
        (PLAIN + "\nbias = [true, true]", False),
        (MBCONV.format(3, "[0, 0.0]"), False),
        (MBCONV.format(3, "[0, 1]"), True),
        (PLAIN + '\npool = ["max 2", "max 2x2"]', False),
        (PLAIN + '\npool = ["avg 2x4", "avg 2x4/2x4"]', False),
        (PLAIN + '\npool = ["none", "max 2", "avg 2", "max 2/1"]', True),
        (PLAIN + '\ndropout = ["plain 0.3", "plain 0.30"]', False),
        (PLAIN + '\ndropout = ["none", "plain 0.3", "plain 0.4"]', True),
    ],
)
def test_options_that_mean_the_same_are_refused(fault_of, stage, differ):
    assert (": expected different options, got [" not in fault_of(logmel(stage))) == differ


def test_classifiers_that_mean_the_same_are_refused(fault_of):
    fault = "head.classifier: expected different options, got ['linear', 'conv 3', 'conv 3x3']"
    assert fault_of(logmel(classifier='["linear", "conv 3", "conv 3x3"]')) == fault
    assert not fault_of(logmel(classifier='["linear", "conv 3", "conv 1"]'))
