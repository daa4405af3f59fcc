"""The language of spaces itself, not only the points that are shipped: every option, at random.

Two spaces in tests/data offer all that a space can say: one of spectrograms, one of waveforms. What
a mean spectrum, a second spectrogram and lengths in samples exclude stands in a third,
made of the first.
"""

import random
from functools import cache
from pathlib import Path

import pytest
import torch
from network_checks import hold_count, outcome

from nas_asc.architectures.architecture import as_trained
from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import ChannelRemoval
from nas_asc.networks.model_files import SavedModel, load_saved, save_model
from nas_asc.networks.network import build
from nas_asc.networks.pruning import remove_channels
from nas_asc.networks.stored import restore, store
from nas_asc.spaces.schema import DOMAINS, FLAG
from nas_asc.spaces.space import SearchSpace, Section
from nas_asc.spaces.space_file import load_space
from nas_asc.study.config import load_study
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import PLAIN, Execution, execution_for
from nas_asc.training.loop import Hooks, train

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = Path(__file__).parent.parent / "data"
SPACES = ("spectrogram", "maps", "waveform")
CLIPS_S = (0.1, 0.3701, 0.5)
CLASSES = (2, 3, 10, 50)
RECIPE = load_study("quick").recipe.model_copy(update={"batch_size": 4})
FAST = Execution(channels_last=True)

DROPOUTS = ("none", "plain 0.2", "alpha 0.1", "spatial 0.2")
OF_MAPS = {
    "frontend": {
        **{"channels": 2, "sample_rate_hz": (2000, "data"), "mean_spectrum": False, "n_fft": 0},
        **{"window_ms": (32, 47.5), "hop_ms": (10, 16), "second_window_ms": 0},
        "f_max_share": (0.9, 1.0),
    },
    "head": {"classifier": ("linear", "conv 1", "conv 4x3"), "map_dropout": DROPOUTS},
}
IN_SAMPLES = ("window", "hop", "f_max_hz", "second_window")


@cache
def space_of(kind):
    if kind != "maps":
        return load_space(str(DATA / f"any_{kind}.toml"))
    base = space_of("spectrogram").sections
    kept = {s.name: {k: v for k, v in s.values.items() if k not in IN_SAMPLES} for s in base}
    sections = (Section(name, values | OF_MAPS.get(name, {})) for name, values in kept.items())
    return SearchSpace(kind, "spectrograms in stereo, and maps of classes", tuple(sections))


def draw(kind, seed):
    """Give a random architecture, a number of classes and a clip length."""
    rng = random.Random(seed)
    return space_of(kind).random(rng), rng.choice(CLASSES), rng.choice(CLIPS_S)


def offered(kinds, section_kind, key):
    values = []
    for section in (s for kind in kinds for s in space_of(kind).sections):
        if section.kind == section_kind and key in section.values:
            given = section.values[key]
            values += given if isinstance(given, tuple) else [given]
    return values


@pytest.mark.parametrize(
    ("section_kind", "key"), [(kind, key) for kind, keys in DOMAINS.items() for key in keys]
)
def test_every_option_is_offered(section_kind, key):
    """For data of one axis and of two, but the front ends', which are of one kind each."""
    on_maps, on_waveforms = SPACES[:2], SPACES[2:]
    for kinds in [SPACES] if section_kind == "frontend" else [on_maps, on_waveforms]:
        values = offered(kinds, section_kind, key)
        domain = DOMAINS[section_kind][key]
        wanted = {True, False} if domain is FLAG else set(domain.words)
        found = {value.split(" ")[0] if isinstance(value, str) else value for value in values}
        assert values, kinds
        assert wanted <= found, kinds


def hold_training(architecture, n_classes, clip_s, folder):
    """Train for one step as a search does, and store and load what comes out of it."""
    complexity, whole = count(architecture, n_classes, clip_s), as_trained(architecture)
    torch.manual_seed(0)
    network = build(whole, n_classes, clip_s)
    inputs = tuple(torch.randn(4, *shape) for shape in network.input_shapes)
    labels = torch.arange(4) % n_classes
    frontend = architecture.sections["frontend"]
    train(
        network,
        Clips(inputs, labels, n_classes, frontend.get("second_window", 0) > 0),
        RECIPE,
        Hooks(pruning=complexity.pruning),
        epochs=1,
        seed=0,
        execution=execution_for(count(whole, n_classes, clip_s)),
    )
    if network.standardisation is not None:
        network.standardisation.fit(inputs[0])
    if isinstance(complexity.pruning, ChannelRemoval):
        masked, network = network.eval(), build(architecture, n_classes, clip_s).eval()
        remove_channels(masked, network, complexity.pruning)
        with torch.no_grad():
            expected = masked(*inputs)
            atol = 1e-5 * expected.abs().max().item()
            torch.testing.assert_close(network(*inputs), expected, rtol=1e-5, atol=atol)
    arrays = store(network, precision=complexity.precision, pruning=complexity.pruning)
    restore(network, arrays)
    if network.activations is not None:
        with torch.no_grad(), network.eval().activations.measured():
            network(*inputs)
        arrays |= network.activations.arrays
    assert sum(array.nbytes for array in arrays.values()) == complexity.stored_bytes
    names = tuple(map(str, range(n_classes)))
    standards = network.standardisation.statistics if network.standardisation else ()
    planes = tuple(standard.numpy() for standard in standards)
    save_model(folder, SavedModel(architecture, names, clip_s, "plain", arrays, {}, planes))
    loaded = load_saved(folder).network()
    with torch.no_grad():
        assert loaded(*inputs).isfinite().all()
        if network.activations is not None:
            assert loaded(*inputs).equal(network(*inputs))
    values, wanted = loaded.state_dict(), network.state_dict()
    for name in values.keys() - {n for n in values if n.endswith("num_batches_tracked")}:
        assert values[name].equal(wanted[name]), name


def batches(few, first_of_many):
    """Give a few seeds one by one, and 500 of them in the slow run, 50 at a time."""
    many = [range(first, first + 50) for first in range(first_of_many, first_of_many + 500, 50)]
    return [[seed] for seed in few] + [pytest.param(each, marks=pytest.mark.slow) for each in many]


@pytest.mark.parametrize("seeds", batches(range(12), 1000))
@pytest.mark.parametrize("kind", SPACES)
def test_any_network_is_counted_trained_and_stored(tmp_path, kind, seeds):
    for seed in seeds:
        drawn = draw(kind, seed)
        hold_count(*drawn)
        hold_training(*drawn, tmp_path / "model")


@pytest.mark.parametrize("seeds", batches(range(100, 108), 2000))
@pytest.mark.parametrize("kind", SPACES)
def test_fast_layers_give_the_plain_logits_and_gradients_of_any_network(kind, seeds):
    for seed in seeds:
        architecture, _, clip_s = draw(kind, seed)
        fast, plain = (outcome(architecture, e, clip_s=clip_s) for e in (FAST, PLAIN))
        torch.testing.assert_close(fast, plain)
