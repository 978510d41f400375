"""Whatever the settings: every request has one outcome, and times are in their order."""

from __future__ import annotations

import numpy as np
import pytest
from albsim_tests.arrived import arrived
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import DEREGISTRATION_LAG_S, EXPOSURE_S, REQUESTS, RESPONSES, ROLLOUT_S
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario
from sim.streams import Streams

SECONDS = st.sampled_from([0, 0.5, 3, 20, 40])
LAWS = st.sampled_from(
    [
        0.05,
        {"dist": "exponential", "mean": 2},
        {"dist": "lognormal", "median": 0.1, "sigma": 1.5},
        {"dist": "uniform", "low": 0, "high": 30},
        {"dist": "gamma", "shape": 2, "mean": 1, "max": 4},
        {"dist": "empirical", "values": [0, 0.2, 70]},
    ]
)
CONTROLLERS = st.sampled_from(
    [
        {"version": "fixed_lag", "deregistration_lag_s": {"dist": "exponential", "mean": 10}, "registration_lag_s": 1},
        *({"version": version, "aws_max_retries": 2} for version in ("v1.1.0", "v1.1.4", "v1.1.9", "v2.4", "v3.2")),
        {"version": "v1.1.9", "ingresses": 3, "restart_at_s": 5, "sync_period_s": 60, "node_events_per_s": 0.1},
        {"version": "v2.8", "ingresses": 3, "restart_at_s": 5, "sync_period_s": 60},
    ]
)
SCENARIOS = st.fixed_dictionaries(
    {
        "name": st.just("any"),
        "seed": st.integers(0, 9),
        "traffic": st.fixed_dictionaries(
            {
                "arrival_rate_rps": st.sampled_from([0.01, 3, 60]),
                "arrivals": st.sampled_from(["poisson", "even"]),
                "service_time_s": LAWS,
            }
        ),
        "deployment": st.fixed_dictionaries(
            {
                "replicas": st.integers(1, 9),
                "max_surge": st.sampled_from([0, 1, "25%", "100%"]),
                "max_unavailable": st.sampled_from([0, 1, "25%", "100%"]),
                "min_ready_s": SECONDS,
            }
        ),
        "pod": st.fixed_dictionaries(
            {
                "startup_s": LAWS,
                "pre_stop_sleep_s": SECONDS,
                "pre_stop_fails_health_check": st.booleans(),
                "termination_grace_period_s": SECONDS,
                "on_sigterm": st.sampled_from(["exit", "drain", "ignore"]),
                "serve_after_sigterm_s": SECONDS,
                "sandbox_teardown_s": SECONDS,
                "after_teardown": st.sampled_from(["host_unreachable", "connect_timeout"]),
            }
        ),
        "controller": CONTROLLERS,
        "aws_api": st.fixed_dictionaries({"warm_up_s": st.sampled_from([0, 30])}),
        "disruption": st.sampled_from(["rollout", "rollout", "node_drain"]),
        "target_group": st.fixed_dictionaries(
            {
                "alb_nodes": st.integers(1, 3),
                "routing": st.sampled_from(["round_robin", "random"]),
                "deregistration_delay_s": SECONDS,
                "idle_timeout_s": st.sampled_from([1, 60]),
                "propagation_s": LAWS,
                "health_check": st.sampled_from([None, {"interval_s": 5, "timeout_s": 2}]),
            }
        ),
    }
)


@pytest.mark.slow
@settings(max_examples=150)
@given(raw=SCENARIOS)
def test_invariants(raw: dict) -> None:
    scenario = Scenario.model_validate(raw)
    result = simulate(scenario, estimator="sampled")
    requests, figures = result.requests, result.figures()
    assert requests.counts.sum() == arrived(scenario, Streams(scenario.seed, 0), requests.window_until_s)
    assert np.array_equal(np.bincount(requests.outcome, minlength=len(Outcome))[1:], requests.counts[1:])
    assert figures[REQUESTS] == sum(figures[RESPONSES[status]] for status in (200, 502, 503, 504))
    assert (requests.answered_s >= requests.arrival_s).all()
    assert (requests.arrival_s < requests.window_until_s).all()
    n_ended = scenario.node_drain.evicted if scenario.disruption == "node_drain" else scenario.deployment.replicas
    assert figures[DEREGISTRATION_LAG_S].size == figures[EXPOSURE_S].size == n_ended
    assert (figures[EXPOSURE_S] >= 0).all()
    assert (figures[EXPOSURE_S] <= np.maximum(0, figures[DEREGISTRATION_LAG_S]) + 1e-9).all()
    assert requests.window_until_s >= figures[ROLLOUT_S]
