"""The comparison on a GPU, all of it but the figure: on the CPU both train the same candidates."""

from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import gpu

    return gpu


def test_without_a_gpu_it_says_so(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "find_gpu", lambda: None)
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    benchmark.main()
    assert capsys.readouterr().out == "no GPU\n"


@pytest.mark.slow
def test_both_train_the_candidates(benchmark, monkeypatch, tmp_path):
    """The first of two is not counted."""
    monkeypatch.setenv("NAS_ASC_CACHE", str(tmp_path))
    setting = benchmark.Setting(benchmark.drawn(2), benchmark.RECIPE, 1, "cpu")
    benchmark.warm_features(setting)
    for seconds in (benchmark.seconds_of_jobs(setting, 1), benchmark.plain_seconds(setting)):
        assert 0 < benchmark.trials_an_hour(setting, seconds) < 3600 / 0.05
