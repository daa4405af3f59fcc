import platform
import random
import resource
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from network_checks import outcome
from torch import nn

from nas_asc.architectures.architecture import Architecture
from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import conv
from nas_asc.complexity.counting import count
from nas_asc.features import malloc_keeps_memory
from nas_asc.networks.network import Network
from nas_asc.reports.lookup import report_model
from nas_asc.shipped import shipped
from nas_asc.spaces.space_file import load_space
from nas_asc.training.compute_mode import (
    BFLOAT16_FROM_MACS,
    PLAIN,
    Execution,
    computes_in_bfloat16,
    execution_for,
    fast_operation,
)
from nas_asc.training.fast_layers import channels_last

pytestmark = pytest.mark.usefixtures("one_thread")

FAST = Execution(channels_last=True)
FAST_BFLOAT16, BFLOAT16 = replace(FAST, bfloat16=True), Execution(bfloat16=True)


def candidates(number, name="mbconv"):
    """Draw some small networks, or the smallest if there are none."""
    space, generator = load_space(name), random.Random(4)
    drawn = [space.random(generator) for _ in range(10 * number)]
    macs = [count(a, 10, 0.6).macs for a in drawn]
    most = max(2_000_000, min(macs) + 1)
    return [a for a, cost in zip(drawn, macs, strict=True) if cost < most][:number]


@pytest.mark.parametrize("name", [n for n in shipped("search_spaces") if n != "asc"])
def test_fast_layers_give_the_plain_logits_gradients_and_statistics(name):
    for architecture in candidates(25 if name == "mbconv" else 5, name):
        fast, plain = outcome(architecture, FAST), outcome(architecture, PLAIN)
        torch.testing.assert_close(fast, plain, msg=lambda m, a=architecture: f"{a.choices}: {m}")


def test_a_gated_projection_to_many_more_channels_gives_the_plain_outcome():
    """Which a norm reads, as one that reads a plain 1x1 convolution to so many."""
    drawn = candidates(1)[0]
    narrow = {"block": "mbconv", "depth": 1, "expand": 2, "kernel": "3x3", "stride": "1x1"}
    narrow |= {"squeeze_excite": 0.25, "activation": "silu"}
    stages = {"stage1": {**narrow, "width": 8}, "stage2": {**narrow, "width": 48}}
    choices = {p: v for p, v in drawn.choices.items() if p.split(".")[0] not in stages}
    choices |= {f"{s}.{name}": v for s, stage in stages.items() for name, v in stage.items()}
    architecture = load_space("mbconv").from_choices(choices)
    torch.testing.assert_close(outcome(architecture, FAST), outcome(architecture, PLAIN))


def test_bfloat16_gives_the_plain_logits_to_two_digits():
    for architecture in candidates(8):
        fast = outcome(architecture, FAST_BFLOAT16, torch.float32)
        plain = outcome(architecture, PLAIN, torch.float32)
        assert (fast[0] - plain[0]).norm() < 0.05 * plain[0].norm(), architecture.choices


def test_in_float32_deepsound_64_gives_the_plain_logits_and_gradients():
    deepsound = report_model("deepsound-64").architecture
    fast, plain = (outcome(deepsound, e, torch.float32) for e in (FAST, PLAIN))
    torch.testing.assert_close(fast, plain, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("model_id", "clip_s"), [("deepsound-64", 5.0), ("deepsound-32", 0.5)])
def test_large_networks_compute_in_bfloat16_where_the_processor_can(model_id, clip_s):
    complexity = count(report_model(model_id).architecture, 10, clip_s)
    large = complexity.macs > BFLOAT16_FROM_MACS
    assert large == (model_id == "deepsound-64")
    assert execution_for(complexity) == Execution(True, large and computes_in_bfloat16())


@pytest.mark.parametrize(("kernel", "bfloat16"), [(8, True), (16, False)])
def test_a_depthwise_convolution_that_never_ends_is_not_begun(kernel, bfloat16, monkeypatch):
    """In bfloat16 oneDNN has no code for depthwise kernels of 15 frames and more (PyTorch 2.13)."""
    monkeypatch.setattr("nas_asc.training.compute_mode.computes_in_bfloat16", lambda: True)
    model = report_model("imt-a").architecture
    stage = {**model.sections["stage1"], "block": "separable", "kernel": kernel}
    sections = {**model.sections, "stage1": stage}
    complexity = count(Architecture(model.space, sections, model.chosen), 10, 10.0)
    assert complexity.macs > BFLOAT16_FROM_MACS
    assert execution_for(complexity).bfloat16 is bfloat16


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is glibc's")
def test_memory_that_is_freed_and_taken_again_brings_no_new_pages():
    megabytes_8 = 2_000_000
    with malloc_keeps_memory():
        torch.ones(megabytes_8)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(50):
            torch.ones(megabytes_8)
        pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    anew = 50 * 8_000_000 / 4096
    assert pages < anew / 3


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists() or platform.libc_ver()[0] != "glibc",
    reason="the kernel has no large pages to give, or the allocator is not glibc's",
)
def test_the_heap_is_to_have_large_pages():
    with malloc_keeps_memory():
        mappings = Path("/proc/self/smaps").read_text().split("VmFlags:")[1:]
    assert any("hg" in mapping.splitlines()[0].split() for mapping in mappings)  # proc(5)


def test_a_processor_held_to_avx2_computes_in_float32(monkeypatch):
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    assert not computes_in_bfloat16()


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    monkeypatch.setattr("ctypes.CDLL", None)
    with malloc_keeps_memory():
        assert torch.ones(3).sum() == 3


def poison():
    """Leave NaN in the memory that is free, for what reads memory that nobody wrote."""
    held = [torch.full((n,), torch.nan) for n in range(4, 3000, 4)]
    held.clear()


@pytest.mark.parametrize("execution", [FAST, FAST_BFLOAT16])
@pytest.mark.parametrize("shape", [(1, 9, 1), (1, 5, 7), (3, 9, 1), (3, 7, 5)])
@pytest.mark.parametrize("kernel", [(1, 5), (3, 3), (7, 1)])
@pytest.mark.parametrize("groups", ["one", "each"])
@pytest.mark.parametrize("padding", ["half", "valid"])
def test_a_stride_to_one_frame_is_computed_throughout(shape, kernel, groups, padding, execution):
    """Of which PyTorch 2.13 leaves a part unwritten, in channels-last order on the CPU."""
    if padding == "valid":
        kernel = tuple(map(min, kernel, shape[1:]))
    of, graph = shape[0] if groups == "each" else 1, Graph()
    source = graph.input(shape)
    conv(graph, source, 6, kernel, (1, 7), name="conv", groups=of, padding=padding)
    torch.manual_seed(0)
    network = Network(graph.layers)
    weight, x = network.get_submodule("conv").weight, torch.randn(4, *shape, requires_grad=True)
    sides = [k // 2 if padding == "half" else 0 for k in kernel]
    expected = F.conv2d(x.double(), weight.double(), None, (1, 7), sides, 1, of)
    assert expected.shape[3] == 1
    seen = torch.randn(expected.shape)
    wanted = torch.autograd.grad(expected, (x, weight), seen.double())

    compute = execution.forward_of(network)
    poison()
    with execution.autocast(x.device):
        output = compute(x)
    poison()
    got = torch.autograd.grad(output, (x, weight), channels_last(seen.to(output.dtype)))

    for found, right in zip((output, *got), (expected, *wanted), strict=True):
        error = (found - right).norm() / right.norm()
        assert error < (0.03 if execution.bfloat16 else 1e-5)


def waveforms(*shape):
    """Waveforms as maps with one mel bin."""
    return channels_last(torch.randn(*shape, generator=torch.Generator().manual_seed(2)))


def errors(found, exact):
    """Return how far logits and gradients are from the exact ones, as a share of these."""
    pairs = (
        (found[0], exact[0]),
        (torch.cat([g.flatten() for g in each[1].values()]) for each in (found, exact)),
    )
    return [float((one - right).norm() / right.norm()) for one, right in pairs]


@pytest.mark.parametrize("space", ["wave_vgg", "wave_resnet"])
def test_maps_in_bfloat16_are_as_close_to_float32_as_waveforms_in_bfloat16(space):
    """How close that is depends on the depth: every layer rounds to eight bits."""
    (architecture,) = candidates(1, space)
    exact, maps, waveforms = (
        outcome(architecture, execution, torch.float32)
        for execution in (PLAIN, FAST_BFLOAT16, BFLOAT16)
    )
    of_maps, of_waveforms = errors(maps, exact), errors(waveforms, exact)
    assert of_maps[0] < 2 * of_waveforms[0] < 0.2
    assert of_maps[1] < 2 * of_waveforms[1] < 0.6


def test_spatial_dropout_drops_whole_channels_and_scales_the_others():
    dropout = nn.Dropout1d(0.5)
    x = torch.ones(40, 8, 1, 16)
    torch.manual_seed(0)
    per_channel = fast_operation(dropout)(x).flatten(2)
    assert per_channel.amin(2).equal(per_channel.amax(2))
    assert set(per_channel.unique().tolist()) == {0.0, 2.0}
    assert per_channel[0].amax(1).unique().numel() == 2  # clips lose some channels, not all


@pytest.mark.parametrize("kind", [nn.Dropout, nn.AlphaDropout])
def test_dropout_of_single_values_is_left_to_torch(kind):
    dropout = kind(0.5)
    assert fast_operation(dropout) is dropout


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout1d, nn.AlphaDropout])
def test_a_dropout_follows_the_mode_that_its_module_is_put_in_later(kind):
    dropout = kind(0.5)
    on_map, x = fast_operation(dropout), waveforms(2, 8, 1, 16)
    dropout.eval()
    assert on_map(x).equal(x)
    dropout.train()
    assert not on_map(x).equal(x)
