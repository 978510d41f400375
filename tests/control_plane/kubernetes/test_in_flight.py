"""Oracle: requests served for an exponential time, the last of which is done by a law that is known (Gumbel's)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from sim.control_plane.trace import ListenerClosed, PodDeleted, PodGone
from sim.control_plane.world import run_control_plane
from sim.data_plane.expected import _Expected
from sim.data_plane.window import WindowLaw
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario
from sim.streams import Streams

REPLICAS = 10
MEAN_S, RATE_RPS = 5.0, 20.0
FIRST = 5
"""The pods of the first node, which leave while all ten are in rotation."""


def _scenario(**changes: object) -> Scenario:
    raw = {
        "name": "test",
        "traffic": {
            "arrival_rate_rps": RATE_RPS,
            "service_time_s": {"dist": "exponential", "mean": MEAN_S},
        },
        "deployment": {"replicas": REPLICAS},
        "pod": {"on_sigterm": "drain", "termination_grace_period_s": 300, "sandbox_teardown_s": 2},
        "controller": {"version": "fixed_lag", "deregistration_lag_s": 3},
        "target_group": {"propagation_s": 0, "routing": "random"},
        "disruption": "node_drain",
        "node_drain": {"nodes": 2, "pods_per_node": FIRST},
    }
    return Scenario.model_validate(raw).with_overrides(changes)


def _running_on_s(scenario: Scenario, replications: int) -> list[float]:
    """Return how long after its listener closed each pod had its last request done."""
    times_s: list[float] = []
    for replication in range(replications):
        trace = run_control_plane(scenario, Streams(7, replication))
        closed_s = {record.pod: record.time_s for record in trace.of(ListenerClosed)}
        times_s += [record.time_s - 2 - closed_s[record.pod] for record in trace.of(PodGone)]
    return times_s


def test_the_last_request_of_a_pod_that_is_still_sent_requests() -> None:
    """At t after the close r m exp(-t / m) requests run on average: none with probability exp(-that)."""
    running = RATE_RPS / REPLICAS * MEAN_S
    times_s = _running_on_s(_scenario(), 40)
    assert len(times_s) == 400
    assert kstest(times_s, lambda t: np.exp(-running * np.exp(-t / MEAN_S))).pvalue > 1e-3


def test_a_pod_that_nothing_has_been_sent_to_for_long_has_little_left() -> None:
    """The target is deregistered 3 s after the deletion, the listener closes after 13 s: 10 s without requests."""
    left = RATE_RPS / REPLICAS * MEAN_S * math.exp(-10 / MEAN_S)
    times_s = np.array(_running_on_s(_scenario(**{"pod.pre_stop_sleep_s": 13}), 40))
    idle = float(np.mean(times_s == 0))
    assert idle == pytest.approx(math.exp(-left), abs=4 * math.sqrt(0.25 / times_s.size))
    busy_s = times_s[times_s > 0]
    over = math.exp(-left)
    assert kstest(busy_s, lambda t: (np.exp(-left * np.exp(-t / MEAN_S)) - over) / (1 - over)).pvalue > 1e-3


def test_sigkill_ends_what_still_runs() -> None:
    scenario = _scenario(**{"pod.termination_grace_period_s": 4, "traffic.arrival_rate_rps": 1e5})
    assert _running_on_s(scenario, 1) == [4.0] * 10


def test_constant_service_times_end_a_service_time_after_the_last_arrival() -> None:
    scenario = _scenario(**{"traffic.service_time_s": 6, "traffic.arrival_rate_rps": 1e6})
    assert _running_on_s(scenario, 1) == pytest.approx([6.0] * 10, abs=1e-3)
    assert _running_on_s(scenario.with_overrides({"pod.pre_stop_sleep_s": 9}), 1) == pytest.approx([0] * 10, abs=1e-3)


@pytest.mark.slow
def test_the_control_plane_draws_what_the_data_plane_expects() -> None:
    """The law of each pod's end, as the closed forms have it from the timeline, makes the draws uniform."""
    scenario = _scenario(**{"traffic.service_time_s": {"dist": "lognormal", "median": 2, "sigma": 1}})
    levels: list[float] = []
    for replication in range(80):
        whole = simulate(scenario, replication=replication, estimator="expected")
        timeline = whole.timeline
        expected = _Expected(timeline, scenario.traffic, scenario.pod, scenario.target_group)
        window = WindowLaw(np.array([expected._sure_until_s]), np.zeros(0))
        laws = expected._gone_laws([expected._load(line, window)[0] for line in expected._lines])
        first = {record.pod for record in whole.trace.of(PodDeleted) if record.pod < FIRST}
        gone = [record for record in whole.trace.of(PodGone) if record.pod in first & laws.keys()]
        levels += [1 - float(laws[record.pod].still_there(np.array(record.time_s))) for record in gone]
    assert len(levels) > 300
    assert kstest(levels, "uniform").pvalue > 1e-3
