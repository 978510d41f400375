"""Fast against slow: each plane against its independently written twin, and expected against drawn requests.

The scenarios are random, the same ones each time. A plane and its twin share every draw, so they must agree without an
interval. The expected requests of a rollout are the mean of those drawn in that rollout.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.control_plane.trace import Trace
from sim.control_plane.world import run_control_plane
from sim.data_plane.sampled import simulate_requests
from sim.experiment.figures import RESPONSES
from sim.experiment.replication import simulate
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams
from sim.verification.agreement import agreeing, side_by_side, told_by_both
from sim.verification.checks import of_mean, of_violations
from sim.verification.control_plane import LOADED
from sim.verification.drawn_nodes import drawn_nodes, drawn_roll_in, drawn_termination
from sim.verification.drawn_requests import (
    behind_workers,
    beside_a_new_side,
    drawn_side,
    drawn_specs,
    drawn_timeline,
)
from sim.verification.drawn_rollouts import (
    drawn_bindings,
    drawn_canary,
    drawn_disruption,
    drawn_outage,
    drawn_scenario,
    drawn_strategy,
    drawn_switch,
)
from sim.verification.reference.control_plane_twin import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.verification.agreement import Pair, Told
    from sim.verification.checks import Check

SEED = 502
TWO_ALBS = "ip with a switch"
TARGET_TYPES = ("ip", "instance", TWO_ALBS)
ROUTINGS = ("round_robin", "random", "least_outstanding_requests")
TIMELINES = 20
ROLLOUTS = 40
DISRUPTIONS = 30
BINDINGS = 30
OUTAGES = 15
STRATEGIES = 20
CANARIES = 10
ON_NODES = 50
LONGEST_S = 1200.0
"""The longest simulated time: a rollout that takes longer, or comes to no end, has no records."""
SAMPLES = 120
FIXED_LAG = {
    "name": "verify",
    "seed": SEED,
    "traffic": {"arrival_rate_rps": 200, "service_time_s": {"dist": "lognormal", "median": 0.3, "sigma": 1.2}},
    "deployment": {"replicas": 10},
    "pod": {"pre_stop_sleep_s": 5, "termination_grace_period_s": 10},
    "controller": {
        "version": "fixed_lag",
        "deregistration_lag_s": {"dist": "uniform", "low": 0, "high": 10},
        "registration_lag_s": 1,
    },
}
ESTIMATED: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("fixed_lag, round_robin", FIXED_LAG, {}),
    ("fixed_lag, random, drain", FIXED_LAG, {"target_group.routing": "random", "pod.on_sigterm": "drain"}),
    (
        "fixed_lag, node drain, drain",
        FIXED_LAG,
        {"disruption": "node_drain", "node_drain": {"nodes": 2, "pods_per_node": 2}, "pod.on_sigterm": "drain"},
    ),
    ("fixed_lag, scale-in", FIXED_LAG, {"disruption": "scale_in", "scale_in": {"to_replicas": 6}}),
    ("fixed_lag, crash", FIXED_LAG, {"disruption": "crash", "crash": {"pods": 2, "restart_s": 15}}),
    ("fixed_lag, failed liveness probe", FIXED_LAG, {"disruption": "liveness_failure"}),
    (
        "fixed_lag, canary, drain",
        FIXED_LAG,
        {"disruption": "canary", "canary.scale_down_delay_s": 0, "pod.on_sigterm": "drain"},
    ),
    (
        "instance",
        FIXED_LAG,
        {"target_group.target_type": "instance", "target_group.instances": 3, "pod.pre_stop_sleep_s": 0},
    ),
    ("v1.1.4, throttled", LOADED, {}),
    ("v1.1.4, throttled, ignore", LOADED, {"pod.on_sigterm": "ignore", "pod.termination_grace_period_s": 5}),
)


def data_plane_twin() -> Iterator[Check]:
    """Compare request by request, for each routing algorithm and target type, and for two load balancers."""
    for target_type, routing in product(TARGET_TYPES, ROUTINGS):
        told = [drawn_requests(target_type, routing, number) for number in range(TIMELINES)]
        requests = sum(slow.counts.total() for _, slow in told)
        settings = f"{target_type}, {routing}: {requests} requests, {TIMELINES} rollouts"
        held = (holds for fast, slow in told for holds in agreeing(fast, slow))
        yield of_violations("every request ends as the twin's does", settings, held)


def control_plane_twin() -> Iterator[Check]:
    """Compare record by record: every version, sometimes `fixed_lag`, and every kind of disruption."""
    for what, drawn, seeds in rolled():
        told = [drawn_records(drawn(seed)) for seed in range(seeds)]
        pairs = [pair for pairs in told for pair in pairs]
        throttled = sum(pair.is_throttled for pair in pairs)
        settings = f"{what.format(sum(map(bool, told)))}: {len(pairs)} records, {throttled} throttled calls"
        yield of_violations("every record is as the twin's", settings, (pair.alike for pair in pairs))


def rolled() -> tuple[tuple[str, Callable[[int], Scenario], int], ...]:
    """Return the rows of the control plane's twin: what is drawn, by which function, and how many times."""
    return (
        ("v1, {} rollouts", drawn_scenario, ROLLOUTS),
        ("v1, {} drains or TerminationComplete", drawn_disruption, DISRUPTIONS),
        ("v2 or v3, {} disruptions", drawn_bindings, BINDINGS),
        ("v1, {} crashes, failed liveness probes or lost nodes", drawn_outage, OUTAGES),
        ("any version, {} switches of clusters", drawn_switch, OUTAGES),
        ("lags, {} canaries", drawn_canary, CANARIES),
        ("v1, {} other rollouts, switches or HPA steps", drawn_strategy, STRATEGIES),
        ("v1, {} rollouts on worker nodes", drawn_nodes, ON_NODES),
        ("any version, {} new clusters that come up beside the old one", drawn_roll_in, OUTAGES),
        ("v1, {} drains after which machines end", drawn_termination, OUTAGES),
    )


def expected_against_sampled() -> Iterator[Check]:
    """Compare the expected 502s of a rollout with the mean of repeated draws in the same rollout."""
    for settings, base, changes in ESTIMATED:
        yield estimate_check(settings, base, changes)


def estimate_check(settings: str, base: dict[str, Any], changes: dict[str, Any]) -> Check:
    """Return the check of one scenario's expected 502s."""
    scenario = Scenario.model_validate(base).with_overrides(changes)
    whole = simulate(scenario, estimator="expected")
    traffic, pod, target_group = scenario.traffic, scenario.pod, scenario.target_group
    drawn = [
        simulate_requests(
            whole.timeline, traffic=traffic, pod=pod, target_group=target_group, streams=Streams(SEED, number)
        ).n_status(502)
        for number in range(SAMPLES)
    ]
    return of_mean("502s expected = their mean, sampled", settings, whole.figures()[RESPONSES[502]], drawn)


def drawn_requests(target_type: str, routing: str, number: int) -> tuple[Told, Told]:
    """Return the results of the data plane and its twin for the random rollout of this number."""
    rng = np.random.default_rng((SEED, number))
    timeline = drawn_timeline(rng)
    target_group: dict[str, object] = {"target_type": target_type.partition(" ")[0], "routing": routing}
    if target_type == TWO_ALBS:
        timeline = beside_a_new_side(timeline, drawn_side(rng, timeline.registered_from_s.shape[0]))
    if target_type == "instance":
        timeline = behind_workers(timeline)
        target_group["instances"] = timeline.registered_from_s.shape[0]
    return told_by_both(timeline, *drawn_specs(rng, target_group), Streams(SEED, number))


def drawn_records(scenario: Scenario) -> list[Pair]:
    """Return pairs of the control plane's and its twin's records, none if it pauses for `LONGEST_S`."""
    streams = Streams(scenario.seed, 0)
    try:
        happened, over_s = ControlPlane(scenario, streams).run(LONGEST_S)
    except TimeoutError:
        return []
    try:
        trace = run_control_plane(scenario, streams)
    except ScenarioError:
        trace = Trace()  # unlike the twin's, this rollout has no end: no record agrees
    return side_by_side(trace, happened, over_s)


CHECKS = (data_plane_twin, control_plane_twin, expected_against_sampled)
