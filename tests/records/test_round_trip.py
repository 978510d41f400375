"""What a simulated rollout writes as records, read back: the same causes, calls and lags.

Writer and reader share no code: each was written after docs/facts/logs.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.control_plane.trace.calls import ApiAttempt
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.records.against import CLASSES
from sim.records.observation import observe
from sim.records.reading import read
from sim.report.records.writing import write_records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sim.records.observation import Observation
    from sim.scenario.specs import Scenario

V1_LOADED = {
    "controller__version": "v1.1.4",
    "pod__pre_stop_sleep_s": 20,
    "aws_api__other_clusters": [{"ingresses": 20, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}}],
}
DELAYED = {
    "controller__version": "v2.8",
    "pod__pre_stop_sleep_s": 60,
    "pod__termination_grace_period_s": 90,
    "target_group__propagation_s": 1,
    "target_group__deregistration_delay_s": 5,
    "traffic__service_time_s": {"dist": "exponential", "mean": 2},
}
CASES: dict[str, dict[str, Any]] = {
    "v2.8": {"controller__version": "v2.8", "pod__pre_stop_sleep_s": 10},
    "v3.2, draining": {"controller__version": "v3.2", "pod__on_sigterm": "drain", "pod__pre_stop_sleep_s": 5},
    "v1.1.4 in a loaded account": V1_LOADED,
    "connect timeouts": {"controller__version": "v2.8", "pod__after_teardown": "connect_timeout"},
    "a short deregistration delay": DELAYED,
}
CLOSE_S = 3.0
"""A node's last request to a target is no further from the last moment: at 2.5 requests/s each, 1 in 1,800 is."""


def counted(outcomes: dict[str, int]) -> dict[str, int]:
    return {name: sum(outcomes.get(one, 0) for one in names) for name, names in CLASSES.items()}


@pytest.mark.parametrize(
    "case", ["v2.8", *(pytest.param(name, marks=pytest.mark.slow) for name in CASES if name != "v2.8")]
)
def test_a_rollout_written_and_read(case: str, make_scenario: Callable[..., Scenario], tmp_path: Path) -> None:
    scenario = make_scenario(traffic__arrival_rate_rps=20, **CASES[case])
    simulated = simulate(scenario, replication=1, estimator="sampled")
    write_records(simulated, tmp_path)
    found = observe(read([tmp_path]), scenario.target_group.deregistration_delay_s)
    assert int(found.records.files["lines_not_read"].sum()) == 0
    (rollout,) = found.rollouts
    counts = {outcome.name.lower(): int(simulated.estimate.counts[outcome]) for outcome in Outcome}
    assert counted(rollout.outcomes) == counted(counts)
    assert sum(counted(counts).values()) > 0
    lags_s = simulated.deregistration_lag_s()
    true_s = np.sort(lags_s[~np.isnan(lags_s)])
    too_short_s = true_s - np.sort([lag.lag_s for lag in rollout.lags])
    assert too_short_s.min() > -0.6  # half a call's length and a second cut off
    assert too_short_s.max() < CLOSE_S
    assert own_calls(found) == attempts(simulated.trace.of(ApiAttempt))


def own_calls(found: Observation) -> tuple[int, int]:
    (client,) = (one for one in found.clients if one.name == "cluster-0-controller")
    return client.calls, client.throttled


def attempts(found: Any) -> tuple[int, int]:
    own = [attempt for attempt in found if attempt.cluster == 0]
    return len(own), sum(attempt.throttled for attempt in own)
