from __future__ import annotations

import math
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.trace import (
    PodCreated,
    PodDeleted,
    PodGone,
    PodReady,
    ProcessCut,
    ReplicaSetScaled,
    RolloutComplete,
    Trace,
)
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams

LAG = {"version": "fixed_lag", "deregistration_lag_s": 1, "registration_lag_s": 0}
PERCENT = st.integers(0, 100).map(lambda percent: f"{percent}%")


COMPLETE = "TerminationComplete"


def _trace(
    startup_s: object = 15, min_ready_s: float = 0, pod: dict[str, object] | None = None, **deployment: object
) -> Trace:
    scenario = Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"min_ready_s": min_ready_s, **deployment},
            "pod": {"startup_s": startup_s, **(pod or {})},
            "controller": LAG,
        }
    )
    return run_control_plane(scenario, Streams(scenario.seed, 0))


@given(
    replicas=st.integers(1, 60),
    surge=st.integers(0, 70) | PERCENT,
    unavailable=st.integers(0, 60) | PERCENT,
    startup_s=st.sampled_from([0, 0.01, 5, {"dist": "uniform", "low": 0, "high": 20}]),
)
def test_surge_and_unavailability_are_never_broken(
    replicas: int, surge: int | str, unavailable: int | str, startup_s: object
) -> None:
    trace = _trace(startup_s, replicas=replicas, max_surge=surge, max_unavailable=unavailable)
    most = replicas + _count(surge, replicas, math.ceil)
    least = replicas - _count(unavailable, replicas, math.floor)
    if most == replicas == least:
        least = replicas - 1
    created, deleted, ready = (
        [(record.time_s, record.pod) for record in trace.of(kind)] for kind in (PodCreated, PodDeleted, PodReady)
    )
    pods = sorted([(time_s, 1) for time_s, _ in created] + [(time_s, -1) for time_s, _ in deleted])
    assert max(accumulate((change for _, change in pods), initial=replicas)) <= most
    gone = {pod: time_s for time_s, pod in deleted}
    available = sorted(
        [(time_s, 1) for time_s, pod in ready if pod not in gone] + [(time_s, -1) for time_s, _ in deleted]
    )
    assert min(accumulate((change for _, change in available), initial=replicas)) >= least
    assert len(created) == len(deleted) == replicas


def _count(value: int | str, replicas: int, rounded: object) -> int:
    return value if isinstance(value, int) else rounded(int(value[:-1]) * replicas / 100)


def test_ten_replicas_with_the_defaults_step_as_in_the_facts() -> None:
    steps = [(record.replica_set, record.replicas) for record in _trace(replicas=10).of(ReplicaSetScaled)]
    assert steps[:3] == [("new", 3), ("old", 8), ("new", 5)]
    assert steps[-1] in {("new", 10), ("old", 0)}


def test_with_one_surge_and_none_unavailable_pods_are_replaced_one_by_one() -> None:
    trace = _trace(replicas=3, max_surge=1, max_unavailable=0)
    # A pod is created, starts in 15 s, and is acted on 0.1 s later: the next creation follows at once.
    assert [record.time_s for record in trace.of(PodCreated)] == pytest.approx([0, 15.1, 30.2])
    assert [record.time_s for record in trace.of(PodDeleted)] == pytest.approx([15.1, 30.2, 45.3])
    assert trace.of(RolloutComplete)[0].time_s == pytest.approx(45.3)


def test_min_ready_counts_from_readiness_and_is_rechecked_a_second_late() -> None:
    trace = _trace(replicas=1, max_surge=1, max_unavailable=0, min_ready_s=30)
    assert trace.of(PodDeleted)[0].time_s == pytest.approx(15 + 30 + 1 + 0.1)


def test_the_client_of_the_controller_manager_is_limited() -> None:
    """Each create and each delete takes two tokens of 30 and then 20 per second: 15 at once, then 10 per second."""
    trace = _trace(replicas=200, max_surge="100%", max_unavailable="100%")
    writes_s = sorted(record.time_s for kind in (PodCreated, PodDeleted) for record in trace.of(kind))
    assert writes_s[14] == 0.0
    assert writes_s[15] > 0.0
    assert writes_s[-1] == pytest.approx((400 - 15) / 10, abs=0.5)
    for first, later in pairwise(writes_s[15:]):
        assert later - first == pytest.approx(0.1, abs=1e-9) or later - first < 0.1 + 1e-9


def test_a_replica_set_is_synced_once_at_a_time() -> None:
    """30 tokens: 5 creates at once and 10 deletes; what the new ReplicaSet is scaled up by meanwhile waits.

    At 0.15 s the first sync asks for its last 3 pods, which it gets until 0.45 s. By then 7 pods are available (0.23 s
    after their creation), and as many old ones are to go: their deletes come before all creates of the next sync.
    """
    trace = _trace(0.13, replicas=40, max_surge=10, max_unavailable=10)
    writes = sorted((r.time_s, kind.__name__) for kind in (PodCreated, PodDeleted) for r in trace.of(kind))
    assert writes[:15] == [(0.0, "PodCreated")] * 5 + [(0.0, "PodDeleted")] * 10
    assert [time_s for time_s, _ in writes[15:28]] == pytest.approx([0.05 + 0.1 * k for k in range(13)])
    assert [kind for _, kind in writes[15:28]] == ["PodCreated"] * 5 + ["PodDeleted"] * 7 + ["PodCreated"]


def test_which_old_pods_go_first_is_random_but_reproducible() -> None:
    first, again = (
        [r.pod for r in _trace(replicas=20, max_surge=1, max_unavailable=0).of(PodDeleted)] for _ in range(2)
    )
    assert first == again
    assert sorted(first) == list(range(20))
    assert first != sorted(first)


def test_with_termination_complete_a_replacement_waits_until_the_terminating_pod_is_gone() -> None:
    """A pod is gone 11 s after its deletion (preStop 10 s, sandbox 1 s), and that is acted on 0.1 s later."""
    pod = {"pre_stop_sleep_s": 10, "sandbox_teardown_s": 1}
    trace = _trace(pod=pod, replicas=3, max_surge=1, max_unavailable=0, pod_replacement_policy=COMPLETE)
    assert [record.time_s for record in trace.of(PodCreated)] == pytest.approx([0, 26.2, 52.4])
    assert [record.time_s for record in trace.of(PodDeleted)] == pytest.approx([15.1, 41.3, 67.5])
    assert trace.of(RolloutComplete)[0].time_s == pytest.approx(78.6)


@given(
    replicas=st.integers(1, 30),
    surge=st.integers(0, 9) | PERCENT,
    unavailable=st.integers(0, 9) | PERCENT,
    pre_stop_s=st.sampled_from([0, 0.5, 20, 70]),
    on_sigterm=st.sampled_from(["exit", "ignore"]),
    teardown_s=st.sampled_from([0, 1, 9]),
)
def test_with_termination_complete_surge_counts_terminating_pods(
    replicas: int, surge: int | str, unavailable: int | str, pre_stop_s: float, on_sigterm: str, teardown_s: float
) -> None:
    pod = {"pre_stop_sleep_s": pre_stop_s, "on_sigterm": on_sigterm, "sandbox_teardown_s": teardown_s}
    fences = {"replicas": replicas, "max_surge": surge, "max_unavailable": unavailable}
    trace = _trace(7, pod=pod, **fences, pod_replacement_policy=COMPLETE)
    gone = [(record.time_s + teardown_s, -1) for record in trace.of(ProcessCut)]
    pods = sorted([(record.time_s, 1) for record in trace.of(PodCreated)] + gone)
    assert max(accumulate((change for _, change in pods), initial=replicas)) <= replicas + _count(
        surge, replicas, math.ceil
    )
    assert trace.of(RolloutComplete)[0].time_s >= max(time_s for time_s, _ in gone)


def test_with_termination_complete_a_replacement_waits_for_a_pod_that_drains() -> None:
    trace = _trace(
        pod={"on_sigterm": "drain"}, replicas=3, max_surge=1, max_unavailable=0, pod_replacement_policy=COMPLETE
    )
    gone_s = [record.time_s for record in trace.of(PodGone)]
    assert [record.time_s for record in trace.of(PodCreated)] == pytest.approx([0, *(gone_s[k] + 0.1 for k in (0, 1))])
    assert trace.of(RolloutComplete)[0].time_s == pytest.approx(gone_s[2] + 0.1)


def test_the_controller_managers_limit_can_be_raised(make_scenario) -> None:
    scenario = make_scenario(
        controller=LAG,
        deployment={"replicas": 40, "max_surge": "100%", "max_unavailable": 0},
        pod__startup_s=100,
        kubernetes={"controller_manager_api_qps": 2, "controller_manager_api_burst": 10},
    )
    created_s = [record.time_s for record in run_control_plane(scenario, Streams(1, 0)).of(PodCreated)]
    assert created_s == pytest.approx([0] * 5 + [0.5 + second for second in range(35)])


def test_the_policy_needs_the_release_that_brought_it(make_scenario) -> None:
    with pytest.raises(ScenarioError, match=r"kubernetes\.version: expected v1\.36 or later"):
        make_scenario(deployment__pod_replacement_policy=COMPLETE, kubernetes__version="v1.35")
    make_scenario(deployment__pod_replacement_policy=COMPLETE, kubernetes__version="v1.36")
