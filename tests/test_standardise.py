import numpy as np
import torch

from nas_asc.standardise import standardised, standards_of


def planes(seed=0):
    """Clips of two planes, (40, 2, 3, 5): of the first mel bins are rows, of the second columns."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(40, 2, 3, 5))
    values[:, 0] = values[:, 0] * np.array([1, 2, 3])[:, None] + np.array([5, -5, 0])[:, None]
    values[:, 1] = values[:, 1] * np.array([4, 1, 2, 1, 3]) + np.array([0, 9, -9, 1, 2])
    return torch.from_numpy(values).half()


def test_each_mel_bin_gets_mean_0_and_deviation_1():
    inputs = planes()[:, :1]
    (standard,) = standards_of(inputs, second_plane=False)

    assert standard.shape == (2, 3)
    bins = standardised(inputs, standard).double().transpose(0, 2).flatten(1)
    torch.testing.assert_close(bins.mean(1), torch.zeros(3).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(bins.std(1, correction=0), torch.ones(3).double(), atol=1e-3, rtol=0)


def test_a_second_plane_has_a_standard_of_its_own_along_its_own_mel_bins():
    inputs = planes()
    first, second = standards_of(inputs, second_plane=True)

    assert (first.shape, second.shape) == ((2, 3), (2, 5))
    result = standardised(inputs, first, second)
    assert result.shape == inputs.shape
    rows = result[:, 0].double().transpose(0, 1).flatten(1)
    columns = result[:, 1].double().transpose(0, 2).flatten(1)
    for bins in (rows, columns):
        expected = torch.ones(len(bins)).double()
        torch.testing.assert_close(bins.mean(1), 0 * expected, atol=1e-3, rtol=0)
        torch.testing.assert_close(bins.std(1, correction=0), expected, atol=1e-3, rtol=0)
