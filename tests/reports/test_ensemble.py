"""Ensembles: what they cost, and how their members' probabilities become one."""

from dataclasses import replace

import numpy as np
import pytest

from nas_asc.networks.network import vote
from nas_asc.reports.ensemble import Ensemble, Member, count_ensemble, count_members
from nas_asc.reports.lookup import find_model, report_model

SCENES = [
    *("airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall"),
    *("street_pedestrian", "street_traffic", "tram"),
]


def test_an_ensemble_costs_the_sum_of_its_members():
    srpol, ntu = (count_ensemble(find_model(name)) for name in ("srpol-1", "ntu-ensemble"))
    assert srpol.counted_params == 70_435 + 37_059 == 107_494
    assert srpol.size_bytes == 4 * 107_494
    assert srpol.input_shapes == ((1, 256, 469), (256,))
    assert (srpol.macs, srpol.macs_fvcore_total) == (1_015_498_176, 1_035_716_032)
    assert ntu.nonzero_params == 5 * 17_115 + 34_183 == 119_758
    assert ntu.counted_params == 5 * 80_839 + 167_571
    assert ntu.size_bytes == 4 * 119_758
    assert ntu.macs == 5 * 73_269_036 + 37_144_380
    assert ntu.macs_fvcore_total == 411_859_016
    under_2020 = count_ensemble(find_model("srpol-1"), "dcase2020-1b")
    assert (under_2020.counted_params, under_2020.params) == (107_494, 70_851 + 37_987)


def test_members_run_one_after_the_other():
    ensemble = find_model("ntu-ensemble")
    peaks = [one.peak_activation_bytes for one in count_members(ensemble)]
    assert count_ensemble(ensemble).peak_activation_bytes == max(peaks)


def test_the_ten_scenes_fall_into_three():
    """The mapping of the challenge: dcase.md, section 2."""
    mapped = find_model("srpol-1").members[1].class_map
    assert list(mapped) == SCENES
    coarse = {name: [s for s in SCENES if mapped[s] == name] for name in set(mapped.values())}
    assert coarse == {
        "indoor": ["airport", "metro_station", "shopping_mall"],
        "outdoor": ["park", "public_square", "street_pedestrian", "street_traffic"],
        "transportation": ["bus", "metro", "tram"],
    }


def test_srpol_1_weighs_70_to_30_and_sums_within_coarse_classes():
    three = np.array([[0.5, 0.25, 0.25]])
    ten = np.array([[0.1, 0.0, 0.1, 0.2, 0.05, 0.05, 0.3, 0.1, 0.0, 0.1]])
    voted = vote(find_model("srpol-1"), [three, ten])
    indoor, outdoor, transportation = 0.1 + 0.2 + 0.3, 0.05 + 0.05 + 0.1, 0.1 + 0.1
    mapped = np.array([indoor, outdoor, transportation])
    np.testing.assert_allclose(voted, 0.7 * three + 0.3 * mapped[None])


def test_the_ntu_ensemble_is_the_mean_of_six():
    votes = [np.array([[share, 1 - share, 0.0]]) for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    ensemble = find_model("ntu-ensemble")
    assert [m.model.id for m in ensemble.networks] == ["ntu-vggnet"] * 5 + ["ntu-inceptionnet"]
    np.testing.assert_allclose(vote(ensemble, votes), [[0.5, 0.5, 0.0]])
    with pytest.raises(ValueError, match="expected 6 votes, got 2"):
        vote(ensemble, votes[:2])


def test_votes_are_shares_of_the_whole_and_stored_where_they_differ():
    """Three networks of weight 2 and one of weight 4: a fifth and two fifths of 10."""
    members = (Member(report_model("imt-b"), 3, 2.0), Member(report_model("imt-a"), 1, 4.0))
    weighed = Ensemble("x", "imt", "", members, ("a", "b", "c"), 10.0, "imt", {})
    assert weighed.votes == (0.2, 0.4)
    assert weighed.reference("asc").choices["votes"] == "0.2, 0.4"
    equal = find_model("ntu-ensemble")
    assert "votes" not in equal.reference("asc").choices


def test_what_keeps_an_ensemble_from_being_trained_is_said():
    srpol, ntu = find_model("srpol-1"), find_model("ntu-ensemble")
    text = srpol.untrainable(srpol.classes)
    assert f"srpol-c10separable tells apart {', '.join(SCENES)}, which" in text
    assert "into indoor, outdoor, transportation; clips have one label" in text
    assert ntu.untrainable() is None


def test_an_ensemble_takes_finer_classes_as_its_own_map_or_else_the_data_have_them():
    srpol = find_model("srpol-1")
    own = srpol.members[1].class_map
    assert srpol.untrainable(srpol.classes, own) is None
    wrong = {**own, "park": "indoor"}
    said = "park lies in outdoor by its class map, and in indoor by the data"
    assert srpol.untrainable(srpol.classes, wrong) == said
    assert srpol.untrainable(("indoor", "outdoor", "vehicles"), wrong) is None  # others of a name
    finer = replace(srpol.members[1], model=report_model("imt-b"), class_map={"a": "indoor"})
    of_three = replace(srpol, members=(*srpol.members, finer))
    assert "imt-b tell apart finer classes of two kinds" in of_three.untrainable((), own)


def test_an_ensemble_for_other_data_has_their_classes_of_both_kinds():
    """Four finer classes in two: the member with a map has four outputs, and they are summed."""
    class_map = {"dog": "animals", "rain": "weather", "rooster": "animals", "wind": "weather"}
    adapted = find_model("srpol-1").adapted(("animals", "weather"), 5.0, class_map)
    assert [member.model.classes for member in adapted.members] == [2, 4]
    assert adapted.members[1].class_map == class_map
    votes = [np.array([[0.5, 0.5]]), np.array([[0.4, 0.3, 0.2, 0.1]])]
    expected = [0.7 * 0.5 + 0.3 * (0.4 + 0.2), 0.7 * 0.5 + 0.3 * (0.3 + 0.1)]
    np.testing.assert_allclose(vote(adapted, votes), [expected])
    other = find_model("srpol-1").adapted(adapted.classes, 5.0, {**class_map, "wind": "animals"})
    assert other.reference("asc").key != adapted.reference("asc").key


def test_a_member_can_stand_for_itself():
    model = report_model("imt-b")
    ensemble = Ensemble("x", "imt", "", (Member(model),), ("a", "b", "c"), 10.0, "imt", {})
    assert count_ensemble(ensemble).counted_params == 30_080
    assert count_ensemble(ensemble.adapted(SCENES, 10.0)).counted_params == 30_080 + 7 * 64
