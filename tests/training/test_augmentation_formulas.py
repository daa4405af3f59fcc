"""What each augmentation is by definition, on made signals: weights, stretches, statistics."""

from dataclasses import replace
from math import isfinite, log, log10

import pytest
import torch
from augmenting import LOG_MEL_8K, LOG_MELS, WAVEFORM_8K, augmented, batch, generator
from recipe_cases import EVERY_AUGMENTATION, recipe

from nas_asc.architectures import FrontEnd
from nas_asc.errors import ConfigError
from nas_asc.networks.layers import Standardisation, WindowPool
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model
from nas_asc.training.augmentations import check_takes_crops
from nas_asc.training.augmentations.level_mixup import a_weight
from nas_asc.training.batches import Batch, Clips
from nas_asc.training.loop import Hooks, train

FLOOR = log(1e-8)
MONO_8K = FrontEnd("waveform", 1, 8000)


def weight_of(share, louder_db):
    """Tokozume et al. 2018, equation of section 3.2, of the clip that is so much louder."""
    return 1 / (1 + 10 ** (louder_db / 20) * (1 - share) / share)


def pairs_of(given, name, **settings):
    """Two clips, blended with each other by some seeds that make them partners."""
    found = [augmented(name, given, seed=seed, **settings) for seed in range(12)]
    return [each for each in found if not torch.equal(each.targets, given.targets)]


def test_a_weighting_is_that_of_the_standard():
    """Table of IEC 61672-1, in dB."""
    hertz = torch.tensor([31.62, 100.0, 501.2, 1000.0, 3981.0, 10_000.0])
    expected = torch.tensor([-39.4, -19.1, -3.2, 0.0, 1.0, -2.5], dtype=torch.float64)
    torch.testing.assert_close(10 * a_weight(hertz).log10(), expected, atol=0.06, rtol=0)


def test_level_mixup_weighs_waveforms_by_both_levels():
    """Two tones of one pitch that do not overlap in phase, one of them 20 dB louder."""
    phase = 2 * torch.pi * 1000 * torch.arange(4000) / 8000
    tones = torch.stack([phase.sin(), 0.1 * phase.cos()]).view(2, 1, -1)
    given = Batch((tones,), torch.eye(2), frontend=MONO_8K)
    blends = pairs_of(given, "level_mixup", alpha=1.0)
    assert len(blends) > 2
    for blend in blends:
        for own, other in ((0, 1), (1, 0)):
            share = blend.targets[own, own].item()
            weight = weight_of(share, 20.0 if own == 0 else -20.0)
            expected = weight * tones[own] + (1 - weight) * tones[other]
            expected /= (weight**2 + (1 - weight) ** 2) ** 0.5
            torch.testing.assert_close(blend.inputs[0][own], expected, atol=1e-4, rtol=1e-3)


def test_level_mixup_adds_powers_in_log_mels():
    """The mean spectrum is that of the blend."""
    maps = torch.stack([torch.zeros(1, 40, 5), torch.full((1, 40, 5), -log(100.0))])
    given = Batch((maps, maps.mean((1, 3))), torch.eye(2), frontend=LOG_MEL_8K)
    blends = pairs_of(given, "level_mixup", alpha=1.0)
    for blend in blends:
        share = blend.targets[0, 0].item()
        weight = weight_of(share, 20.0)
        power = weight**2 * 1.0 + (1 - weight) ** 2 * 0.01
        expected = log(power / (weight**2 + (1 - weight) ** 2))
        assert blend.inputs[0][0].unique().item() == pytest.approx(expected, abs=1e-3)
        assert blend.inputs[1][0].unique().item() == pytest.approx(expected, abs=1e-3)


def test_cutmix_takes_one_stretch_and_the_target_by_its_share():
    clips = torch.eye(8)
    own = torch.arange(8.0).view(8, 1, 1, 1).expand(LOG_MELS)
    lengths = []
    for seed in range(4):
        mixed = augmented("cutmix", Batch((own,), clips), seed=seed, probability=1.0)
        for number, (clip, target) in enumerate(zip(mixed.inputs[0], mixed.targets, strict=True)):
            foreign = (clip[0, 0] != number).nonzero().flatten().tolist()
            assert torch.equal(clip, clip[:1, :1].expand_as(clip)), "not all bins alike"
            assert foreign == list(range(foreign[0], foreign[-1] + 1) if foreign else [])
            assert target[number].item() == pytest.approx(1 - len(foreign) / 50, abs=1e-6)
            assert target.sum().item() == pytest.approx(1.0)
            lengths.append(len(foreign))
    assert (
        0.2 < sum(lengths) / len(lengths) / 50 < 0.7
    )  # half of Beta(1, 1), a few their own partner


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_probability_is_the_share_of_clips_that_are_changed(probability):
    given = batch(2000, 1, 40, 50)
    settings = {"mean_s": 0.2, "deviation_s": 0.0, "probability": probability}
    masked = augmented("temporal_mask", given, **settings).inputs[0]
    changed = (masked != given.inputs[0]).flatten(1).any(1).float().mean().item()
    assert changed == pytest.approx(probability, abs=0.04)


def test_a_temporal_mask_keeps_a_window_on_the_grid():
    """Of 0.2 s, 20 frames of 10 ms; windows begin at multiples of 50 ms, and fit."""
    given, firsts = batch(200, 1, 40, 50), set()
    settings = {"mean_s": 0.2, "deviation_s": 0.0, "grid_s": 0.05, "probability": 1.0}
    for clip in augmented("temporal_mask", given, **settings).inputs[0]:
        kept = (clip[0, 0] != torch.tensor(FLOOR)).nonzero().flatten().tolist()
        assert kept == list(range(kept[0], kept[0] + 20))
        firsts.add(kept[0])
    assert firsts == set(range(0, 31, 5))


def test_lengths_of_windows_are_of_a_normal_distribution():
    given = Batch((torch.ones(4000, 1, 1000),), torch.eye(1).expand(4000, 1), frontend=MONO_8K)
    settings = {"mean_s": 0.06, "deviation_s": 0.01, "probability": 1.0}
    kept_s = augmented("temporal_mask", given, **settings).inputs[0].sum(-1) / 8000
    assert kept_s.mean().item() == pytest.approx(0.06, abs=0.001)
    assert kept_s.std().item() == pytest.approx(0.01, rel=0.05)


def test_blocks_are_pieces_of_other_clips_of_the_class():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    number = torch.arange(6.0).view(6, 1, 1, 1)
    maps = (1000 * number + torch.arange(60)).expand(6, 1, 3, 60)
    given = Batch((maps,), torch.eye(3)[labels], frontend=LOG_MEL_8K)
    mixed = augmented("block_mixing", given, probability=1.0, pieces=6).inputs[0]
    sources = []
    for own, clip in enumerate(mixed):
        assert torch.equal(clip, clip[:, :1].expand_as(clip))
        for piece in clip[0, 0].view(6, 10):
            source, first = divmod(int(piece[0]), 1000)
            assert torch.equal(piece, 1000 * source + first + torch.arange(10.0))
            assert first <= 50
            assert labels[source] == labels[own]
            assert source != own or own == 5
            sources.append(source)
    assert set(sources) == set(range(6))


def test_a_crop_is_a_stretch_of_each_clip_with_its_own_mean_spectrum():
    maps = torch.arange(51.0).expand(16, 1, 40, 51) / 10
    given = Batch((maps, maps.mean((1, 3))), torch.eye(16), frontend=LOG_MEL_8K)
    cropped = augmented("time_crop", given, length_s=0.2)
    firsts = set()
    for clip, mean in zip(*cropped.inputs, strict=True):
        first = round(10 * clip[0, 0, 0].item())
        assert torch.equal(clip, maps[0, :, :, first : first + 21])
        torch.testing.assert_close(mean, clip.mean((0, 2)))
        firsts.add(first)
    assert len(firsts) > 5


def test_without_places_a_crop_begins_at_any_frame():
    """At one of those drawn for all clips at once, as before there were places."""
    maps = torch.arange(51.0).expand(16, 1, 40, 51)
    given = Batch((maps,), torch.eye(16), frontend=LOG_MEL_8K)
    drawn = torch.randint(31, (16, 1), generator=generator(3))
    expected = (drawn + torch.arange(21)).float()
    assert torch.equal(augmented("time_crop", given, 3, length_s=0.2).inputs[0][:, 0, 7], expected)


@pytest.mark.parametrize("is_waveform", [False, True])
@pytest.mark.parametrize(
    ("places", "firsts"),
    [(1, [15]), (2, [0, 30]), (4, [0, 10, 20, 30]), (8, [0, 4, 9, 13, 17, 21, 26, 30])],
)
def test_at_places_a_crop_is_one_of_so_many_and_what_teachers_say_is_of_it(
    places, firsts, is_waveform
):
    """Of 51 frames 21, and of 1630 samples 1600."""
    whole, size = (1630, 1600) if is_waveform else (51, 21)
    maps = torch.arange(float(whole)).expand(64, *((2,) if is_waveform else (1, 40)), whole)
    teacher = torch.arange(64 * places * 3.0).view(64, places, 3)
    frontend = WAVEFORM_8K if is_waveform else LOG_MEL_8K
    given = Batch((maps,), torch.eye(64), teacher=teacher, frontend=frontend)
    cropped = augmented("time_crop", given, length_s=0.2, places=places)
    seen = set()
    for own, (clip, said) in enumerate(zip(cropped.inputs[0], cropped.teacher, strict=True)):
        first = int(clip.flatten()[0])
        assert torch.equal(clip, maps[0][..., first : first + size])
        assert torch.equal(said, teacher[own, firsts.index(first)])
        seen.add(first)
    assert seen == {*firsts}
    again = augmented("time_crop", given, length_s=0.2, places=places)
    assert torch.equal(again.inputs[0], cropped.inputs[0])
    assert torch.equal(again.teacher, cropped.teacher)


def test_what_teachers_say_of_whole_clips_stays_and_of_other_crops_is_refused():
    given = Batch((torch.zeros(4, 1, 40, 51),), torch.eye(4), frontend=LOG_MEL_8K)
    whole = replace(given, teacher=torch.eye(4))
    found = augmented("time_crop", whole, length_s=0.2, places=3)
    assert torch.equal(found.teacher, whole.teacher)
    others = replace(given, teacher=torch.ones(4, 2, 4))
    with pytest.raises(ValueError, match="expected what teachers say of 3 crops, got 2"):
        augmented("time_crop", others, length_s=0.2, places=3)


def test_a_crop_of_8_s_has_the_frames_that_the_deepsound_report_says():
    frontend = report_model("deepsound-160").architecture.frontend
    maps = torch.zeros(1, 1, 2, 640)
    given = Batch((maps,), torch.eye(1), frontend=frontend)
    assert augmented("time_crop", given, length_s=8.0).inputs[0].shape[-1] == 512


def test_networks_that_pool_over_time_take_crops_and_others_say_so():
    crop = {"time_crop": {"length_s": 1.0}}
    pooling = build(report_model("deepsound-32").architecture, 3, 2.0)
    check_takes_crops(pooling, crop)
    assert pooling.training
    flat = build(report_model("ntu-vggnet").adapted(3, 2.0).architecture, 3, 2.0)
    check_takes_crops(flat, {})
    check_takes_crops(flat, {"time_crop": {"length_s": 2.0}})
    with pytest.raises(ConfigError, match=r"time_crop: expected a network that takes clips of any"):
        check_takes_crops(flat, crop)
    with pytest.raises(ConfigError, match=r"time_crop: expected one spectrogram a clip"):
        augmented("time_crop", replace(batch(4, 2, 40, 40), second_plane=True))


def test_a_time_warp_moves_a_point_and_leaves_the_ends():
    frames = torch.arange(101.0)
    given = Batch((frames.expand(64, 1, 2, 101),), torch.eye(64), frontend=LOG_MEL_8K)
    warped = augmented("time_warp", given, width=0.2).inputs[0][:, 0, 0]
    torch.testing.assert_close(warped[:, [0, -1]], frames[[0, -1]].expand(64, 2))
    steps = warped.diff()
    assert (steps > 0).all()
    furthest = (warped - frames).abs().amax(1)
    assert (furthest <= 20.001).all()
    assert furthest.max() > 15
    bends = (steps.diff().abs() > 1e-3).sum(1)
    assert (bends <= 2).all()  # one bend, which may lie between two frames


def test_freq_mixstyle_blends_mean_and_deviation_of_each_bin():
    given = batch(8, 2, 40, 50)
    maps = given.inputs[0] * torch.arange(1, 9).view(8, 1, 1, 1) + torch.arange(8).view(8, 1, 1, 1)
    given = replace(given, inputs=(maps,))
    styled = augmented("freq_mixstyle", given, probability=1.0, alpha=0.3).inputs[0]

    def statistics(x):
        return x.mean((1, 3)), x.std((1, 3), correction=0)

    (mean, deviation), (found_mean, found_deviation) = statistics(maps), statistics(styled)
    blended = 0
    for own in range(8):
        fits = []
        for other in range(8):
            between = mean[other] - mean[own], deviation[other] - deviation[own]
            moved = found_mean[own] - mean[own], found_deviation[own] - deviation[own]
            if other == own:
                continue
            share = (moved[0] / between[0]).median()
            expected = [share * each for each in between]
            fits.append(all(map(lambda a, b: torch.allclose(a, b, atol=2e-3), moved, expected)))
        assert any(fits)
        blended += not torch.allclose(found_mean[own], mean[own], atol=1e-3)
        normal = [
            (x[own] - m[own].view(1, 40, 1)) / d[own].view(1, 40, 1)
            for x, m, d in ((maps, mean, deviation), (styled, found_mean, found_deviation))
        ]
        torch.testing.assert_close(*normal, atol=2e-3, rtol=0)
    assert blended > 3


@pytest.mark.parametrize("channels", [1, 2])
def test_noise_has_the_ratio_that_was_drawn(channels):
    generator = torch.Generator().manual_seed(0)
    clips = torch.logspace(-3, 0, 40).view(40, 1, 1) * torch.randn(
        40, channels, 4000, generator=generator
    )
    given = Batch((clips,), torch.eye(40), frontend=MONO_8K)
    steps = {"lowest_db": 6.0, "highest_db": 31.0, "step_db": 1.0, "probability": 1.0}
    noisy = augmented("noise", given, **steps).inputs[0]
    ratios = set()
    for clean, added in zip(clips, noisy - clips, strict=True):
        ratio_db = 10 * log10(clean.square().mean() / added.square().mean())
        assert ratio_db == pytest.approx(round(ratio_db), abs=0.01)
        assert 6 <= round(ratio_db) <= 31
        ratios.add(round(ratio_db))
    assert len(ratios) > 10


@pytest.mark.parametrize("axes", [(7,), (12,), (5, 9)])
def test_an_average_over_windows_of_a_crop_leaves_padding_out(axes):
    """Of ones it is one, whatever length the layer was made for."""
    made_for = {1: (20,), 2: (5, 14)}[len(axes)]
    pool = WindowPool("avg", made_for, (3,) * len(axes), (2,) * len(axes), "same")
    pooled = pool(torch.ones(1, 2, *axes))
    torch.testing.assert_close(pooled, torch.ones_like(pooled))


def test_a_training_with_all_of_them_is_decided_by_its_seed(one_thread):
    """Crops of 0.3 s of what is standardised afterwards; clips are judged whole."""
    model = report_model("deepsound-32").architecture
    steps = recipe(
        augmentations=EVERY_AUGMENTATION | {"time_crop": {"length_s": 0.3}},
        batch_size=4,
        learning_rate=0.001,
    )
    weights = []
    for _ in range(2):
        torch.manual_seed(0)
        network = build(model, 2, 0.6)
        maps = 2 * torch.randn(8, *network.input_shapes[0], generator=generator(3)) - 8
        network.standardisation = Standardisation(network.input_shapes[0])
        network.standardisation.fit(maps)
        clips = Clips((maps.half(),), torch.arange(8) % 2, 2, frontend=model.frontend)
        hooks = Hooks(validation=clips)
        (report,) = train(network, clips, steps, hooks, epochs=1, seed=4)
        assert isfinite(report.train_loss)
        weights.append(torch.cat([each.detach().flatten() for each in network.parameters()]))
    assert torch.equal(*weights)
