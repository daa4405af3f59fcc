"""What must hold between the keys of a space, and which options mean the same."""

import pytest
from space_text import NO_MODELS, with_keys

from nas_asc.errors import ConfigError
from nas_asc.spaces.space_file import read_space

CONV = {
    **{"stage1.block": '"conv"', "stage1.expand": None, "stage1.squeeze_excite": None},
    **{"stage1.stride": 1, "stage1.pool": None},
}
MBCONV = {"stage1.block": '"mbconv"', "stage1.expand": 2, "stage1.squeeze_excite": 0.0}
INCEPTION = {
    **{"stage1.block": '"inception"', "stage1.branches": '["3x3+pool", "1x1+3x3"]'},
    **dict.fromkeys(("stage1.width", "stage1.kernel", "stage1.stride")),
}
WIDTHS = {f"stage1.width_{branch}": 4 for branch in ("3x3", "pool", "1x1")}
MAPS = '["linear", "conv 3x3"]'
WAVEFORM = """[frontend]
kind = "waveform"
channels = 1
sample_rate_hz = 16000

"""


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


def logmel(values):
    return with_keys(NO_MODELS, {**CONV, **values})


def waveform(values):
    text = logmel(values)
    return WAVEFORM + text[text.index("[stage1]") :]


@pytest.mark.parametrize(
    ("text", "path", "got"),
    [
        (logmel({**MBCONV, "stage1.kernel": '["3x3", "3x4"]'}), "stage1.kernel", "got '3x4'"),
        (logmel({"stage1.kernel": '["3x4", 2]'}), "", ""),  # no shortcut
        (logmel({**INCEPTION, "stage1.width_3x3": "[4, 8]", "stage1.width": 4}), "", ""),
        (logmel({**INCEPTION, **WIDTHS}), "", ""),
        (logmel({**INCEPTION, **WIDTHS, "stage1.width_1x1": None}), "stage1.width_1x1", "nothing"),
        (logmel({**INCEPTION, **WIDTHS, "stage1.width": "[4, 8]"}), "stage1.width", "a choice"),
        (waveform({"stage1.kernel": '["3x3", 5, "1x5"]'}), "stage1.kernel", "got '3x3' and '1x5'"),
        (waveform({"stage1.pool": '["none", "max 2x2"]'}), "stage1.pool", "'max 2x2'"),
        (waveform({"stage1.pool": '"max 4/2"'}), "", ""),
        (logmel({"head.classifier": MAPS}), "", ""),
        (
            logmel({"head.classifier": MAPS, "frontend.mean_spectrum": "[false, true]"}),
            *("head.classifier", "got 'conv 3x3'"),
        ),
        (logmel({"frontend.channels": "[1, 2]", "frontend.second_window": 0}), "", ""),
        (logmel({"frontend.second_window": "[0, 1024]"}), "", ""),
        (
            logmel({"frontend.channels": "[1, 2]", "frontend.second_window": "[0, 1024]"}),
            *("frontend.channels", "got 2"),
        ),
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
    lengths = {"frontend.window": window, "frontend.n_fft": n_fft}
    assert not fault_of(logmel({**lengths, "frontend.n_mels": f"[8, {most}]"}))
    fault = fault_of(logmel({**lengths, "frontend.n_mels": f"[8, {most + 1}]"}))
    assert fault.startswith(f"frontend.n_mels: expected at most the {most} values of the shortest")


@pytest.mark.parametrize(
    ("key", "options", "differ"),
    [
        ("stage1.kernel", '[3, "3x3"]', False),
        ("stage1.kernel", '["3", 3]', False),
        ("stage1.kernel", '[3, "3x1", "1x3"]', True),
        ("stage1.bias", "[true, true]", False),
        ("stage1.squeeze_excite", "[0, 0.0]", False),
        ("stage1.squeeze_excite", "[0, 1]", True),
        ("stage1.pool", '["avg 2x4", "avg 2x4/2x4"]', False),
        ("stage1.pool", '["none", "max 2", "avg 2", "max 2/1"]', True),
        ("stage1.dropout", '["plain 0.3", "plain 0.30"]', False),
        ("stage1.dropout", '["none", "plain 0.3", "plain 0.4"]', True),
        ("head.classifier", '["linear", "conv 3", "conv 3x3"]', False),
        ("head.classifier", '["linear", "conv 3", "conv 1"]', True),
    ],
)
def test_options_that_mean_the_same_are_refused(fault_of, key, options, differ):
    block = MBCONV if key == "stage1.squeeze_excite" else {}
    fault = fault_of(logmel({**block, key: options}))
    assert fault == "" if differ else fault.startswith(f"{key}: expected different options, got [")
