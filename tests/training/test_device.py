"""A device is a value: all that a training touches lies on one, and no step waits for it.

No GPU is needed: "meta" is a device whose tensors have shapes and no values. PyTorch refuses to
compute with tensors of two devices, and to tell a value of one there.
"""

import os
import re
import sys
from pathlib import Path

import pytest
import torch
from recipe_cases import AUGMENTATIONS, EVERY_AUGMENTATION, recipe
from torch.utils._python_dispatch import TorchDispatchMode

from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import (
    NOT_PRUNED,
    ChannelPruning,
    ChannelRemoval,
    MagnitudePruning,
)
from nas_asc.errors import TrainingError
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model
from nas_asc.training import device, loop
from nas_asc.training.augmentations import AUGMENTATIONS as AUGMENTATION_ROWS
from nas_asc.training.batches import Clips
from nas_asc.training.compute_mode import Execution, execution_for
from nas_asc.training.device import machine_kind, prepare, processor
from nas_asc.training.loop import Hooks, train
from nas_asc.training.metrics import predict_proba
from nas_asc.training.parts import OPTIMIZERS, parts_of

META, CUDA = torch.device("meta"), torch.device("cuda")
NETWORKS = Path(loop.__file__).parents[1] / "networks"
MEMBERS = {sys.modules[each.function.__module__] for each in AUGMENTATION_ROWS.values()}
# As many clips as three batches of eight, the last one of which is half as large.
CLIPS, CLASSES, CLIP_S = 20, 3, 1.0
# What tells a value, or how many there are: a GPU would be waited for.
TELLING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "is_nonzero", "equal")


class Watching(TorchDispatchMode):
    """Notes what is moved from device to device, and what would wait for one."""

    def __init__(self):
        super().__init__()
        self.moves, self.waits = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        given = [each for each in args if isinstance(each, torch.Tensor)]
        if name in TELLING and any(each.device == META for each in given):
            self.waits.append(name)
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and given:
            origins = {each.device for each in given if each.dim()}
            if origins and origins != {result.device}:
                self.moves.append(name)
        return result


@pytest.mark.parametrize(
    "pruning",
    [
        NOT_PRUNED,
        MagnitudePruning(0.5),
        ChannelPruning(0.2, iterations=3),
        ChannelRemoval(0.2, iterations=3),
    ],
)
@pytest.mark.parametrize(
    "name", ["deepsound-32", "srpol-3", "netease-student", "ntu-vggnet", "imt-a"]
)
def test_a_training_touches_nothing_elsewhere_and_waits_once_an_epoch(name, pruning, monkeypatch):
    told, moved = [], []
    monkeypatch.setattr(torch.Tensor, "item", lambda self: float(told.append(self.device) or 1.0))
    for module in (loop, *[each for each in MEMBERS if hasattr(each, "moved")]):
        monkeypatch.setattr(
            module, "moved", lambda *given: (moved.append(1), device.moved(*given))[1]
        )
    # fused Adam is for devices that compute, and any other asks for the number of its step
    sgd = OPTIMIZERS["adamw"]._replace(function=lambda p, rate, settings: torch.optim.SGD(p, rate))
    monkeypatch.setitem(OPTIMIZERS, "adamw", sgd)
    steps = recipe(
        augmentations=AUGMENTATIONS,
        schedule="cosine",
        ema_decay=0.9,
        gradient_clip=1.0,
        l2={"factor": 0.001, "layers": "all but classifier"},
        quantization_aware=0.5,
        loss={"name": "cross_entropy", "label_smoothing": 0.1, "class_weights": "balanced"},
    )
    network = build(report_model(name).adapted(CLASSES, CLIP_S).architecture, CLASSES, CLIP_S)
    inputs = tuple(torch.zeros(CLIPS, *shape).half() for shape in network.input_shapes)
    clips = Clips(inputs, torch.arange(CLIPS) % CLASSES, CLASSES).to(META)
    network.to(META)
    with Watching() as watch:
        hooks = Hooks(pruning=pruning, precision="int8")
        history = train(network, clips, steps, hooks, epochs=2, seed=0)
    assert [report.train_loss for report in history] == [1 / CLIPS] * 2
    assert told == [META] * 2
    assert watch.waits == []
    assert watch.moves == ["_to_copy"] * len(moved)


@pytest.mark.parametrize("name", ["imt-a", "deepsound-32"])
def test_no_augmentation_waits_for_a_device(name):
    """Log-mels and waveforms whose front end is known."""
    front = report_model(name).adapted(CLASSES, CLIP_S).architecture.frontend
    inputs = (torch.zeros(CLIPS, *front.input_shapes(CLIP_S)[0]),)
    clips = Clips(inputs, torch.arange(CLIPS) % CLASSES, CLASSES, frontend=front).to(META)
    parts = parts_of(recipe(augmentations=EVERY_AUGMENTATION))
    generator = torch.Generator().manual_seed(0)
    with Watching() as watch:
        batch = clips.batch(torch.arange(8, device=META))
        for augment in (*parts.before_standardisation, *parts.augmentations):
            batch = augment(batch, generator)
    assert watch.waits == []
    assert set(watch.moves) == {"_to_copy"}
    assert batch.inputs[0].device == batch.targets.device == META


def test_no_line_of_a_network_names_a_device():
    named = re.compile(r"""torch\.device|["'](cpu|cuda|meta)\b|\.cuda\(""")
    for path in NETWORKS.glob("*.py"):
        assert not named.search(path.read_text(encoding="utf-8")), path


def test_the_code_of_the_package_names_a_gpu_in_few_places():
    """Where a job's word becomes a device, where that is decided, and where graphs are recorded."""
    package = NETWORKS.parent
    named = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r'torch\.cuda\.|"cuda"', path.read_text(encoding="utf-8"))
    }
    assert named == {
        "commands/console.py",
        "commands/search.py",
        "search/runners/gpu.py",
        "search/runners/processes.py",
        "study/config.py",
        "study/job.py",
        "training/compute_mode.py",
        "training/cuda_graphs.py",
        "training/device.py",
        "training/evaluation.py",
        "training/judging.py",
        "training/loop.py",
    }


def test_probabilities_are_numbers_of_the_cpu_wherever_inputs_lie(one_thread):
    network = build(report_model("deepsound-32").architecture, CLASSES, 0.3)
    inputs = torch.randn(70, *network.input_shapes[0]).half()
    whole = predict_proba(network, inputs)
    assert whole.shape == (70, CLASSES)
    assert whole.dtype == "float64"
    assert whole.sum(axis=1) == pytest.approx(1.0)


def test_a_gpu_has_the_plain_layers_and_graphs_and_a_processor_what_it_had():
    complexity = count(report_model("deepsound-64").architecture, 10, 5.0)
    assert execution_for(complexity, CUDA) == Execution(cuda_graphs=True)
    on_cpu = execution_for(complexity)
    assert on_cpu == execution_for(complexity, torch.device("cpu"))
    assert on_cpu.channels_last
    assert not on_cpu.cuda_graphs


def test_a_gpu_that_is_not_there_is_told_and_nothing_else_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert prepare("cpu") == torch.device("cpu")
    with pytest.raises(TrainingError, match=r"expected a GPU, found none .*--device cpu"):
        prepare("cuda")


def test_on_a_gpu_the_seed_decides_everything_and_the_cpu_computes_as_before(monkeypatch):
    """Features are computed on the CPU of a process that trains on a GPU, and others share them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.deterministic, matmul.fp32_precision, cudnn.conv.fp32_precision)
    on_cpu = torch.backends.mkldnn.matmul.fp32_precision
    filling = torch.utils.deterministic.fill_uninitialized_memory
    try:
        assert prepare("cuda") == CUDA
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
        assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
        assert (matmul.fp32_precision, cudnn.conv.fp32_precision) == ("tf32", "tf32")
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert torch.backends.mkldnn.matmul.fp32_precision == on_cpu
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = filling
        cudnn.deterministic, matmul.fp32_precision, cudnn.conv.fp32_precision = before


def test_a_kind_of_machine_is_what_rounds_its_results(monkeypatch, one_thread):
    kind = machine_kind()
    assert kind.startswith(processor())
    assert re.search(r", with(out)? bfloat16, 1 thread$", kind)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert machine_kind(CUDA) == "NVIDIA H200, compute capability 9.0"
