import numpy as np
import pytest
import torch

from nas_asc.errors import ExportError
from nas_asc.networks import model_files
from nas_asc.networks.compression import store
from nas_asc.networks.model_files import SavedModel, load_model, load_saved, save_model
from nas_asc.networks.network import build
from nas_asc.reports.lookup import report_model


def saved(standards=(), model_id="deepsound-32", precision="float16"):
    architecture = report_model(model_id).architecture
    torch.manual_seed(0)
    network = build(architecture, 3, 0.5)
    arrays = store(network, precision=precision)
    metrics = {"accuracy": 0.5, "log_loss": 1.0}
    return SavedModel(architecture, tuple("abc"), 0.5, "plain", arrays, metrics, standards)


def normal(*sizes):
    """Means and deviations, both above 0."""
    draws = [np.random.default_rng(n).uniform(0.5, 2, size=(2, n)) for n in sizes]
    return tuple(draw.astype("f4") for draw in draws)


@pytest.mark.parametrize("planes", [0, 1, 2])
def test_a_model_comes_back_as_it_was_saved(tmp_path, planes):
    standards = normal(*(40, 63)[:planes])
    model = saved(standards)
    save_model(tmp_path / "7", model)
    found = load_saved(tmp_path / "7")

    assert found.architecture == model.architecture
    assert (found.classes, found.clip_s, found.rule) == (("a", "b", "c"), 0.5, "plain")
    assert found.metrics == model.metrics
    assert [s.tolist() for s in found.standards] == [s.tolist() for s in standards]
    assert {name: a.tobytes() for name, a in found.arrays.items()} == {
        name: a.tobytes() for name, a in model.arrays.items()
    }


def test_the_module_of_a_model_with_two_inputs_runs(tmp_path):
    save_model(tmp_path / "7", saved(normal(256), "srpol-c3multi"))
    network = load_model(tmp_path / "7")

    assert network.classes == ("a", "b", "c")
    assert len(network.example_inputs()) == 2
    assert not network.training
    assert network(*network.example_inputs()).shape == (1, 3)


def test_a_model_is_saved_after_a_crash_in_a_process_of_the_same_id(tmp_path, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_files, "save_file", crash)
        with pytest.raises(KeyboardInterrupt):
            save_model(tmp_path / "7", saved())
    assert not (tmp_path / "7").exists()
    save_model(tmp_path / "7", saved())
    assert load_saved(tmp_path / "7").metrics == saved().metrics


def test_a_saved_model_is_as_public_as_other_files(tmp_path):
    (tmp_path / "other").mkdir()
    save_model(tmp_path / "7", saved())
    assert (tmp_path / "7").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(ExportError, match=r"architecture\.json: .* No such file"):
        load_saved(tmp_path)
    save_model(tmp_path / "7", saved())
    (tmp_path / "7" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ExportError, match="expected a complete saved model"):
        load_saved(tmp_path / "7")


@pytest.mark.parametrize(
    ("sizes", "fault"),
    [
        ((), r"7: expected mean .* of shape \(2, 256\), found none, is it of another"),
        ((40,), r"\(2, 256\), found \(2, 40\)"),
    ],
)
def test_standards_that_are_not_those_of_the_front_end_are_refused(tmp_path, sizes, fault):
    save_model(tmp_path / "7", saved(normal(*sizes), "srpol-c3multi"))
    with pytest.raises(ExportError, match=fault):
        load_model(tmp_path / "7")
