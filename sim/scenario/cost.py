"""What a rollout of very many pods costs to simulate, and from how many on it is refused.

Measured on one core: a control plane of 10,000 pods took 1.2 s with v1.1.9, 1.7 s with v2.7, and 4 s where the calls of
v2.7 were throttled. The time grows with the pods. More pods are valid, but nobody has seen such a simulation end.
Left out: what drawing the requests costs; `simulate_requests` refuses more than it can draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.problems import Problem, ScenarioError, plain

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

MOST_SIMULATED_PODS = 10_000
_LONGEST_MEASURED_S = 4.0
_MINUTE_S = 60


def rolled_pods(scenario: Scenario) -> int:
    """Return the pods of all Deployments that are rolled at once."""
    return scenario.deployment.replicas * scenario.deployment.rolled_at_once


def replication_at_most_s(scenario: Scenario) -> float:
    """Return about how long one core takes for a replication's control plane, with the slowest of the releases."""
    return _LONGEST_MEASURED_S * rolled_pods(scenario) / MOST_SIMULATED_PODS


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
