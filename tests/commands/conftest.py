import json

import pytest

from nas_asc.reports.lookup import report_model
from nas_asc.shipped import shipped


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand where a run with one trial, srpol-4 for other data, and a space of one's own are."""
    monkeypatch.chdir(tmp_path)
    trial = tmp_path / "run" / "models" / "3"
    trial.mkdir(parents=True)
    data = report_model("srpol-4").architecture.to_dict()
    (trial / "architecture.json").write_text(json.dumps({**data, "classes": 5, "clip_s": 5.0}))
    (tmp_path / "mine.toml").write_bytes(shipped("search_spaces")["vgg"].read_bytes())
    return tmp_path
