"""Every network and ensemble of the reports is trained as reported, end to end, on tiny clips."""

import json
from math import isfinite

import pytest
from made_tau import write_tau

from nas_asc.reports import load_report, report_ensembles, report_models
from nas_asc.search.runners import RUNNERS

MODELS = report_models() | report_ensembles()
# Of each edition as few scenes as tell its classes apart.
SCENES = {
    "3class": ("airport", "bus", "metro_station", "park"),
    "mobile_v2": ("airport", "bus"),
    "2022": ("airport", "bus"),
}
KIND_OF_DATA = {
    "TAU Urban Acoustic Scenes 2020 3Class": "3class",
    "TAU Urban Acoustic Scenes 2020 Mobile": "mobile_v2",
    "TAU Urban Acoustic Scenes 2022 Mobile": "2022",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give the folder of a data set of an edition; it is written once."""
    folders = {}

    def folder(kind):
        if kind not in folders:
            folders[kind] = tmp_path_factory.mktemp(kind)
            write_tau(folders[kind], kind, seconds=0.3, scenes=SCENES[kind])
        return folders[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_ASC_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(RUNNERS, "local", RUNNERS["inline"])  # no time for 18 workers to start
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("model_id", MODELS)
def test_a_report_is_reproduced_in_two_epochs(model_id, made, run_command, tmp_path):
    said = load_report(MODELS[model_id].report).data.partition(",")[0]
    command = ("reproduce", model_id, "--data", made(KIND_OF_DATA[said]), "--epochs", 2, "--json")
    code, out, err = run_command(*command, "--out", tmp_path / "run")
    assert code == 0, err
    found = json.loads(out)
    assert (found["model"], found["epochs"]) == (model_id, 2)
    parts = found["measured"]["parts"]
    assert {part["part"] for part in parts} >= {"all", "class", "device"}
    for part in parts:
        assert 0 <= part["accuracy"] <= 1
        assert isfinite(part["log_loss"])
        assert part["log_loss"] > 0
