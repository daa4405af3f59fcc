"""int8 activations: ranges and rounding against torch's own, a network by hand, there and back."""

import numpy as np
import pytest
import torch
from torch.ao.quantization import MinMaxObserver

from nas_asc.architectures.architecture import Architecture
from nas_asc.architectures.graph import Graph
from nas_asc.architectures.layers import act, add, conv, linear
from nas_asc.complexity.counting import count
from nas_asc.errors import DivergedError, ExportError
from nas_asc.networks.activations import QuantizedActivations
from nas_asc.networks.model_files import SavedModel, load_model, save_model
from nas_asc.networks.network import Network, VotingNetwork, build
from nas_asc.networks.stored import restore, store
from nas_asc.reports.ensemble import Ensemble, Member
from nas_asc.reports.lookup import report_model

CLASSES, CLIP_S = tuple("abc"), 0.12


def of_report(model_id, precision="full_int8"):
    sections = report_model(model_id).architecture.sections
    given = {"precision": precision, "pruning": "none"}
    return Architecture("made", {**sections, "compression": given}, ())


def compressed(architecture):
    """Return a network with restored weights and ranges of some clips, its arrays and the clips."""
    torch.manual_seed(0)
    network = build(architecture, len(CLASSES), CLIP_S).eval()
    arrays = store(network, precision="full_int8")
    restore(network, arrays)
    clips = [torch.randn(8, *shape) for shape in network.input_shapes]
    with torch.no_grad(), network.activations.measured():
        network(*clips)
    return network, {**arrays, **network.activations.arrays}, clips


def one_tensor(values):
    """Return what rounds one tensor as these values ask for."""
    g = Graph()
    linear(g, g.input((4,)), 3, name="classifier")
    found = QuantizedActivations(g.layers)
    with found.measured():
        found(0, torch.tensor(values))
    return found


@pytest.mark.parametrize(
    "values",
    [[-1.0, 3.0], [0.0, 6.0], [-5.0, -1.0], [2.0, 7.0], [1e-5, -2e-5], [1e8, -3e8], [3e-9, 1e-9]],
)
def test_ranges_are_those_of_torch_and_values_are_rounded_to_the_nearest_step(values):
    """A scale of two bytes has eleven binary digits, or eight where it is very small or large."""
    observer = MinMaxObserver(
        dtype=torch.qint8, qscheme=torch.per_tensor_affine, quant_min=-128, quant_max=127, eps=1e-30
    )
    observer(torch.tensor(values))
    wanted_scale, wanted_zero = observer.calculate_qparams()
    found = one_tensor(values)
    ((scale, zero_point),) = found._steps
    assert scale == pytest.approx(wanted_scale.item(), rel=2**-8)
    assert abs(zero_point - wanted_zero.item()) <= 1
    x = torch.linspace(2 * min(values), 2 * max(values), 1001)
    integers = (np.rint(x.double().numpy() / scale) + zero_point).clip(-128, 127)
    off = found(0, x).double().numpy() / scale - (integers - zero_point)
    assert (off.round() != 0).sum() <= 2, "of values halfway between two steps"
    np.testing.assert_allclose(off, off.round(), rtol=0, atol=1e-4)


def test_a_network_of_two_layers_by_hand():
    """Inputs are whole numbers, hidden values halves from 0 to 127.5, logits any."""
    g = Graph()
    x = act(g, linear(g, g.input((2,)), 2, name="first"), "relu")
    linear(g, x, 2, name="second")
    network = Network(g.layers).eval()
    network.activations = QuantizedActivations(g.layers)
    weights = {"first": [[0.7, 10.0], [-1.0, 0.6]], "second": [[1.0, 2.0], [0.1, -0.1]]}
    for name, weight in weights.items():
        layer = network.get_submodule(name)
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor([0.0, 0.25])
    scales, zeros = np.array([1.0, 0.5], np.float16), np.array([0, -128], np.int8)
    network.activations.load({"activations.scale": scales, "activations.zero_point": zeros})
    x = torch.tensor([[2.4, -0.4], [-3.6, 500.0], [0.0, 0.0]])
    # whole: (2, 0), (-4, 127), (0, 0); hidden: 1.4 and 0 (of -1.75), 1267.2 and 80.45, 0 and 0.25
    hidden = [(1.5, 0.0), (127.5, 80.5), (0.0, 0.0)]
    expected = [[a + 2 * b, 0.1 * a - 0.1 * b + 0.25] for a, b in hidden]
    with torch.no_grad():
        torch.testing.assert_close(network(x), torch.tensor(expected))


def test_a_sum_gets_what_its_layers_keep_and_not_what_they_computed():
    """A convolution of one times 0.3 is 3.0 of 10: kept in steps of 2 it is 2 or 4."""
    g = Graph()
    x = g.input((1, 1, 1))
    add(g, conv(g, x, 1, (1, 1), name="conv"), x)
    network = Network(g.layers).eval()
    network.activations = QuantizedActivations(g.layers)
    network.conv.weight.data.fill_(0.3)
    scales, zeros = np.array([4.0, 2.0], np.float16), np.zeros(2, np.int8)
    network.activations.load({"activations.scale": scales, "activations.zero_point": zeros})
    with torch.no_grad():  # 11 is kept as 12, 0.3 of which is 3.6 and kept as 4
        assert network(torch.full((1, 1, 1, 1), 11.0)).item() == 12 + 4


@pytest.mark.parametrize("model_id", ["deepsound-32", "srpol-c3multi", "ntu-inceptionnet", "imt-c"])
def test_a_loaded_network_gives_the_same_logits_and_has_the_counted_bytes(model_id, tmp_path):
    architecture = of_report(model_id)
    network, arrays, clips = compressed(architecture)
    stored_bytes = sum(array.nbytes for array in arrays.values())
    assert stored_bytes == count(architecture, len(CLASSES), CLIP_S).size_bytes
    standards = network.standardisation.statistics if network.standardisation else ()
    planes = tuple(each.numpy() for each in standards)
    model = SavedModel(architecture, CLASSES, CLIP_S, "plain", arrays, {}, planes)
    save_model(tmp_path / "7", model)
    loaded = load_model(tmp_path / "7")
    with torch.no_grad():
        logits = network(*clips)
        assert torch.equal(loaded(*clips), logits)
        votes = VotingNetwork(_ensemble(), [loaded, loaded]).eval()(*clips)
        torch.testing.assert_close(votes, logits.log_softmax(dim=1))
        silence = [torch.zeros_like(clip) for clip in clips]
        assert loaded(*silence).isfinite().all()


def _ensemble():
    members = (Member(report_model("deepsound-32"), number=2),)
    return Ensemble("two", "", "", members, CLASSES, CLIP_S, "plain", {})


def test_rounding_moves_the_logits_a_little_and_without_ranges_not_at_all():
    network, _, clips = compressed(of_report("deepsound-32"))
    exact = build(of_report("deepsound-32"), len(CLASSES), CLIP_S).eval()
    restore(exact, store(network, precision="full_int8"))
    assert not exact.activations
    assert build(of_report("deepsound-32", "int8"), 3, CLIP_S).activations is None
    with torch.no_grad():
        floats, kept = exact(*clips), network(*clips)
    assert not torch.equal(kept, floats)
    assert (kept - floats).abs().max() < 0.3 * (floats.max() - floats.min())


def test_of_silence_alone_there_is_a_range_too():
    network = build(of_report("deepsound-32"), len(CLASSES), CLIP_S).eval()
    silence = [torch.zeros(2, *shape) for shape in network.input_shapes]
    with torch.no_grad(), network.activations.measured():
        network(*silence)
    with torch.no_grad():
        assert network(*[clip + 1.0 for clip in silence]).isfinite().all()


def test_values_that_are_no_numbers_have_no_range():
    with pytest.raises(DivergedError, match="finite activations"):
        one_tensor([1.0, float("nan")])


def test_ranges_that_are_missing_or_of_another_model_are_told():
    network, arrays, _ = compressed(of_report("deepsound-32"))
    scales, zeros = "activations.scale", "activations.zero_point"
    for changed, told in (
        ({scales: arrays[scales]}, r"found \(86,\), are they"),
        (
            {scales: arrays[scales][1:], zeros: arrays[zeros]},
            r"expected two arrays of shape \(86,\), found \(85,\) and",
        ),
        ({scales: 0 * arrays[scales], zeros: arrays[zeros]}, "expected finite numbers above 0"),
    ):
        with pytest.raises(ExportError, match=told):
            network.activations.load(changed)
    model = SavedModel(of_report("deepsound-32", "int8"), CLASSES, CLIP_S, "plain", arrays, {})
    with pytest.raises(ExportError, match="expected no such array"):
        model.network()
