"""What looks wrong at first and is right: each case against arithmetic by hand.

- A longer preStop may raise `connect_refused`, which is only what comes in the second after a pod's end.
- A draining pod's refusals do not double with the rate, while all that it loses does.
- Another order of the account's clusters gives each of them other draws of the same laws.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from sim.control_plane.trace import ListenerClosed, TargetDrained, TargetHealthy, TargetUnhealthy
from sim.control_plane.trace.calls import ApiAttempt
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import RESPONSES
from sim.experiment.replication import Replication, simulate
from sim.scenario.specs import Scenario
from sim.streams import Stream, Streams

RATE_RPS, TEARDOWN_S = 3.0, 1.0
ONE_BY_ONE = {
    "name": "explained",
    "seed": 1,
    "traffic": {"arrival_rate_rps": RATE_RPS, "service_time_s": 0.05},
    "deployment": {"replicas": 10, "max_surge": 1, "max_unavailable": 0},
    "pod": {"startup_s": 20, "sandbox_teardown_s": TEARDOWN_S},
    "controller": {"version": "fixed_lag", "deregistration_lag_s": 15},
    "target_group": {"health_check": {"interval_s": 30}, "propagation_s": 10, "alb_nodes": 2},
}
SERVICE_S, LAG_S = 2.0, 10.0
ONE_OF_TWO_GOES = {
    "name": "explained",
    "seed": 1,
    "traffic": {"arrival_rate_rps": 20, "service_time_s": {"dist": "exponential", "mean": SERVICE_S}},
    "deployment": {"replicas": 2},
    "disruption": "scale_in",
    "scale_in": {"to_replicas": 1},
    "pod": {"on_sigterm": "drain", "termination_grace_period_s": 90, "sandbox_teardown_s": TEARDOWN_S},
    "controller": {"version": "fixed_lag", "deregistration_lag_s": LAG_S},
    "target_group": {"health_check": None, "propagation_s": 0, "alb_nodes": 1},
}


def _refused_by_hand(result: Replication) -> float:
    """Add up, for each old pod and node, its share of the rate in the second after its end, until it has left."""
    replicas = result.scenario.deployment.replicas
    closed_s = {closed.pod: closed.time_s for closed in result.trace.of(ListenerClosed)}
    total = 0.0
    for node in range(2):
        joins_s = dict.fromkeys(range(replicas), -math.inf)
        joins_s |= {r.pod: r.time_s for r in result.trace.of(TargetHealthy) if r.node == node}
        leaves_s = dict.fromkeys(joins_s, math.inf)
        for kind in (TargetDrained, TargetUnhealthy):
            for record in result.trace.of(kind):
                if record.node == node:
                    leaves_s[record.pod] = min(leaves_s[record.pod], record.time_s)
        moments = sorted(
            {*joins_s.values(), *leaves_s.values(), *closed_s.values()} | {c + 1 for c in closed_s.values()}
        )
        for pod, from_s in closed_s.items():
            until_s = min(from_s + TEARDOWN_S, leaves_s[pod])
            within = [from_s, *(moment for moment in moments if from_s < moment < until_s), until_s]
            for begin_s, end_s in pairwise(within):
                routable = sum(joins_s[other] <= begin_s < leaves_s[other] for other in joins_s)
                total += max(0.0, end_s - begin_s) * RATE_RPS / 2 / routable
    return total


def test_a_longer_sleep_may_refuse_more_in_one_replication_though_it_loses_less() -> None:
    """Five seconds later fewer targets are in the rotation, so that each one's second of refusals is a larger share."""
    base = Scenario.model_validate(ONE_BY_ONE)
    without, with_sleep = (
        simulate(base.with_overrides({"pod.pre_stop_sleep_s": sleep_s}), estimator="expected") for sleep_s in (0, 5)
    )
    refused = [result.estimate.counts[Outcome.CONNECT_REFUSED] for result in (without, with_sleep)]
    assert refused == pytest.approx([_refused_by_hand(result) for result in (without, with_sleep)], rel=1e-9)
    assert refused[1] > 1.05 * refused[0]
    assert with_sleep.figures()[RESPONSES[502]] < without.figures()[RESPONSES[502]]


def test_at_twice_the_rate_a_draining_pod_is_refused_more_than_twice_and_loses_twice() -> None:
    """The pod gets r requests a second, and its last one is done by x with probability exp(-r m exp(-x / m)).

    A second after that its address is gone. So at twice the rate it refuses for longer, and is gone later.
    """
    counts = []
    for rate_rps in (20, 40):
        r = rate_rps / 2
        gone_s = quad(lambda x, r=r: math.exp(-r * SERVICE_S * math.exp(-x / SERVICE_S)), 0, LAG_S - TEARDOWN_S)[0]
        scenario = Scenario.model_validate(ONE_OF_TWO_GOES).with_overrides({"traffic.arrival_rate_rps": rate_rps})
        got = simulate(scenario, estimator="expected").estimate.counts
        counts.append(got)
        assert got[Outcome.CONNECT_REFUSED] == pytest.approx(r * (LAG_S - gone_s), rel=1e-3)
        assert got[Outcome.HOST_UNREACHABLE] == pytest.approx(r * gone_s, rel=1e-3)
    once, twice = counts
    assert twice[Outcome.CONNECT_REFUSED] > 2.2 * once[Outcome.CONNECT_REFUSED]
    assert twice[Outcome.HOST_UNREACHABLE] < 1.9 * once[Outcome.HOST_UNREACHABLE]
    dead = [Outcome.CONNECT_REFUSED, Outcome.HOST_UNREACHABLE]
    assert twice[dead].sum() == pytest.approx(2 * once[dead].sum(), rel=1e-9)


def test_until_a_draining_pod_is_gone_the_others_go_on_timing_out() -> None:
    """The pod is sent requests until 60 s, and its last is done x later with probability exp(-r m exp(-x / m)).

    The window ends then. Until then each request takes more than 3 s with probability exp(-3 / m).
    """
    changes = {
        "controller.deregistration_lag_s": 60,
        "pod.pre_stop_sleep_s": 60,
        "pod.termination_grace_period_s": 200,
        "target_group.idle_timeout_s": 3,
        "traffic.service_time_s.mean": 6,
        "pod.sandbox_teardown_s": 0,
    }
    scenario = Scenario.model_validate(ONE_OF_TWO_GOES).with_overrides(changes)
    gone_s = quad(lambda x: 1 - math.exp(-10 * 6 * math.exp(-x / 6)), 0, 140)[0]
    got = simulate(scenario, estimator="expected").estimate.counts
    assert got[Outcome.IDLE_TIMEOUT] == pytest.approx(20 * (60 + gone_s + 3) * math.exp(-3 / 6), rel=1e-3)


def test_the_order_of_clusters_says_only_which_draws_each_has() -> None:
    """The k-th cluster's calls take the k-th stream of latencies, whatever cluster that is."""
    busy, other = ({"ingresses": n, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}} for n in (4, 2))
    base = Scenario.model_validate(ONE_BY_ONE).with_overrides({"controller": {"version": "v1.1.9"}})
    law = base.aws_api.latency_s
    for clusters in ([busy, other], [other, busy]):
        trace = run_control_plane(base.with_overrides({"aws_api.other_clusters": clusters}), Streams(1, 0))
        for cluster in (0, 1, 2):
            latencies_s = [a.latency_s for a in trace.of(ApiAttempt) if a.cluster == cluster]
            draws = Streams(1, 0).draws(law, Stream.API_LATENCY, cluster)
            assert latencies_s == [next(draws) for _ in latencies_s]
            assert len(latencies_s) > 10


@pytest.mark.slow
def test_in_the_mean_the_order_of_clusters_does_not_matter() -> None:
    """Over 60 replications the difference of the throttled calls is within four standard errors of none."""
    busy, other = ({"ingresses": n, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}} for n in (4, 2))
    base = Scenario.model_validate(ONE_BY_ONE).with_overrides({"controller": {"version": "v1.1.9"}})
    throttled = []
    for clusters in ([busy, other], [other, busy]):
        scenario = base.with_overrides({"aws_api.other_clusters": clusters, "aws_api.warm_up_s": 30})
        traces = [run_control_plane(scenario, Streams(1, k)) for k in range(60)]
        throttled.append([sum(a.throttled for a in trace.of(ApiAttempt)) for trace in traces])
    difference = np.subtract(*throttled)
    assert difference.any()
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / math.sqrt(len(difference))
