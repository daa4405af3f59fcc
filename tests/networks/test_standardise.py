import numpy as np
import pytest
import torch

from nas_asc.errors import ExportError
from nas_asc.networks.standardisation import Standardisation, statistics_of


def clips(seed=0):
    """Clips of two spectrograms, (40, 2, 3, 5): mel bins are rows, of the second columns."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, 2, 3, 5))
    values[:, 0] = values[:, 0] * np.array([1, 2, 3])[:, None] + np.array([5, -5, 0])[:, None]
    values[:, 1] = values[:, 1] * np.array([4, 1, 2, 1, 3]) + np.array([0, 9, -9, 1, 2])
    return torch.from_numpy(values).half()


def assert_standard(bins):
    """Each row of (bin, value) has mean 0 and deviation 1."""
    expected = torch.ones(len(bins)).double()
    torch.testing.assert_close(bins.mean(1), 0 * expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(bins.std(1, correction=0), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 2])
def test_each_mel_bin_gets_mean_0_and_deviation_1(channels):
    inputs = clips()[:, :channels]
    standardisation = Standardisation((channels, 3, 5))
    standardisation.fit(inputs)

    assert [s.shape for s in standardisation.statistics] == [(2, 3)]
    assert_standard(standardisation(inputs).double().transpose(0, 2).flatten(1))


def test_a_second_spectrogram_is_standardised_along_its_own_mel_bins():
    inputs = clips()
    standardisation = Standardisation((2, 3, 5), second_plane=True)
    standardisation.fit(inputs)

    assert [s.shape for s in standardisation.statistics] == [(2, 3), (2, 5)]
    result = standardisation(inputs)
    assert result.shape == inputs.shape
    assert_standard(result[:, 0].double().transpose(0, 1).flatten(1))
    assert_standard(result[:, 1].double().transpose(0, 2).flatten(1))


def test_the_standard_is_the_mean_and_deviation_over_all_clips_and_frames():
    """Of more values than are taken at a time, and far from 0, where digits would be lost first."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(70, 1, 8, 4000)) * np.linspace(0.05, 4, 8)[:, None] - 15
    inputs = torch.from_numpy(values).half()
    bins = inputs[:, 0].numpy().astype(np.float64).swapaxes(0, 1).reshape(8, -1)

    mean, deviation = statistics_of(inputs).numpy()

    np.testing.assert_allclose(mean, bins.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(deviation, bins.std(axis=1), rtol=1e-6)


def test_a_mel_bin_that_never_changes_becomes_0():
    silence = torch.full((4, 1, 2, 10), -18.42).half()
    standardisation = Standardisation((1, 2, 10))
    standardisation.fit(silence)

    assert standardisation(silence).abs().max() < 1e-3


def test_it_changes_nothing_and_has_nothing_to_train_before_it_is_fitted():
    standardisation = Standardisation((1, 3, 5))
    inputs = clips()[:, :1].float()

    assert torch.equal(standardisation(inputs), inputs)
    assert not list(standardisation.parameters())


@pytest.mark.parametrize(
    ("standards", "fault"),
    [
        ([], r"shape \(2, 3\), found none, is it of another model"),
        ([torch.ones(2, 4)], r"\(2, 3\), found \(2, 4\)"),
        ([torch.ones(2, 3), torch.ones(2, 5)], r"found \(2, 3\) and \(2, 5\)"),
        ([torch.full((2, 3), torch.nan)], "expected finite means"),
        ([torch.zeros(2, 3)], "deviations above 0"),
    ],
)
def test_standards_of_other_clips_are_refused(standards, fault):
    with pytest.raises(ExportError, match=fault):
        Standardisation((1, 3, 5)).load(standards)
