import threading

import pytest
import torch

from nas_asc.features.extraction import _in_order, one_torch_thread


def test_results_come_in_order_and_only_a_few_ahead():
    started = []

    def double(item):
        started.append(item)
        return 2 * item

    results = _in_order(double, range(1000), threads=2)

    assert [next(results) for _ in range(3)] == [0, 2, 4]
    assert len(started) <= 3 + 4 * 2
    results.close()


def test_every_thread_hasone_torch_thread_meanwhile():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with one_torch_thread() as threads:
            inside = set(_in_order(lambda _: torch.get_num_threads(), range(20), threads))
            inside.add(torch.get_num_threads())
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)

    assert (threads, inside, after) == (3, {1}, 3)


def test_an_error_ends_the_pass_and_its_threads():
    before = threading.active_count()

    def fail_at_5(item):
        if item == 5:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError):
        list(_in_order(fail_at_5, range(1000), threads=2))

    assert threading.active_count() == before
