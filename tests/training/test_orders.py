"""The order of an epoch's clips."""

import pytest
import torch
from recipe_cases import ORDERS as SETTINGS
from recipe_cases import recipe

from nas_asc.training.orders import ORDERS
from nas_asc.training.parts import parts_of


def order(name, clips, epochs=1, seed=0, **settings):
    given = {"name": name, **(settings or SETTINGS[name])}
    function, generator = parts_of(recipe(order=given)).order, torch.Generator().manual_seed(seed)
    return [function(clips, epoch, generator).tolist() for epoch in range(1, epochs + 1)]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("clips", [1, 2, 57])
def test_each_clip_comes_once_by_the_seed_alone(name, clips):
    found = order(name, clips, epochs=3)
    assert [sorted(each) for each in found] == [[*range(clips)]] * 3
    assert order(name, clips, epochs=3) == found


def test_a_fixed_order_is_that_of_the_data_and_absent_is_shuffled():
    assert order("fixed", 5, epochs=2) == [[0, 1, 2, 3, 4]] * 2
    by_default = parts_of(recipe()).order(57, 1, torch.Generator().manual_seed(0)).tolist()
    assert by_default == torch.randperm(57, generator=torch.Generator().manual_seed(0)).tolist()


def test_from_a_buffer_no_clip_comes_before_it_can_be_in_it():
    """Of a tenth of 200 clips: at draw n the first 20 + n clips have been put in."""
    first, second = order("buffer", 200, epochs=2, share=0.1)
    assert first != second
    for found in (first, second):
        assert all(clip < 20 + place for place, clip in enumerate(found))
        assert max(clip - place for place, clip in enumerate(found)) > 10
        assert max(place - clip for place, clip in enumerate(found)) > 20  # some wait long


def test_a_buffer_of_one_clip_changes_nothing_and_one_of_all_reaches_every_place():
    assert order("buffer", 50, share=0.001) == [[*range(50)]]
    firsts = [order("buffer", 4, seed=seed, share=1.0)[0][0] for seed in range(400)]
    assert all(60 < firsts.count(clip) < 140 for clip in range(4))
