from __future__ import annotations

import itertools
import math

import pytest
from albsim_tests.reports import BY_HAND, WAF, by_hand
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.trace import (
    EndpointRemoved,
    PodDeleted,
    PodFailed,
    TargetDrained,
    TargetHealthy,
    TargetUnhealthy,
)
from sim.data_plane.outcomes import Outcome
from sim.diagnosis.findings import findings
from sim.diagnosis.lag_parts import LagParts
from sim.diagnosis.spells import exposed, in_rotation, union


def test_ends_by_hand() -> None:
    found = findings(by_hand())
    assert [end.pod for end in found.ends] == [2, 0, 1], "the worst first: longest exposed, then longest lag"
    ends = {end.pod: end for end in found.ends}
    assert [ends[pod].lag_s for pod in range(3)] == [15, 9.5, 26]
    assert [ends[pod].exposed_s for pod in range(3)] == [5, 0, 16]
    assert [ends[pod].left_by_deregistration for pod in range(3)] == [True, True, False]
    assert ends[0].failed == {Outcome.CONNECT_REFUSED: 1, Outcome.HOST_UNREACHABLE: 2}
    assert ends[1].failed == {}


def test_parts_by_hand() -> None:
    parts = findings(by_hand()).parts
    assert parts[0] == LagParts(endpoint_s=0.5, waiting_s=0.5, calls_s=1.5, throttled_s=4.5, alb_s=8)
    assert parts[1] == LagParts(endpoint_s=2, waiting_s=2, calls_s=1, throttled_s=3, alb_s=1.5)
    assert parts[2] == LagParts(serving_s=10, checks_s=16)
    assert (parts[0].largest, parts[2].largest) == ("alb_s", "checks_s")


def test_a_pod_seen_gone_while_its_reconcile_runs_waits_for_nothing() -> None:
    """Reconcile 7 began at 1 s; seen at 2 s, in the middle of a throttled attempt that lasts until 3 s."""
    records = [r for r in BY_HAND if not (isinstance(r, EndpointRemoved) and r.pod == 0)]
    parts = findings(by_hand([*records, EndpointRemoved(2, 0)])).parts[0]
    assert parts == LagParts(endpoint_s=2, calls_s=1, throttled_s=4, alb_s=8)


def test_fail_open_by_hand() -> None:
    """No target is healthy at node 1 from 30 s on, and pod 3 only from 35 s on: pod 2 is back until then."""
    records = [r for r in BY_HAND if not (isinstance(r, TargetHealthy) and r.node == 1)]
    found = findings(by_hand([*records, TargetHealthy(35, 3, 1)]))
    assert found.parts[2] == LagParts(serving_s=10, checks_s=16, fail_open_s=5)
    assert exposed(found.replication.timeline)[2] == [(14, 35)]


def test_without_reconciles_the_lag_is_as_given() -> None:
    kept = [r for r in BY_HAND if not hasattr(r, "cluster")]
    parts = findings(by_hand(kept)).parts
    assert parts[0] == LagParts(given_lag_s=7, alb_s=8)
    assert findings(by_hand(kept)).worst_stall(findings(by_hand(kept)).ends[0]) is None


def test_the_last_node_decides_even_if_the_other_left_by_health_check() -> None:
    records = [r for r in BY_HAND if not isinstance(r, TargetUnhealthy)]
    found = findings(by_hand([*records, TargetUnhealthy(13, 0, 1)]))
    end = next(end for end in found.ends if end.pod == 0)
    assert (end.left_s, end.left_by_deregistration) == (13, False)
    found = findings(by_hand([*records, TargetUnhealthy(11, 0, 1)]))
    end = next(end for end in found.ends if end.pod == 0)
    assert (end.left_s, end.left_by_deregistration) == (12, True), "node 0 heard of the deregistration at 12 s"


def test_the_worst_stall_is_the_one_that_cost_most() -> None:
    found = findings(by_hand())
    ends = {end.pod: end for end in found.ends}
    stall, cost_s = found.worst_stall(ends[0]) or pytest.fail("pod 0 was held up")
    assert (stall.action, len(stall.throttled), cost_s) == (WAF, 2, 4.5)
    assert found.worst_stall(ends[1]) == (stall, 2), "seen gone at 4 s, and the stall was over at 6 s"


def test_a_target_that_never_leaves_has_no_lag_to_tell() -> None:
    records = [r for r in BY_HAND if not (isinstance(r, TargetDrained) and r.pod == 1)]
    assert [end.pod for end in findings(by_hand(records)).ends] == [2, 0]


@pytest.mark.slow
def test_parts_add_up_to_the_lag_on_every_scenario(replications) -> None:
    """To the rounding of times under a day: their unit in the last place is 1.5e-11 s."""
    for result in replications:
        found, lag_s = findings(result), result.deregistration_lag_s()
        failed = {record.pod for record in result.trace.of(PodFailed)}
        assert {end.pod for end in found.ends} == {record.pod for record in result.trace.of(PodDeleted)} - failed
        for end in found.ends:
            parts = found.parts[end.pod].by_name().values()
            assert math.fsum(parts) == pytest.approx(lag_s[end.pod], abs=1e-9)
            assert min(parts) >= -1e-9


@pytest.mark.slow
def test_exposed_spells_are_those_of_the_figures(replications) -> None:
    """With one node the spells add up to the exposure; with several the union is at least the longest node's."""
    for result in replications:
        spells, exposure_s = exposed(result.timeline), result.exposure_s()
        for end in findings(result).ends:
            total_s = sum(until_s - from_s for from_s, until_s in spells.get(end.pod, []))
            assert total_s >= exposure_s[end.pod] - 1e-9
            if result.scenario.target_group.alb_nodes == 1:
                assert total_s == pytest.approx(exposure_s[end.pod])


def test_spells_by_hand() -> None:
    timeline = by_hand().timeline
    assert in_rotation(timeline) == {
        0: [(0, 15)],
        1: [(0, 11.5)],
        2: [(0, 30)],
        3: [(10, math.inf)],
    }
    assert exposed(timeline) == {0: [(10, 15)], 2: [(14, 30)]}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=8))
def test_union_covers_the_same_and_is_disjoint(spans: list[tuple[int, int]]) -> None:
    spells = [(float(from_s), float(from_s + lasts_s)) for from_s, lasts_s in spans]
    joined = union(spells)
    for at_s in (half + 0.5 for half in range(26)):
        assert any(a <= at_s < b for a, b in joined) == any(a <= at_s < b for a, b in spells)
    assert all(one[1] < following[0] for one, following in itertools.pairwise(joined))
