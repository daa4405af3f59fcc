from types import SimpleNamespace

import pytest

from nas_asc.search.progress import Progress, ProposalTime, progress_line


def test_the_line_says_how_far_the_search_is(make_point):
    progress = Progress(
        completed=12,
        total=48,
        stopped_early=3,
        failed=1,
        rejected_over_budget=1210,
        best=make_point(),
        elapsed_s=160,
    )
    assert progress_line(progress, 1024) == (
        "16/48 done (3 stopped, 1 failed) | 1,210 rejected over budget"
        " | best 81.2%, log loss 0.625 at 30.5 KB | 5 min left"
    )
    finished = Progress(completed=5, failed=1, total=6, resumed=6, elapsed_s=10)
    assert progress_line(finished, 1024, 40) == "6/6 done (1 failed) | finished"


def test_trainings_after_the_search_are_counted_by_themselves():
    """Three of nine were done before, and two more in 60 s: the last four take 120 s."""
    again = Progress(completed=5, total=9, resumed=3, elapsed_s=60.0, stage="trained again")
    assert progress_line(again, 1024) == "trained again: 5/9 done | 2 min left"


@pytest.mark.parametrize("width", [0, 20, 40, 60, 120])
def test_the_line_is_never_wider_than_the_terminal(make_point, width):
    progress = Progress(
        completed=123, total=999, stopped_early=44, best=make_point(), elapsed_s=600, limit_s=3600
    )
    line = progress_line(progress, 1024, width)
    assert len(line) <= width
    if width >= 40:
        assert line.startswith("167/999 done")
        assert line.endswith("50 min left")


@pytest.mark.parametrize(
    ("progress", "left_s"),
    [
        (Progress(completed=0, total=10), None),
        (Progress(completed=0, total=10, limit_s=600, elapsed_s=100), 500),
        (Progress(completed=3, failed=1, total=10, elapsed_s=40), 60),
        (Progress(completed=4, total=10, elapsed_s=40, limit_s=70), 30),
        (Progress(completed=4, total=10, elapsed_s=40, limit_s=600), 60),
        (Progress(completed=6, total=10, resumed=4, elapsed_s=40), 80),
        (Progress(completed=10, total=10, resumed=10, elapsed_s=0), 0),
        (Progress(completed=12, total=10, elapsed_s=40, limit_s=30), 0),
        (Progress(completed=12, elapsed_s=40), None),
    ],
)
def test_time_left_is_by_pace_or_limit_the_sooner(progress, left_s):
    assert progress.left_s == left_s


@pytest.mark.parametrize(
    ("sampler", "advice"),
    [
        ("surrogate", "another (--sampler evolution) or a larger proposal_batch in the study"),
        ("evolution", "only a larger proposal_batch in the study"),
    ],
)
def test_workers_that_wait_for_proposals_are_told_of_once(caplog, sampler, advice):
    """Of 4 workers in 100 s two wait 10 s for each of three proposals: 60 s of 400."""
    clock = SimpleNamespace(session_s=10.0)
    times = ProposalTime(clock, sampler)
    times.note(10.0, 2, 4)
    assert not caplog.messages  # too early to say
    clock.session_s = 100.0
    for _ in range(3):
        times.note(10.0, 2, 4)
    assert caplog.messages == [
        f"workers wait for proposals, 15% of their time so far: sampler {sampler} takes 10 s for "
        f"each; {advice} keeps up"
    ]
