import threading

import pytest
import torch

from nas_asc import feature_pass


def test_results_come_in_order_and_only_a_few_ahead():
    started = []
    torch_threads = torch.get_num_threads()

    def double(item):
        started.append(item)
        return 2 * item

    results = feature_pass._in_order(double, range(1000))

    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert len(started) <= 3 + 4 * torch_threads
    results.close()
    assert torch.get_num_threads() == torch_threads


def test_every_thread_has_one_torch_thread():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        inside = set(feature_pass._in_order(lambda _: torch.get_num_threads(), range(20)))
        assert inside == {1}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_an_error_ends_the_pass_and_frees_the_threads():
    before = threading.active_count()
    torch_threads = torch.get_num_threads()

    def fail_at_5(item):
        if item == 5:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError):
        list(feature_pass._in_order(fail_at_5, range(1000)))

    assert threading.active_count() == before
    assert torch.get_num_threads() == torch_threads
