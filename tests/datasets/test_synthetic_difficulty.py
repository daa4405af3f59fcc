"""The synthetic scenes are neither too easy nor too hard."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parents[1] / "benchmarks" / "synthetic_difficulty.py"


@pytest.mark.slow
def test_spectra_help_and_time_settles_it(tmp_path):
    printed = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "NAS_ASC_CACHE": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    linear, network = json.loads(printed)["rows"]
    assert 35 <= linear["accuracy"] <= 75
    assert 80 <= network["accuracy"] <= 97
