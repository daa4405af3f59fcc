"""Waveforms in two bytes a sample, at 16-bit precision relative to the loudest sample nearby.

Conventions: a block is 1024 samples of one channel; its values are mantissa x 2^(exponent - 15)
with an int16 mantissa and an int8 exponent. Audio of 16 bits is kept exactly; anything else is
rounded at least 90 dB below the peak of its block; nothing is clipped, however loud.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
_LOWEST, _HIGHEST = -100, 127  # exponents that int8 holds, with scales that float32 holds


def block_count(samples: int) -> int:
    """Count the blocks of `samples` samples; the last one is filled up with zeros."""
    return -(-samples // BLOCK)


def encode(waveform: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Round a waveform to block floating point.

    Args:
        waveform: (channels, samples), finite.

    Returns:
        Mantissas (channels, blocks, 1024) and exponents (channels, blocks).
    """
    channels, samples = waveform.shape
    blocks = np.zeros((channels, block_count(samples), BLOCK), dtype=np.float32)
    blocks.reshape(channels, -1)[:, :samples] = waveform
    # A mantissa reaches -32768 but only 32767, so a block may go down to a power of two, not up.
    depths = np.nextafter(-blocks.min(axis=-1), np.float32(0))
    peaks = np.maximum(blocks.max(axis=-1), depths)
    exponents = np.clip(np.frexp(peaks)[1], _LOWEST, _HIGHEST)
    blocks *= np.ldexp(np.float32(1), 15 - exponents)[..., None]
    np.rint(blocks, out=blocks)
    np.clip(blocks, -32768, 32767, out=blocks)
    return blocks.astype(np.int16), exponents.astype(np.int8)


def decode(
    mantissas: NDArray[np.int16], exponents: NDArray[np.int8], samples: int
) -> NDArray[np.float32]:
    """Give back the waveform, (..., channels, samples) float32, of mantissas and exponents."""
    scale = np.ldexp(np.float32(1), exponents.astype(np.int32) - 15)
    blocks = np.multiply(mantissas, scale[..., None], dtype=np.float32)
    flat: NDArray[np.float32] = blocks.reshape(*mantissas.shape[:-2], -1)[..., :samples]
    return flat
