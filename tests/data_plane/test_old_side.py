"""Two load balancers and a DNS record: by hand, and one estimator against the other.

One pod of each cluster; laws without chance; ten requests a second. The old pod is deregistered as it is deleted, and
serves for 10 s more, so nothing is refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sim.data_plane.old_side import OldSide
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.scenario.cluster_switch import ClusterSwitchSpec
from sim.scenario.specs import Scenario

FIXED = {"record_ttl_s": 0, "stale_fraction": 0, "old_pods_removed_at_s": 20, "old_alb_deleted_at_s": 40}
ROLLOUTS = 8
UNREACHABLE, NO_TARGET, CUT = Outcome.OLD_ADDRESS_UNREACHABLE, Outcome.NO_REGISTERED_TARGETS, Outcome.CLOSED_IN_FLIGHT


def scenario(switch: dict[str, Any], **changes: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "switch",
            "traffic": {"arrival_rate_rps": 10},
            "deployment": {"replicas": 1},
            "pod": {"pre_stop_sleep_s": 10},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 0},
            "target_group": {"propagation_s": 0, "health_check": None},
            "disruption": "cluster_switch",
            "cluster_switch": FIXED | {"counted_until_s": 100} | switch,
        }
    ).with_overrides(changes)


def counts(switch: dict[str, Any], **changes: Any) -> dict[Outcome, float]:
    expected = simulate(scenario(switch, **changes), estimator="expected").estimate.counts
    return {outcome: float(expected[outcome]) for outcome in Outcome if expected[outcome]}


def test_the_share_of_new_connections_is_that_of_the_facts() -> None:
    at_s = [60, 300, 600, 1800, 3600, 86_400]
    per_cent = 100 * ClusterSwitchSpec().still_old(at_s)
    assert per_cent.tolist() == pytest.approx([6.4, 3.8, 2.4, 0.9, 0.37, 0.0006], rel=0.1)
    assert ClusterSwitchSpec().still_old([-1, 0]).tolist() == [1, 1]
    # Half of the TTL: half of the 92.5 % that obey, and Phi(ln(10) / 1.5) = 93.76 % of the 7.5 % that hold on.
    assert float(ClusterSwitchSpec().still_old(30)) == pytest.approx(0.925 / 2 + 0.075 * 0.93761, rel=1e-4)


def test_who_holds_the_address_meets_no_target_and_then_no_address() -> None:
    """0.1 + 0.9 x 0.25 = 0.325 stay old until 50 s, then 0.1.

    So 10 x 20 x 0.325 = 65 find no target between 20 and 40 s. No address find 10 x 10 x 0.325 + 10 x 50 x 0.1 = 82.5
    after that. Of 10 x 100 and 0.5 in flight at 0 s the rest is ok.
    """
    found = counts({"stale_fraction": 0.25, "stale_s": 50, "pinned_fraction": 0.1})
    assert found == pytest.approx({NO_TARGET: 65, UNREACHABLE: 82.5, Outcome.OK: 1000.5 - 147.5})


def test_caches_that_obey_have_ages_uniform_over_the_ttl() -> None:
    """After a change at 10 s, 1 - (t - 10) / 60 are left: 10 x (20 - 30^2 / 120 + 10^2 / 120) between 20 and 40 s."""
    found = counts({"record_ttl_s": 60, "record_change_s": 10})
    assert found[NO_TARGET] == pytest.approx(10 * (20 - (30**2 - 10**2) / 120))
    assert found[UNREACHABLE] == pytest.approx(10 * 30**2 / 120)


def test_open_connections_stay_with_the_old_load_balancer_until_it_goes() -> None:
    """All requests on connections of an age uniform over 100 s: 1 - t / 100 are old. The ALB's end ends them all."""
    found = counts({"kept_alive_fraction": 1, "client_keep_alive_s": 100})
    assert found == pytest.approx({NO_TARGET: 10 * (20 - (40**2 - 20**2) / 200), Outcome.OK: 1000.5 - 140})


def test_the_load_balancer_s_end_cuts_what_runs() -> None:
    """Half of 10 a second take 5 s each: 25 run at 40 s, and 10 x 60 / 2 come after."""
    switch = {"pinned_fraction": 0.5, "old_pods_removed_at_s": 60}
    assert counts(switch, **{"traffic.service_time_s": 5})[UNREACHABLE] == pytest.approx(25 + 300)


def test_new_pods_that_come_late_leave_the_new_load_balancer_without_a_target() -> None:
    """Created at 5 s, Ready 7 s later, registered another 3 s later, and healthy at once: 10 a second for 15 s."""
    late = {"pod.startup_s": 7, "controller.registration_lag_s": 3}
    found = counts({"new_pods_created_at_s": 5}, **late)
    assert found == pytest.approx({NO_TARGET: 150, Outcome.OK: 1000.5 - 150})
    assert counts({"new_pods_created_at_s": -10}, **late) == pytest.approx({Outcome.OK: 1000.5})


def test_the_window_goes_on_until_the_last_count() -> None:
    assert simulate(scenario({"counted_until_s": 777}), estimator="expected").estimate.window_until_s == 777


def test_the_mean_share_is_the_integral_of_the_share() -> None:
    spec = ClusterSwitchSpec(kept_alive_fraction=0.4, client_keep_alive_s=200, pinned_fraction=0.1)
    side = OldSide(spec=spec, nodes=1, changed_s=7, deleted_s=500)
    edge_s = np.unique(np.concatenate((side.edges_s(), [0, 1000])))
    edge_s = edge_s[(edge_s >= 0) & (edge_s <= 1000)]
    fine_s = (np.arange(400_000) + 0.5) / 400
    assert np.dot(side.mean_share(edge_s), np.diff(edge_s)) == pytest.approx(side.share(fine_s).mean() * 1000, rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"cluster_switch.kept_alive_fraction": 0.5, "traffic.arrivals": "even"},
        {"pod.on_sigterm": "drain", "pod.pre_stop_sleep_s": 0, "target_group.propagation_s": 5},
        {"cluster_switch.old_alb_deleted_at_s": 5, "target_group.alb_nodes": 3},
        {
            "cluster_switch.new_pods_created_at_s": -5,
            "deployment.replicas": 3,
            "pod.startup_s": {"dist": "uniform", "low": 2, "high": 40},
            "controller.registration_lag_s": 4,
            "target_group.health_check": {"interval_s": 10},
        },
    ],
)
def test_the_estimators_agree(changes: dict[str, Any]) -> None:
    """Counts are Poisson, or less uneven: four standard deviations."""
    service_time_s = {"dist": "exponential", "mean": 2}
    switch = {"record_ttl_s": 60, "stale_fraction": 0.2, "stale_s": {"dist": "exponential", "mean": 30}}
    given = scenario(switch, **{"traffic.arrival_rate_rps": 40, "traffic.service_time_s": service_time_s} | changes)
    sampled = np.zeros(len(Outcome))
    expected = np.zeros(len(Outcome))
    for number in range(ROLLOUTS):
        requests = simulate(given, replication=number, estimator="sampled").estimate.counts
        expectation = simulate(given, replication=number, estimator="expected").estimate.counts
        assert expectation.sum() == pytest.approx(40 * 100 + 40 * 2, rel=0.01)
        sampled, expected = sampled + requests, expected + expectation
    for outcome in (Outcome.OK, NO_TARGET, UNREACHABLE, Outcome.CONNECT_REFUSED, CUT):
        assert abs(sampled[outcome] - expected[outcome]) <= 4 * math.sqrt(expected[outcome]) + 1, outcome
