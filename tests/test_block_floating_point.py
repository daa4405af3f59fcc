import numpy as np
import pytest

from nas_asc.block_floating_point import BLOCK, block_count, decode, encode


def through(waveform):
    return decode(*encode(waveform), waveform.shape[1])


def test_sixteen_bit_audio_is_kept_exactly():
    every_value = np.arange(-32768, 32768, dtype=np.float32)[None] / 32768

    assert np.array_equal(through(every_value), every_value)


@pytest.mark.parametrize("gain", [1e-6, 1e-3, 1.0, 50.0])
def test_the_error_is_90_db_below_the_peak_of_the_block(gain):
    rng = np.random.default_rng(1)
    waveform = (gain * rng.uniform(-1, 1, (2, 10 * BLOCK))).astype(np.float32)

    error = np.abs(through(waveform) - waveform).max()

    assert 20 * np.log10(error / gain) < -90


def test_a_quiet_block_beside_a_loud_one_keeps_its_precision():
    waveform = np.ones((1, 2 * BLOCK), dtype=np.float32)
    quiet = 1e-4 * np.sin(np.arange(BLOCK))
    waveform[0, BLOCK:] = quiet

    np.testing.assert_allclose(through(waveform)[0, BLOCK:], quiet, atol=1e-4 / 2**15)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e-42, 1e38])
def test_extreme_values_survive(value):
    waveform = np.full((1, 5), value, dtype=np.float32)

    np.testing.assert_allclose(through(waveform), waveform, rtol=2**-14, atol=1e-30)


@pytest.mark.parametrize(("samples", "blocks"), [(1, 1), (1024, 1), (1025, 2)])
def test_the_last_block_is_filled_up(samples, blocks):
    mantissas, exponents = encode(np.ones((3, samples), dtype=np.float32))

    assert block_count(samples) == blocks
    assert (mantissas.shape, mantissas.dtype) == ((3, blocks, BLOCK), np.int16)
    assert (exponents.shape, exponents.dtype) == ((3, blocks), np.int8)
    assert decode(mantissas, exponents, samples).shape == (3, samples)
