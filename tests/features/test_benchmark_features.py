import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent.parent.parent / "benchmarks" / "features.py"


@pytest.mark.slow
def test_the_benchmark_prints_one_json_object(monkeypatch):
    monkeypatch.delenv("NAS_ASC_DATA", raising=False)

    output = subprocess.run(
        [sys.executable, BENCHMARK, "--repetitions", "1", "--clips", "10"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    result = json.loads(output)
    assert "synthetic" in result["data"]
    for row in result["rows"]:
        assert row.keys() >= {"case", "ours", "peer", "peer_name", "ratio", "unit"}
    assert result["rows"][-1]["ratio"] > 50
