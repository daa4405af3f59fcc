"""Rates, milliseconds and shares as choices, and report models that state samples among them."""

import random

import pytest
from space_text import NO_MODELS, SPACE, with_keys

from nas_asc.architectures import Architecture
from nas_asc.errors import ConfigError
from nas_asc.reports.lookup import report_model
from nas_asc.spaces.space_file import check_architecture, load_space, read_space

RELATIVE = {
    "frontend.sample_rate_hz": '[8000, 16000, "data"]',
    "frontend.window": None,
    "frontend.hop": None,
    "frontend.window_ms": "[20, 40, 80]",
    "frontend.hop_ms": 20,
    "frontend.f_max_hz": None,
    "frontend.f_max_share": "[0.5, 1.0]",
}
STATED = """frontend.sample_rate_hz = 48000
frontend.window = 2000
frontend.hop = 960
frontend.f_max_hz = 20000
"""


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "mine.toml"
    model = SPACE.replace("[models.mine.choices]\n", f"[models.mine.choices]\n{STATED}")
    path.write_text(with_keys(model, RELATIVE), encoding="utf-8")
    return read_space(path)


def test_an_architecture_has_the_rate_of_the_data_in_numbers(space):
    for rate_hz in (8000, 11025):
        bound, rng = space.for_data(rate_hz), random.Random(0)
        drawn = {bound.random(rng).frontend.sample_rate_hz for _ in range(50)}
        assert drawn == {8000, 16000, rate_hz}
        assert bound.parameters() == space.parameters()
        assert bound.fixed() == space.fixed()


def test_a_model_that_states_no_rate_has_that_of_the_data(tmp_path):
    path = tmp_path / "mine.toml"
    text = with_keys(
        SPACE, {**RELATIVE, "frontend.sample_rate_hz": '"data"', "frontend.f_min_hz": 0}
    )
    choices = {"window_ms": 40, "f_max_share": 1.0}
    stated = "".join(f"frontend.{key} = {value}\n" for key, value in choices.items())
    path.write_text(
        text.replace("[models.mine.choices]\n", f"[models.mine.choices]\n{stated}"),
        encoding="utf-8",
    )
    space = read_space(path)
    assert space.models["mine"].architecture.frontend.sample_rate_hz == 44_100
    bound = space.for_data(8000).models["mine"].architecture
    assert bound.frontend.sample_rate_hz == 8000
    assert bound.frontend.window == 320


def test_the_rate_of_a_report_is_its_own_whatever_the_data(space):
    assert space.for_data(8000).models["mine"] == space.models["mine"]
    asc = load_space("asc")
    assert asc.for_data(8000).models == asc.models


def test_the_rate_of_the_data_by_its_number_and_by_its_word_is_one_architecture(space):
    bound = space.for_data(8000)
    choices = {**space.random(random.Random(0)).choices}
    found = [bound.from_choices({**choices, "frontend.sample_rate_hz": r}) for r in (8000, "data")]
    assert found[0] == found[1]


def test_what_was_drawn_for_some_data_is_built_again_without_them(space):
    bound, rng = space.for_data(11025), random.Random(0)
    for _ in range(20):
        drawn = bound.random(rng)
        again = space.from_choices(drawn.choices)
        assert again == drawn
        assert again.frontend == drawn.frontend
        assert space.options_of(again) == bound.options_of(drawn)


def test_a_model_that_states_samples_has_exactly_those(space):
    model = space.models["mine"].architecture
    frontend = model.frontend
    assert (frontend.sample_rate_hz, frontend.window, frontend.hop) == (48000, 2000, 960)
    assert (frontend.n_fft, frontend.f_max_hz) == (2000, 20000)
    assert space.from_choices(model.choices) == model
    check_architecture(Architecture.from_dict(model.to_dict()))


def test_a_sampler_is_told_of_the_option_nearest_to_what_is_stated(space):
    """2,000 samples at 48 kHz are 41.7 ms, and 20 kHz are 0.83 of half the rate."""
    options = space.options_of(space.models["mine"].architecture)
    assert options["frontend.sample_rate_hz"] == "data"
    assert options["frontend.window_ms"] == 40
    assert options["frontend.f_max_share"] == 1.0
    assert "frontend.hop_ms" not in options  # no choice


@pytest.mark.parametrize(
    ("choices", "fault"),
    [
        ({"frontend.window": "long"}, "frontend.window: expected a whole number"),
        ({"frontend.window_ms": 40}, "frontend.window: expected either"),
        ({"frontend.f_max_hz": 30000}, "frontend.f_max_hz: expected at most half"),
        ({"frontend.n_fft": 1024}, "frontend.n_fft: expected 0 or at least the window"),
        ({"frontend.sample_rate_hz": 10}, "frontend.sample_rate_hz: expected a whole number"),
    ],
)
def test_samples_that_cannot_be_are_refused(space, choices, fault):
    model = space.models["mine"].architecture
    with pytest.raises(ConfigError, match=fault):
        space.from_choices({**model.choices, **choices})


def test_a_model_may_say_how_it_was_resampled_where_its_space_does_not(space):
    model = space.models["mine"].architecture
    fourier = space.from_choices({**model.choices, "frontend.resampling": "fourier"})
    assert (model.frontend.resampling, fourier.frontend.resampling) == ("sinc", "fourier")
    assert fourier.key != model.key
    assert space.from_choices(fourier.choices) == fourier
    assert space.options_of(fourier) == space.options_of(model)
    check_architecture(Architecture.from_dict(fourier.to_dict()))
    with pytest.raises(ConfigError, match=r"resampling: expected one of sinc, fourier, got 'fft'"):
        space.from_choices({**model.choices, "frontend.resampling": "fft"})


def test_a_space_can_offer_both_ways_of_resampling(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(with_keys(NO_MODELS, {"frontend.resampling": '["sinc", "fourier"]'}))
    space, rng = read_space(path), random.Random(0)
    drawn = [space.random(rng) for _ in range(20)]
    assert {a.frontend.resampling for a in drawn} == {"sinc", "fourier"}
    for architecture in drawn:
        options = space.options_of(architecture)
        assert options["frontend.resampling"] == architecture.frontend.resampling


@pytest.mark.parametrize("name", ["imt-a", "imt-b", "imt-c", "imt-d"])
def test_the_models_of_imt_are_resampled_as_in_their_report(name):
    """18 kHz by scipy.signal.resample; what a search draws from their spaces is not."""
    frontend = report_model(name).architecture.frontend
    assert (frontend.sample_rate_hz, frontend.resampling) == (18000, "fourier")
    space = load_space("wave_vgg" if name in ("imt-a", "imt-b") else "wave_resnet")
    assert "resampling" not in space.random(random.Random(0)).sections["frontend"]


def test_a_fixed_rate_of_the_data_gives_way_to_what_a_model_states(tmp_path, space):
    text = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    fixed = with_keys(text, {"frontend.sample_rate_hz": '"data"'})
    (tmp_path / "mine.toml").write_text(fixed, encoding="utf-8")
    found = read_space(tmp_path / "mine.toml")
    assert found.models["mine"].architecture.frontend.sample_rate_hz == 48000
    assert found.for_data(12000).random(random.Random(0)).frontend.sample_rate_hz == 12000


def test_an_architecture_in_a_file_needs_a_number(space):
    drawn = space.random(random.Random(0))
    frontend = {**drawn.sections["frontend"], "sample_rate_hz": "data"}
    sections = {**drawn.sections, "frontend": frontend}
    with pytest.raises(ConfigError, match="sample_rate_hz"):
        check_architecture(Architecture("mine", sections, drawn.chosen))


def test_options_in_a_space_of_families_have_its_paths():
    space = load_space("asc")
    for model in space.models.values():
        options = space.options_of(model.architecture)
        known = {p.path: p.options for p in space.parameters()}
        assert all(value in known[path] for path, value in options.items())
        assert space.from_choices(model.architecture.choices) == model.architecture
