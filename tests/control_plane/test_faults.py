"""Faults at the same time, at any time: whatever befalls the controllers, no target is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control_plane import world
from sim.control_plane.trace import EndpointRemoved, PodDeleted, Record, TargetDeregistered, TargetRegistered, Trace
from sim.control_plane.trace.calls import ApiAttempt, ControllerRestarted
from sim.control_plane.world import run_control_plane
from sim.streams import Streams

LONGEST_S = 2400.0
"""Instead of a day, so that an hourly resync does not make good what was lost."""
ROUNDING_S = 1e-9
VERSIONS = ["v1.1.0", "v1.1.4", "v1.1.5", "v1.1.9", "v2.0", "v2.4", "v2.8", "v2.9.1", "v2.13.4", "v3.2"]


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "LONGEST_PAUSE_S", LONGEST_S)


@st.composite
def controllers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a controller that ends at any time of the rollout, and whose resyncs are frequent enough to fall into it."""
    return {
        "version": draw(st.sampled_from(VERSIONS)),
        "aws_max_retries": draw(st.integers(2, 4)),
        "restart_at_s": draw(st.none() | st.floats(0, 120)),
        "restart_takes_s": draw(st.sampled_from([0, 0.05, 15, {"dist": "uniform", "low": 0, "high": 90}])),
        "sync_period_s": draw(st.sampled_from([None, 0, 60, 400])),
        "node_events_per_s": draw(st.sampled_from([0, 0.02])),
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(
    ours=controllers(),
    theirs=st.lists(controllers(), max_size=3),
    gated=st.booleans(),
    replicas=st.integers(1, 8),
    at_once=st.integers(1, 3),
    register_per_s=st.floats(0.5, 4),
    describe_per_s=st.floats(4, 12),
    seed=st.integers(0, 9),
)
def test_a_restart_a_resync_and_a_throttled_account_lose_no_target(
    make_scenario, ours: dict[str, Any], theirs: list[dict[str, Any]], **drawn: Any
) -> None:
    gated = drawn["gated"] and ours["version"] not in ("v1.1.0", "v1.1.4", "v1.1.5")
    replicas = drawn["replicas"]
    scenario = make_scenario(
        deployment__replicas=replicas,
        deployment__rolled_at_once=drawn["at_once"],
        pod__readiness_gate=gated,
        controller=ours | {"ingresses": 4},
        aws_api__buckets={
            "waf_regional": {"capacity": 1, "refill_per_s": 1},
            "elbv2_register": {"capacity": 5, "refill_per_s": drawn["register_per_s"]},
            "elbv2_describe": {"capacity": 20, "refill_per_s": drawn["describe_per_s"]},
        },
        aws_api__other_clusters=[{"ingresses": 4, "churn_per_s": 0.3, "controller": other} for other in theirs],
        aws_api__warm_up_s=60,
    )
    trace = run_control_plane(scenario, Streams(drawn["seed"], 0))
    deleted_s, removed_s, deregistered_s = (
        _times_s(trace, kind) for kind in (PodDeleted, EndpointRemoved, TargetDeregistered)
    )
    assert set(deleted_s) == set(removed_s) == set(deregistered_s) == set(range(replicas))
    for pod, time_s in deregistered_s.items():
        assert deleted_s[pod] <= removed_s[pod] <= time_s
    for kind in (TargetDeregistered, TargetRegistered):
        assert max(Counter(record.pod for record in trace.of(kind)).values(), default=1) == 1
    _nobody_calls_while_dead(trace)


def _times_s(trace: Trace, kind: type[Record]) -> dict[int, float]:
    return {record.pod: record.time_s for record in trace.of(kind)}


def _nobody_calls_while_dead(trace: Trace) -> None:
    for restart in trace.of(ControllerRestarted):
        assert not [
            attempt
            for attempt in trace.of(ApiAttempt)
            if attempt.cluster == restart.cluster and restart.time_s < attempt.time_s < restart.until_s - ROUNDING_S
        ]
