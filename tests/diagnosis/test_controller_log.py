from __future__ import annotations

import itertools

from albsim_tests.reports import BY_HAND, DEREGISTER, LOAD_BALANCERS, REGISTER, WAF, attempt, trace_of
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.trace.calls import Reconciled
from sim.diagnosis.controller_log import calls_of, in_lanes, reconciles_of, throttled_before


def test_reconciles_by_hand() -> None:
    first, second = reconciles_of(trace_of(BY_HAND))
    assert (first.number, first.began_s, first.ended_s, first.error) == (7, 1, 8, None)
    assert (second.number, second.began_s, second.ended_s, second.known_until_s) == (8, 8, None, 10)
    assert [call.action for call in first.calls] == [LOAD_BALANCERS, WAF, DEREGISTER, LOAD_BALANCERS]
    assert [call.action for call in second.calls] == [WAF, REGISTER, DEREGISTER]
    assert (first.registered, first.deregistered) == ((), (0,))
    assert (second.registered, second.deregistered) == ((3,), (1, 2))


def test_calls_by_hand() -> None:
    (stall,) = reconciles_of(trace_of(BY_HAND))[0].stalls
    assert (stall.action, len(stall.attempts), len(stall.throttled)) == (WAF, 3, 2)
    assert (stall.began_s, stall.ended_s, stall.throttled_s) == (1.5, 6.5, 4.5)
    assert [len(call.attempts) for call in calls_of(trace_of(BY_HAND), cluster=1)] == [1]


def test_a_call_made_twice_in_one_reconcile_is_two_calls() -> None:
    calls = calls_of(trace_of([attempt(0, 0, WAF), attempt(1, 0, WAF)]), cluster=0)
    assert [call.began_s for call in calls] == [0, 1]


def test_calls_of_two_workers_do_not_mix() -> None:
    records = [
        attempt(0, 0, WAF, 0, backoff_s=2),
        attempt(1, 1, WAF, 0, backoff_s=4),
        attempt(2.5, 0, WAF, 1),
        attempt(5.5, 1, WAF, 1),
    ]
    assert [[a.time_s for a in call.attempts] for call in calls_of(trace_of(records), cluster=0)] == [
        [0, 2.5],
        [1, 5.5],
    ]


def test_a_reconcile_that_spans_the_start_is_told_and_one_before_it_is_not() -> None:
    records = [Reconciled(-9, -1, 0, 0, 0, None), Reconciled(-1, 3, 0, 0, 1, WAF)]
    assert [(log.number, log.error) for log in reconciles_of(trace_of(records))] == [(1, WAF)]


def test_no_reconciles() -> None:
    assert reconciles_of(trace_of([])) == []
    assert throttled_before([])(7.0) == 0


def test_throttled_time_by_hand() -> None:
    before = throttled_before(reconciles_of(trace_of(BY_HAND)))
    at_s = [-1, 1.5, 2, 3, 5, 6, 7, 8, 8.5, 9, 99]
    assert [before(time_s) for time_s in at_s] == [0, 0, 0.5, 1.5, 3.5, 4.5, 4.5, 4.5, 5, 5.5, 5.5]


STOPS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=8)


@given(stops=STOPS, time_s=st.integers(-1, 45))
def test_throttled_time_counts_each_second_once(stops: list[tuple[int, int]], time_s: int) -> None:
    """The oracle is the set of whole seconds in which somebody was held up."""
    records = [
        attempt(began_s, reconcile, WAF, latency_s=0.25, backoff_s=lasts_s - 0.25)
        for reconcile, (began_s, lasts_s) in enumerate(stops)
    ]
    held_up = {second for began_s, lasts_s in stops for second in range(began_s, began_s + lasts_s)}
    before = throttled_before(reconciles_of(trace_of(records)))
    assert before(time_s) == len([second for second in held_up if second < time_s])


@given(spans=STOPS)
def test_lanes_keep_every_reconcile_and_never_overlap(spans: list[tuple[int, int]]) -> None:
    records = [Reconciled(began, began + lasts, 0, 0, n, None) for n, (began, lasts) in enumerate(spans)]
    lanes = in_lanes(reconciles_of(trace_of(records)))
    assert sorted(log.number for lane in lanes for log in lane) == list(range(len(spans)))
    for lane in lanes:
        for one, following in itertools.pairwise(lane):
            assert one.known_until_s <= following.began_s
    most_at_once = max((sum(began <= at < began + lasts for began, lasts in spans) for at in range(40)), default=0)
    assert len(lanes) == most_at_once
