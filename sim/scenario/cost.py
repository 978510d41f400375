"""What a rollout of very many pods or requests costs to simulate, and from how many pods on it is refused.

Measured on one core:
- A control plane of 10,000 pods took 1.2 s with v1.1.9, 1.7 s with v2.7, and 4 s where the calls of v2.7 were
  throttled. A control plane of 50,000 pods took 13 to 17 s, in 530 MB. The time grows with the pods. More pods are
  valid, but nobody has seen such a simulation end.
- Drawing took 50 ns for a request, and 260 ns for one whose fate depends on earlier ones (`data_plane.one_by_one`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError, plain

if TYPE_CHECKING:
    from sim.scenario.specs import PodSpec, Scenario, TargetGroupSpec

MOST_SIMULATED_PODS = 50_000
_LONGEST_MEASURED_S = 20.0
_DRAWN_S, _DRAWN_IN_ORDER_S = 50e-9, 260e-9
_MINUTE_S = 60


def rolled_pods(scenario: Scenario) -> int:
    """Return the pods of all Deployments that are rolled at once."""
    return scenario.deployment.replicas * scenario.deployment.rolled_at_once


def available_after_s(scenario: Scenario) -> float:
    """Return the mean time from a pod's creation until it counts as available (s)."""
    return scenario.pod.startup_s.mean() + scenario.deployment.min_ready_s


def rollout_at_least_s(scenario: Scenario) -> float:
    """Return about how long a rolling update takes at least, because so few pods may go at a time; else 0 (s)."""
    if scenario.disruption != "rollout":
        return 0.0
    deployment = scenario.deployment
    at_once = deployment.surge + deployment.unavailable
    return (deployment.replicas - deployment.partition) / at_once * available_after_s(scenario)


def replication_at_most_s(scenario: Scenario) -> float:
    """Return about how long one core takes for a replication's control plane, with the slowest of the releases."""
    return _LONGEST_MEASURED_S * rolled_pods(scenario) / MOST_SIMULATED_PODS


def drawing_s(scenario: Scenario) -> float:
    """Return about how long one core takes to draw the requests of one second of a rollout."""
    in_order = draws_in_order(scenario.pod, scenario.target_group)
    return scenario.traffic.arrival_rate_rps * (_DRAWN_IN_ORDER_S if in_order else _DRAWN_S)


def draws_in_order(pod: PodSpec, target_group: TargetGroupSpec) -> bool:
    """Return whether the fate of a request depends on earlier ones, which takes a compiled loop over all of them."""
    independent = target_group.routing != "least_outstanding_requests" and target_group.target_type == "ip"
    return not independent or target_group.connection_reuse or pod.concurrency is not None


def require_affordable(scenario: Scenario) -> None:
    """Refuse more pods than a simulation is known to end with."""
    pods = rolled_pods(scenario)
    if pods > MOST_SIMULATED_PODS:
        among = " in all Deployments that are rolled at once" if scenario.deployment.rolled_at_once > 1 else ""
        problem = Problem(
            key="deployment.replicas",
            expected=f"at most {MOST_SIMULATED_PODS} pods to simulate{among}",
            found=plain(pods),
            hint=f"that many take up to {_LONGEST_MEASURED_S:.0f} s for each replication; {pods:,} would take some "
            f"{_minutes(replication_at_most_s(scenario))}",
        )
        raise ScenarioError([problem])


def _minutes(time_s: float) -> str:
    return f"{time_s:.0f} s" if time_s < _MINUTE_S else f"{time_s / _MINUTE_S:,.0f} min"
