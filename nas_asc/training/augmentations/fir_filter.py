"""Low-pass, high-pass and band-pass filters: recordings that lack a part of the spectrum."""

from functools import cache, partial
from itertools import pairwise
from math import inf
from typing import Annotated

import numpy as np
import torch
from pydantic import Field, model_validator

from nas_asc.architectures import FrontEnd
from nas_asc.errors import ConfigError
from nas_asc.study import MOST, Share, Table
from nas_asc.training.augmentations.clipwise import front_end_of, mel_corners_hz
from nas_asc.training.augmentations.filtering import Bank, bank_of, filtered, log_power_in_bands
from nas_asc.training.batches import Batch

_MOST_TAPS = 10_000

Edge = Annotated[float, Field(gt=0, le=MOST)]


class EdgeFilters(Table):
    """Filters with one pass band up to, or from, one of these frequencies on.

    Attributes:
        edges_hz: where the pass band of each filter ends, or begins.
        taps: of each filter; odd for high-pass filters.
        transition_hz: from there to the stop band.
    """

    edges_hz: tuple[Edge, ...] = Field(strict=False)
    taps: int = Field(ge=3, le=_MOST_TAPS)
    transition_hz: float = Field(gt=0, le=MOST)


class BandFilters(Table):
    """Filters with a pass band between two of these frequencies; otherwise as `EdgeFilters`."""

    edges_hz: tuple[Annotated[tuple[Edge, Edge], Field(strict=False)], ...] = Field(strict=False)
    taps: int = Field(ge=3, le=_MOST_TAPS)
    transition_hz: float = Field(gt=0, le=MOST)


class FirFilter(Table):
    """Settings of the filters: each clip is filtered with a probability, by any of them alike."""

    probability: Share
    low_pass: EdgeFilters | None = None
    high_pass: EdgeFilters | None = None
    band_pass: BandFilters | None = None

    @model_validator(mode="after")
    def _some(self) -> "FirFilter":
        if not any(
            each and each.edges_hz for each in (self.low_pass, self.high_pass, self.band_pass)
        ):
            raise ValueError("low_pass: expected edges in it, high_pass or band_pass, got none")
        if self.high_pass and self.high_pass.taps % 2 == 0:
            raise ValueError(f"high_pass.taps: expected an odd number, got {self.high_pass.taps}")
        for kind, group in (("high_pass", self.high_pass), ("band_pass", self.band_pass)):
            for edges in group.edges_hz if group else ():
                assert group is not None
                low_hz, high_hz = edges if isinstance(edges, tuple) else (edges, inf)
                if not group.transition_hz < low_hz < high_hz:
                    raise ValueError(
                        f"{kind}.edges_hz: expected rising edges above the transition of "
                        f"{group.transition_hz:g} Hz, got {edges}"
                    )
        return self


def fir_filter(batch: Batch, generator: torch.Generator, settings: FirFilter) -> Batch:
    """Filter some clips (Pajusco et al. 2020, IMT report, DCASE), as devices and distances do.

    The filters are equiripple, of linear phase (Parks and McClellan 1972, doi
    10.1109/TCT.1972.1083419). In log-mels they are an offset in each bin, above their floor.

    A filter whose bands do not lie below half the sample rate is not drawn at that rate: a search
    may choose the rate, and there is nothing for such a filter to take, or to leave.

    Raises:
        ConfigError: a filter cannot be designed.
    """
    frontend = front_end_of(batch)
    bank = designed(settings, frontend.sample_rate_hz)
    if not len(bank):
        return batch
    log_power = partial(_log_power, settings, frontend)
    return filtered(batch, generator, settings.probability, bank, log_power)


@cache
def _log_power(settings: FirFilter, frontend: FrontEnd, mels: int) -> Bank:
    rate_hz = frontend.sample_rate_hz
    return log_power_in_bands(designed(settings, rate_hz), rate_hz, mel_corners_hz(frontend, mels))


@cache
def designed(settings: FirFilter, sample_rate_hz: int) -> Bank:
    """Design those that the rate allows, low-pass ones first, then high-pass and band-pass ones.

    Raises:
        ConfigError: the algorithm does not converge.
    """
    # takes long to load, and is needed with filters alone; scipy shows it by a star import
    from scipy.signal import remez  # type: ignore[attr-defined]

    half_hz = sample_rate_hz / 2
    responses = []
    for kind, group in (
        ("low_pass", settings.low_pass),
        ("high_pass", settings.high_pass),
        ("band_pass", settings.band_pass),
    ):
        for edges in group.edges_hz if group else ():
            assert group is not None
            pair = edges if isinstance(edges, tuple) else (edges, edges)
            below, above = pair[0] - group.transition_hz, pair[1] + group.transition_hz
            low, middle, high = (0.0, below), pair, (above, half_hz)
            bands, wanted = {
                "low_pass": ((0.0, *pair[:1], *high), (1, 0)),
                "high_pass": ((*low, *pair[:1], half_hz), (0, 1)),
                "band_pass": ((*low, *middle, *high), (0, 1, 0)),
            }[kind]
            if any(left >= right for left, right in pairwise(bands)):
                continue
            try:
                responses.append(remez(group.taps, bands, wanted, fs=sample_rate_hz))
            except ValueError:  # it does not converge
                raise ConfigError(
                    f"recipe.augmentations.fir_filter.{kind}: expected a filter at {edges} Hz that "
                    f"can be designed at {sample_rate_hz} Hz, got none of {group.taps} taps with "
                    f"a transition of {group.transition_hz:g} Hz - take fewer taps"
                ) from None
    return bank_of(responses) if responses else np.zeros((0, 1))
