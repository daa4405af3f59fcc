import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from augmenting import LOG_MELS, WAVEFORMS, augmented, batch, generator

from nas_asc.architectures import FrontEnd
from nas_asc.features.audio import LogMel
from nas_asc.training.augmentations import AUGMENTATIONS
from nas_asc.training.augmentations.clipwise import symmetric_beta
from nas_asc.training.batches import Batch
from nas_asc.training.parts import faults_of_parts

WITHOUT_MEL_BINS = {"freq_mixstyle"}  # nothing to do on waveforms


def is_changed(name, shape):
    return len(shape) == 4 or name not in WITHOUT_MEL_BINS


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [WAVEFORMS, LOG_MELS])
class TestEach:
    def test_shapes_and_types_stay_and_the_input_is_untouched(self, name, shape):
        given = batch(*shape)
        before = given.inputs[0].clone()
        result = augmented(name, given)
        axes = -1 if name == "time_crop" else None
        assert result.inputs[0].shape[:axes] == given.inputs[0].shape[:axes]
        assert [x.shape for x in result.inputs[1:]] == [x.shape for x in given.inputs[1:]]
        assert result.targets.shape == given.targets.shape
        assert [x.dtype for x in result.inputs] == [x.dtype for x in given.inputs]
        assert result.targets.dtype == torch.float32
        assert torch.equal(given.inputs[0], before)
        assert is_changed(name, shape) != torch.equal(result.inputs[0], before)

    def test_the_generator_decides_and_nothing_else(self, name, shape):
        given, state = batch(*shape), torch.get_rng_state()
        first = augmented(name, given).inputs[0]
        assert torch.equal(state, torch.get_rng_state())
        torch.rand(3)
        assert torch.equal(first, augmented(name, given).inputs[0])
        other = augmented(name, given, seed=1).inputs[0]
        assert is_changed(name, shape) != torch.equal(first, other)

    def test_a_summary_beside_log_mels_follows_them_and_blends(self, name, shape):
        """It knows of what comes before features are standardised, and of other clips."""
        given = batch(*shape)
        result = augmented(name, given)
        changed = not torch.equal(result.targets, given.targets)
        early = AUGMENTATIONS[name].before_standardisation
        changed |= shape == LOG_MELS and (early or name == "freq_mixstyle")
        changed &= not (name == "level_mixup" and shape == WAVEFORMS)  # which have no mean spectrum
        assert changed == (not torch.equal(result.inputs[1], given.inputs[1]))
        alone = augmented(name, replace(given, inputs=given.inputs[:1]))
        assert torch.equal(alone.inputs[0], result.inputs[0])
        assert torch.equal(alone.targets, result.targets)

    def test_one_clip_is_augmented_as_well_as_many(self, name, shape):
        result = augmented(name, batch(1, *shape[1:]))
        assert result.inputs[0].isfinite().all()
        assert torch.equal(result.targets, batch(1, *shape[1:]).targets)

    def test_clips_of_one_frame_stay_numbers(self, name, shape):
        result = augmented(name, batch(*shape[:-1], 1))
        assert result.inputs[0].isfinite().all()
        assert result.inputs[0].shape[-1] == 1

    @pytest.mark.parametrize("has_level", [True, False])
    def test_silence_stays_a_number(self, name, shape, has_level):
        floor = torch.tensor(1e-8).log().half().float() if len(shape) == 4 and has_level else 0.0
        given = replace(batch(*shape), has_level=has_level)
        silent = torch.zeros(shape) + floor
        for first in (silent, torch.cat([silent[:4], given.inputs[0][4:]])):
            result = augmented(name, replace(given, inputs=(first, given.inputs[1])))
            assert all(each.isfinite().all() for each in (*result.inputs, result.targets))


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "time_crop"])
def test_a_second_plane_is_changed_along_its_own_axes(name):
    """Its transpose beside a spectrogram is treated as the spectrogram is."""
    half = 2 * batch(4, 1, 40, 40).inputs[0] - 8
    given = batch(4, 2, 40, 40, second_plane=True)
    given = replace(given, inputs=(torch.cat([half, half.transpose(2, 3)], 1), given.inputs[1]))
    first, second = augmented(name, given).inputs[0].unbind(1)
    if name == "spec_augment":  # hides what lies there in both
        return
    torch.testing.assert_close(first, second.transpose(1, 2))
    assert not torch.equal(first, given.inputs[0][:, 0])


OFF = {
    "gain": {"range_db": 0.0},
    "warp": {"frequency_shift": 0.0, "time_stretch": 0.0},
    "time_shift": {"width": 0.0},
    "spec_augment": {"mel_masks": 0, "frame_masks": 0},
    "time_crop": {"length_s": 9.0},
    "time_warp": {"width": 0.0},
}
BLENDS = {"mixup", "level_mixup"}  # with another clip, however small the share of one is


@pytest.mark.parametrize("shape", [WAVEFORMS, LOG_MELS])
@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name not in BLENDS])
def test_at_strength_nought_a_batch_stays_as_it_is(name, shape):
    given = batch(*shape)
    found = augmented(name, given, **OFF.get(name, {"probability": 0.0}))
    for one, other in zip(
        (*found.inputs, found.targets), (*given.inputs, given.targets), strict=True
    ):
        assert torch.equal(one, other)


def test_a_gain_is_the_same_in_waveforms_and_in_their_log_mels():
    front = FrontEnd("logmel", 1, 8000, 256, 128, 256, n_mels=20, f_max_hz=4000.0)
    waveforms = 0.1 * torch.randn(8, 1, 2000, generator=generator(2))
    labels = torch.eye(8)
    louder = augmented("gain", Batch((waveforms,), labels)).inputs[0]
    gains_db = 20 * (louder / waveforms)[:, 0, 0].log10()
    assert gains_db.abs().max() <= 6.0
    assert len(set(gains_db.tolist())) == 8
    before, after = (
        torch.from_numpy(LogMel([front], 2000)(x.numpy())[0]).float() for x in (waveforms, louder)
    )
    found = augmented("gain", Batch((before,), labels)).inputs[0]
    torch.testing.assert_close(found, after, atol=0.03, rtol=0)


def test_what_has_no_level_is_given_no_gain():
    given = replace(batch(*LOG_MELS), has_level=False)
    assert torch.equal(augmented("gain", given).inputs[0], given.inputs[0])


def test_a_warp_moves_bins_and_lets_time_run_at_another_pace():
    """By one share for all bins of a clip, and by one factor for all its frames."""
    mels, frames = torch.arange(40.0).view(40, 1), torch.arange(50.0)
    given = (100 * mels + frames).expand(LOG_MELS)
    warped = augmented("warp", Batch((given,), torch.eye(8))).inputs[0]
    seen = set()
    for clip in warped[:, 0]:
        bins, times = (clip / 100).floor()[:, 0], clip[0] % 100
        assert torch.equal(clip, 100 * bins.view(40, 1) + times)
        moved = bins[20] - 20
        assert abs(moved) <= 8
        assert torch.equal(bins, (torch.arange(40) + moved).clamp(0, 39))
        pace = times[25] / 25
        assert 0.78 <= pace <= 1.22
        assert ((torch.arange(50) * pace).clamp(max=49) - times).abs().max() <= 1.5
        seen.add((moved.item(), pace.item()))
    assert len(seen) == 8


def test_a_warped_tone_has_another_pitch():
    """A waveform that runs faster by some share is higher by it."""
    tone = torch.sin(2 * torch.pi * 50 * torch.arange(1000) / 1000).expand(8, 1, 1000)
    warped = augmented("warp", Batch((tone,), torch.eye(8)), frequency_shift=0.0).inputs[0]
    crossings = (warped[:, 0, 1:400] * warped[:, 0, :399] < 0).sum(1) / 2 / 0.4
    assert len(set(crossings.tolist())) > 3
    assert ((crossings >= 38.0) & (crossings <= 62.0)).all()
    assert warped.abs().max() <= 1.0


def test_time_shift_rolls_each_clip_by_a_distance_of_its_own():
    given = batch(*LOG_MELS)
    distances = []
    for clip, rolled in zip(given.inputs[0], augmented("time_shift", given).inputs[0], strict=True):
        matching = [d for d in range(-25, 26) if torch.equal(clip.roll(d, -1), rolled)]
        distances.append(matching[0])
    assert len(set(distances)) > 3


def test_in_a_second_plane_time_runs_along_the_other_axis():
    planes = torch.arange(4 * 2 * 10 * 20.0).view(4, 2, 10, 20)
    shifted = augmented("time_shift", Batch((planes,), torch.eye(4), second_plane=True)).inputs[0]
    distances = []
    for clip, moved in zip(planes, shifted, strict=True):
        (frames,) = (d for d in range(-10, 10) if torch.equal(clip[0].roll(d, 1), moved[0]))
        (rows,) = (d for d in range(-5, 5) if torch.equal(clip[1].roll(d, 0), moved[1]))
        assert abs(frames / 20 - rows / 10) < 0.051
        distances.append(frames)
    assert len(set(distances)) > 1


def test_a_warp_moves_a_second_plane_along_its_own_axes():
    first = (100 * torch.arange(10.0).view(10, 1) + torch.arange(10)).expand(4, 1, 10, 10)
    planes = torch.cat([first, first.transpose(2, 3)], dim=1)
    warped = augmented("warp", Batch((planes,), torch.eye(4), second_plane=True)).inputs[0]
    assert not torch.equal(warped, planes)
    assert torch.equal(warped[:, 1], warped[:, 0].transpose(1, 2))


def test_masks_are_bands_of_the_clips_mean_no_wider_than_asked():
    given = batch(*LOG_MELS)
    masked = augmented("spec_augment", given, mel_mask_width=0.25, frame_masks=0).inputs[0]
    for clip, hidden in zip(given.inputs[0][:, 0], masked[:, 0], strict=True):
        rows = (clip != hidden).any(dim=1).nonzero().flatten().tolist()
        assert len(rows) <= 10
        assert rows == list(range(rows[0], rows[0] + len(rows))) if rows else True
        torch.testing.assert_close(hidden[rows], clip.mean().expand(len(rows), 50))


def test_masks_hide_half_of_their_largest_width_on_average():
    x = torch.arange(1, 41, dtype=torch.float32).view(1, 1, 40, 1).expand(4000, 1, 40, 2)
    given = Batch((x,), torch.eye(1))
    masked = augmented("spec_augment", given, mel_mask_width=0.5, frame_masks=0).inputs[0]
    assert (masked != x).float().mean().item() == pytest.approx(0.25, abs=0.01)


def test_mixup_blends_clips_summaries_and_targets_by_the_same_share():
    clips = torch.eye(8)
    given = Batch((clips.view(8, 1, 2, 4), 10 * clips), clips)
    mixed = augmented("mixup", given, alpha=0.5)
    torch.testing.assert_close(mixed.inputs[0].flatten(1), mixed.targets)
    torch.testing.assert_close(mixed.inputs[1], 10 * mixed.targets)
    torch.testing.assert_close(mixed.targets.sum(1), torch.ones(8))
    assert ((mixed.targets > 0).sum(1) <= 2).all()


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 3.0])
def test_shares_have_the_moments_of_the_beta_distribution(alpha):
    share = symmetric_beta(alpha, 200_000, generator())
    assert ((share >= 0) & (share <= 1)).all()
    assert share.mean().item() == pytest.approx(0.5, abs=0.005)
    assert share.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert (share - 0.5).pow(4).mean().item() == pytest.approx(fourth, rel=0.03)


def test_the_documentation_names_each_with_its_settings_in_the_order_of_application():
    text = (Path(__file__).parents[2] / "docs" / "augmentations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE)
    stated = {name: set(re.findall(r"`(\w+)`", settings)) for name, settings in rows}
    assert list(stated) == list(AUGMENTATIONS)
    assert stated == {name: set(row.settings.model_fields) for name, row in AUGMENTATIONS.items()}
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert faults_of_parts(tomllib.loads(example)["recipe"]) == []
