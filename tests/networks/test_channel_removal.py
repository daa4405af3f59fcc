"""A network whose channels are removed: what it computes, costs and is when loaded again."""

import pytest
import torch
from network_checks import hold_count
from safetensors.torch import load_file
from shipped_models import NETWORKS
from stage_values import value_of
from torch import nn

from nas_asc.architectures.architecture import CHANNEL_REMOVAL, Architecture, as_trained
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.channel_groups import channels_left
from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import ChannelRemoval
from nas_asc.networks.model_files import SavedModel, load_model, save_model
from nas_asc.networks.network import build
from nas_asc.networks.pruning import ChannelRemover, remove_channels
from nas_asc.networks.stored import store
from nas_asc.reports.lookup import report_model

CLASSES = tuple("abc")
CLIP_S = 0.12
REMOVAL = {"pruning": CHANNEL_REMOVAL, "sparsity": 0.4, "iterations": 2}


def without(architecture, precision="float32"):
    given = {"precision": precision, **REMOVAL}
    return Architecture(architecture.space, {**architecture.sections, "compression": given}, ())


def of_blocks(block, after, pooling="avg"):
    """Return two stages, the first of a block, the second tied to it where it adds."""

    def stage(name, width):
        needed = BLOCKS[name].defaults
        extents = {"kernel": 3, "stride": 1, "width": width}
        return {
            "depth": 2,
            "block": name,
            **{key: extents.get(key, value_of(key)) for key in needed if key in extents},
            **{key: value_of(key) for key in ("activation", "expand") if key in needed},
            **({"squeeze_excite": 0.5} if "squeeze_excite" in needed else {}),
        }

    frontend = report_model("deepsound-32").architecture.sections["frontend"]
    head = {"conv": 0, "pooling": pooling, "dense": 9, "dense_norm": True}
    sections = {"frontend": frontend, "stem": stage("conv", 10), "stage1": stage(block, 9)}
    sections |= {"stage2": stage(after, 27), "head": head, "compression": {}}
    return Architecture("made", sections, ())


def trained(architecture):
    """Return the network that is trained, pruned to the end, every value one of its own."""
    torch.manual_seed(3)
    network = build(as_trained(architecture), len(CLASSES), CLIP_S)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point() and "standardisation" not in name:
                value.uniform_(0.5, 1.5) if "var" in name else value.add_(
                    torch.randn_like(value), alpha=0.1
                )
    pruning = count(architecture, len(CLASSES), CLIP_S).pruning
    pruner = ChannelRemover(network, pruning)
    for done in range(1, 11):
        pruner.after_step(done, 10)
    assert pruner.iterations_done == pruning.iterations
    return network.eval(), pruning


def hold(architecture):
    """Hold costs against the counters, and the logits of what is cut against the masked network."""
    hold_count(architecture, len(CLASSES), CLIP_S)
    network, pruning = trained(architecture)
    smaller = build(architecture, len(CLASSES), CLIP_S).eval()
    remove_channels(network, smaller, pruning)
    inputs = [torch.randn(2, *shape) for shape in network.input_shapes]
    with torch.no_grad():
        expected, found = network(*inputs).double(), smaller(*inputs).double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())
    assert expected.std() > 1e-6, "else inputs would not matter"
    whole, left = (count(a, 3, CLIP_S) for a in (as_trained(architecture), architecture))
    for cost in ("params", "macs", "size_bytes", "peak_activation_bytes"):
        assert getattr(left, cost) <= getattr(whole, cost)
    assert left.params < 0.8 * whole.params
    assert left.macs < 0.8 * whole.macs
    return smaller


@pytest.mark.parametrize("after", ["basic", "inception"])
@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_cut_out_of_any_block_has_no_effect(block, after):
    hold(without(of_blocks(block, after)))


def test_channels_are_removed_in_front_of_a_flattening():
    hold(without(of_blocks("conv", "inception", "flatten")))


SMALL = ("srpol-3", "deepsound-32", "netease-student", "ntu-inceptionnet", "imt-a")


@pytest.mark.parametrize(
    "model_id", [m if m in SMALL else pytest.param(m, marks=pytest.mark.slow) for m in NETWORKS]
)
def test_what_is_cut_out_of_a_report_model_has_no_effect(model_id):
    hold(without(report_model(model_id).architecture))


def test_the_channels_with_the_smallest_norms_go_from_the_whole_group():
    """Of 10 channels 6 stay and then 4: 40 % of 10 is 4, of 6 it is 2.4, which is 2."""
    architecture = without(of_blocks("conv", "conv"))
    torch.manual_seed(0)
    network = build(as_trained(architecture), 3, CLIP_S)
    first = network.get_submodule("stem.1.conv")
    with torch.no_grad():
        first.weight.copy_(torch.arange(1.0, 11)[:, None, None, None].expand_as(first.weight))
    pruner = ChannelRemover(network, ChannelRemoval(0.4, 2))
    alive = []
    for _ in range(2):
        pruner.iterate()
        alive.append(first.weight.flatten(1).any(dim=1).nonzero().flatten().tolist())
    assert alive == [[4, 5, 6, 7, 8, 9], [6, 7, 8, 9]]
    assert [channels_left(10, 0.4, n) for n in (1, 2)] == [6, 4]
    norm, reader = network.get_submodule("stem.1.norm"), network.get_submodule("stem.2.conv")
    for values in (norm.weight, reader.weight.abs().sum((0, 2, 3))):
        assert values.nonzero().flatten().tolist() == alive[-1]
    assert not norm.bias[:6].any()


def test_kernels_of_a_group_have_the_same_say():
    """The second kernel's channels are a thousand times as large, and all alike but one."""
    architecture = without(of_blocks("basic", "basic"))
    network = build(as_trained(architecture), 3, CLIP_S)
    tied = [network.get_submodule(f"stage1.{n}") for n in ("1.conv2", "1.shortcut.conv", "2.conv2")]
    with torch.no_grad():
        for size, kernel in zip((1, 1000, 1), tied, strict=True):
            nn.init.constant_(kernel.weight, size)
        tied[0].weight[4] *= 5
    ChannelRemover(network, ChannelRemoval(0.89, 1)).iterate()
    assert tied[1].weight.flatten(1).any(dim=1).nonzero().flatten().tolist() == [4]


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("float16", 2e-2), ("bfloat16", 1e-1)]
)
def test_what_is_loaded_again_is_the_small_network(tmp_path, precision, tolerance):
    architecture = without(report_model("deepsound-32").architecture, precision)
    network, pruning = trained(architecture)
    smaller = build(architecture, 3, CLIP_S).eval()
    remove_channels(network, smaller, pruning)
    arrays = store(smaller, precision=precision, pruning=pruning)
    complexity = count(architecture, 3, CLIP_S)
    assert sum(array.nbytes for array in arrays.values()) == complexity.size_bytes
    save_model(tmp_path / "7", SavedModel(architecture, CLASSES, CLIP_S, "plain", arrays, {}))
    held = load_file(tmp_path / "7" / "weights.safetensors").values()
    assert {tensor.dtype for tensor in held} == {getattr(torch, precision)}
    loaded = load_model(tmp_path / "7")
    assert sum(p.numel() for p in loaded.parameters()) == complexity.params
    inputs = [torch.randn(2, *shape) for shape in network.input_shapes]
    with torch.no_grad():
        expected = network(*inputs)
        difference = (loaded(*inputs) - expected).abs().max()
    assert difference <= tolerance * expected.abs().max()
