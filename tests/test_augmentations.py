import pytest
import torch

from nas_asc.augmentations import mixup, spec_augment, time_shift
from nas_asc.augmentations.mixup import symmetric_beta

WAVEFORMS, LOG_MELS = (8, 2, 1000), (8, 1, 40, 50)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(shape):
    return torch.randn(*shape, generator=generator(9))


def augmented(name, x, g):
    if name == "mixup":
        return mixup(x, torch.eye(8), 0.3, g)[0]
    if name == "time_shift":
        return time_shift(x, 0.5, g)
    return spec_augment(x, g, mel_masks=2, mel_mask_width=0.2, frame_masks=1, frame_mask_width=0.3)


@pytest.mark.parametrize("name", ["mixup", "spec_augment", "time_shift"])
@pytest.mark.parametrize("shape", [WAVEFORMS, LOG_MELS])
class TestEach:
    def test_shape_and_type_stay_and_the_input_is_untouched(self, name, shape):
        x = batch(shape)
        before = x.clone()
        result = augmented(name, x, generator())
        assert result.shape == x.shape
        assert result.dtype == x.dtype
        assert torch.equal(x, before)
        assert not torch.equal(result, x)

    def test_the_generator_decides_and_nothing_else(self, name, shape):
        x, state = batch(shape), torch.get_rng_state()
        first = augmented(name, x, generator())
        torch.rand(3)
        assert torch.equal(first, augmented(name, x, generator()))
        assert not torch.equal(first, augmented(name, x, generator(1)))
        torch.set_rng_state(state)
        augmented(name, x, generator())
        assert torch.equal(state, torch.get_rng_state())


def test_time_shift_rolls_each_clip_by_a_distance_of_its_own():
    x = batch(LOG_MELS)
    shifted = time_shift(x, 0.5, generator())
    distances = []
    for clip, rolled in zip(x, shifted, strict=True):
        matching = [d for d in range(-25, 26) if torch.equal(clip.roll(d, -1), rolled)]
        distances.append(matching[0])
    assert len(set(distances)) > 3


def test_masks_are_bands_of_the_clips_mean_no_wider_than_asked():
    x = batch(LOG_MELS)
    masked = spec_augment(
        x, generator(), mel_masks=1, mel_mask_width=0.25, frame_masks=0, frame_mask_width=0.0
    )
    for clip, hidden in zip(x[:, 0], masked[:, 0], strict=True):
        rows = (clip != hidden).any(dim=1).nonzero().flatten().tolist()
        assert len(rows) <= 10
        assert rows == list(range(rows[0], rows[0] + len(rows))) if rows else True
        torch.testing.assert_close(hidden[rows], clip.mean().expand(len(rows), 50))


def test_masks_hide_half_of_their_largest_width_on_average():
    x = torch.arange(1, 41, dtype=torch.float32).view(1, 1, 40, 1).expand(4000, 1, 40, 2)
    masked = spec_augment(
        x, generator(), mel_masks=1, mel_mask_width=0.5, frame_masks=0, frame_mask_width=0.0
    )
    share = (masked != x).float().mean().item()
    assert share == pytest.approx(0.25, abs=0.01)


def test_mixup_blends_clips_and_targets_by_the_same_share():
    x = torch.eye(8).view(8, 1, 8)
    mixed, targets = mixup(x, torch.eye(8), 0.5, generator())
    torch.testing.assert_close(mixed[:, 0], targets)
    torch.testing.assert_close(targets.sum(1), torch.ones(8))
    assert ((targets > 0).sum(1) <= 2).all()


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 3.0])
def test_shares_have_the_moments_of_the_beta_distribution(alpha):
    share = symmetric_beta(alpha, 200_000, generator())
    assert ((share >= 0) & (share <= 1)).all()
    assert share.mean().item() == pytest.approx(0.5, abs=0.005)
    assert share.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert (share - 0.5).pow(4).mean().item() == pytest.approx(fourth, rel=0.03)
