"""Front ends that do not suit the data are not proposed, and a search is never left with none."""

import random
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from recipe_cases import recipe
from study_cases import DATASET, task

from nas_asc.architectures import has_empty_band
from nas_asc.complexity.budget import Budget
from nas_asc.datasets import Clip
from nas_asc.errors import ConfigError
from nas_asc.search.front_end_rules import suits
from nas_asc.search.scheduler import Gate
from nas_asc.search.warm_start import warm_start_trials
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space, read_space
from nas_asc.study import DataSource

MBCONV = load_space("mbconv")
MBCONV_TOML = shipped("search_spaces")["mbconv"].read_text(encoding="utf-8")
SPEECH = replace(DATASET, sample_rate_hz=8000, highest_hz=3500.0, clip_s=0.4)


def suitable(dataset, space=MBCONV, number=60):
    """Give front ends of random draws that suit the data."""
    bound, rng = space.for_data(dataset.sample_rate_hz), random.Random(0)
    suit = suits(bound, dataset, recipe())
    drawn = (bound.random(rng) for _ in range(20_000))
    return [a.frontend for a in islice(filter(suit, drawn), number)]


def test_at_8_khz_nothing_above_is_proposed_and_no_bin_is_empty():
    found = suitable(SPEECH)
    assert {frontend.sample_rate_hz for frontend in found} == {8000}
    assert not any(map(has_empty_band, found))
    # Slaney's scale above 1 kHz; the highest centre is a step below the limit.
    for frontend in found:
        step = 1 / (frontend.n_mels + 1)
        mel = 15 + 27 * np.log(frontend.f_max_hz / 1000) / np.log(6.4)
        mel -= step * (mel - 0.15)  # 10 Hz are 0.15 mel
        assert 1000 * np.exp((mel - 15) * np.log(6.4) / 27) <= 3500
    assert len({frontend.n_mels for frontend in found}) > 3


def test_recordings_without_high_frequencies_get_a_lower_rate_or_share():
    """As of files that were upsampled from 16 kHz."""
    limited = suitable(replace(DATASET, sample_rate_hz=44100, highest_hz=8000.0))
    full = suitable(replace(DATASET, sample_rate_hz=44100, highest_hz=22050.0))
    assert max(frontend.f_max_hz for frontend in limited) < 9000
    assert max(frontend.f_max_hz for frontend in full) > 19000
    assert {frontend.sample_rate_hz for frontend in full} == {8000, 16000, 22050, 32000, 44100}


@pytest.mark.parametrize("space", ["asc", "wave_vgg"])
def test_every_family_has_something_for_8_khz(space, caplog):
    assert len(suitable(SPEECH, load_space(space), number=20)) == 20
    assert not caplog.messages


def test_what_does_not_suit_is_not_counted_as_over_the_budget():
    studied = task(SPEECH)
    drawn = [MBCONV.random(random.Random(n)) for n in range(300)]
    gate = Gate(studied.space, Budget(), studied.measure, Budget(), studied.suits)
    proposal = gate.next_candidate(iter(drawn), 300, iter([]), 0)
    assert not studied.suits(drawn[0])
    assert (proposal.rejected_over_budget, proposal.duplicates) == (0, 0)
    assert proposal.architecture.frontend.sample_rate_hz == 8000


def test_report_models_are_exempt():
    trials, _ = warm_start_trials(task(SPEECH, budget="1MB"))
    assert {trial.architecture.frontend.sample_rate_hz for trial in trials} == {44100}


OF_BEFORE = {
    '[8000, 16000, 22050, 32000, 44100, "data"]': "44100",
    "window_ms = [16, 32, 64, 93]": "window = [1024, 2048]",
    "hop_ms = [8, 12, 16, 28, 46]": "hop = [512, 1024]",
    "f_max_share = [0.75, 0.9, 1.0]": "f_max_hz = 16000",
}


@pytest.fixture
def of_before(tmp_path):
    """Read mbconv as a user has it who copied it before rates were a choice, without models."""

    def read(**changes):
        text = MBCONV_TOML.partition("# Verbitskiy")[0]
        for old, new in {**OF_BEFORE, **changes}.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return tmp_path / "mine.toml"

    return read


def test_a_space_in_which_nothing_suits_is_searched_all_the_same(of_before, caplog):
    studied = task(SPEECH, space=str(of_before()), budget="64KB")
    (warning,) = [line for line in caplog.messages if "front end" in line]
    assert "a rate above that of the data" in warning
    assert "above what the recordings hold" in warning
    assert studied.suits(studied.space.random(random.Random(0)))


def test_limits_that_the_data_leave_nothing_between_are_refused(of_before):
    path = of_before(**{"44100": '"data"', "f_min_hz = 10": "f_min_hz = 5000"})
    with pytest.raises(ConfigError, match="f_min_hz: expected less than half the rate"):
        suits(read_space(path).for_data(8000), SPEECH, recipe())


@pytest.mark.parametrize(("length_s", "some"), [(0.5, False), (1.0, True), (2.0, True)])
def test_what_takes_whole_clips_alone_is_not_proposed_where_they_are_cropped(length_s, some):
    """DATASET has clips of 1 s; dwsep has heads that flatten, among others."""
    crops = {"time_crop": {"length_s": length_s}}
    studied = task(space="dwsep", recipe=recipe(augmentations=crops).to_dict(), budget="128KB")
    rng = random.Random(0)
    drawn = [studied.space.random(rng) for _ in range(300)]
    poolings = {each.sections["head"]["pooling"] for each in drawn if studied.suits(each)}
    assert poolings == {"avg", "max", "avg+max", *(["flatten"] if some else [])}


@pytest.mark.parametrize(
    ("space", "old", "new"),
    [
        ("dwsep", 'pooling = ["avg", "max", "avg+max", "flatten"]', 'pooling = "flatten"'),
        ("vgg", "second_window_ms = [0, 171, 341]", "second_window_ms = [171, 341]"),
    ],
)
def test_crops_that_no_network_of_a_space_takes_are_refused_before_anything_is_trained(
    tmp_path, space, old, new
):
    text = shipped("search_spaces")[space].read_text(encoding="utf-8").partition("\n[models.")[0]
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")

    def read(crop):
        own = recipe(augmentations={"time_crop": crop}).to_dict()
        return task(space=str(path), budget="1MB", recipe=own)

    read(["none", {"length_s": 0.5}])
    with pytest.raises(ConfigError, match="expected a space with networks that take clips"):
        read({"length_s": 0.5})


def test_what_a_candidate_does_not_crop_it_may_take_whole():
    """Where the crop is a choice it is of each candidate by itself."""
    crops = {"time_crop": ["none", {"length_s": 0.5}, {"length_s": 1.0}]}
    studied = task(space="dwsep", recipe=recipe(augmentations=crops).to_dict(), budget="128KB")
    rng = random.Random(0)
    drawn = [studied.space.random(rng) for _ in range(600)]
    flat = [a for a in drawn if a.sections["head"]["pooling"] == "flatten" and studied.suits(a)]
    found = {each.sections["recipe"]["augmentations.time_crop"] for each in flat}
    assert found == {"none", '{"length_s": 1.0}'}


@pytest.mark.parametrize("joined", [False, True])
def test_two_spectrograms_are_not_proposed_where_recordings_are_joined(joined):
    """vgg has front ends of one and of two; of joined recordings a stretch is a crop."""
    source = DataSource.of("nowhere", window_s=1.0)
    first = Clip(Path("a.wav"), 0, "train", "a", None, None)
    dataset = replace(DATASET, clips=(first, replace(first, start_s=1.0)), source=source)
    studied = task(dataset, space="vgg", recipe=recipe(join_clips=joined).to_dict(), budget="1MB")
    rng = random.Random(0)
    drawn = [studied.space.random(rng) for _ in range(300)]
    suited = [each.frontend.second_window > 0 for each in drawn if studied.suits(each)]
    assert {*suited} == ({False} if joined else {False, True})
