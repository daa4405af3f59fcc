"""What a report model is fed and costs, in words; numbers from report_models.md."""

import pytest
from shipped_models import NETWORKS

from nas_asc.reports.description import headline, input_words
from nas_asc.reports.lookup import find_model, report_model
from nas_asc.reports.verification import verify

FED = {
    "srpol-c3multi": (
        "1x256x469: 1 channel at 48000 Hz",
        "window 4096, hop 1024, 256 mel bins",
        "469 frames; standardised per mel bin",
        "second input 256: the clip's mean spectrum",
    ),
    "srpol-c10separable": ("1x256x469", "window 4096, hop 1024, 256 mel bins", "standardised"),
    "srpol-3": ("1x256x59", "window 8192, hop 8192, 256 mel bins", "59 frames; not normalised"),
    "srpol-4": (
        "2x32x235: 2 channels at 48000 Hz",
        "window 4096, hop 2048, 32 mel bins",
        "window 16384, hop 15001, 235 mel bins",
        "32 frames, transposed; peak-normalised",
    ),
    "deepsound-128": (
        "1x128x640: 1 channel at 44100 Hz",
        "Hann window 2760, hop 690, 128 mel bins from 10 to 16000 Hz, 640 frames",
        "a first batch norm per mel bin",
    ),
    "netease-teacher": (
        "1x256x51: 1 channel at 44100 Hz",
        "Hamming window 3528 (4096 Fourier points), hop 882, 256 mel bins",
        "51 frames",
    ),
    "ntu-vggnet": (
        "1x48x467: 1 channel at 48000 Hz",
        "Hann window 2048, hop 1024, not centred, 48 mel bins from 0 to 24000 Hz, 467 frames",
        "not normalised",
    ),
    "imt-c": ("waveform 2x180000: 2 channels at 18000 Hz, not normalised",),
}


def fed(model_id):
    model = report_model(model_id)
    return input_words(model.architecture.frontend, model.clip_s)


@pytest.mark.parametrize("model_id", FED)
def test_what_a_network_is_fed(model_id):
    words = fed(model_id)
    assert all(part in words for part in FED[model_id]), words


def test_only_c3multi_has_a_second_input():
    assert [i for i in NETWORKS if "second input" in fed(i)] == ["srpol-c3multi"]


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("ntu-vggnet", "80,839 parameters, 17,115 of them in the non-zero count, 66.9 KB of those"),
        ("imt-b", "30,080 parameters, 29,888 of them in the non-zero count, 58.4 KB of those"),
        (
            "ntu-ensemble",
            "571,766 parameters, 119,758 of them in the non-zero count, 467.8 KB of those",
        ),
        ("deepsound-160", "62,346 parameters, 121.8 KB; 397 M MACs"),
    ],
)
def test_the_kilobytes_name_the_parameters_that_they_are_of(model_id, words):
    assert f": {words}" in headline(verify(find_model(model_id)))
