"""Which scenarios have a control plane in common, up to how a deleted pod ends.

How requests arrive and are served does not reach the control plane. How a pod ends (preStop, grace period, behaviour at
SIGTERM) reaches the control plane in two cases:
- DescribeTargetHealth reports targets that fail their checks. aws-load-balancer-controller asks for those again. The
  ALB Ingress Controller v1.1 looks only whether a target is draining, and at starting pods for readiness gates;
  `fixed_lag` asks for nothing.
- Something waits for a deleted pod to be gone, or reckons with its end (`Scenario.depends_on_pod_ends`). If pods drain,
  requests then reach the control plane too, by the law of the last request's end.

`target_group.deregistration_delay_s` reaches the control plane as health does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sim.scenario.releases import LoadBalancerControllerRelease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.specs import Scenario

K = TypeVar("K")
_SERVING = {
    "cold_factor",
    "warm_up_s",
    "concurrency",
    "accept",
    "keep_alive_timeout_s",
    "idle_connections_at_sigterm",
    "after_teardown",
}
_GONE = {"sandbox_teardown_s"}
_ENDING = {
    "pre_stop_sleep_s",
    "pre_stop_fails_health_check",
    "termination_grace_period_s",
    "on_sigterm",
    "serve_after_sigterm_s",
}


def control_plane_key(scenario: Scenario) -> str:
    """Return a key of all settings that a control plane depends on.

    Scenarios with the same key can share control planes, replication by replication.
    """
    left_out = set(_SERVING)
    if not scenario.depends_on_pod_ends:
        left_out |= _GONE
        if not isinstance(scenario.controller.release, LoadBalancerControllerRelease):
            left_out |= _ENDING
    without: dict[str, Any] = {
        "name": True,
        "description": True,
        "replications": True,
        "sweep": True,
        "pod": left_out,
        "target_group": {"routing", "slow_start_s", "idle_timeout_s"},
    }
    if not (scenario.depends_on_pod_ends and scenario.ends_with_last_request):
        without["target_group"] |= {"connection_reuse"}
        without["traffic"] = True
    return scenario.model_dump_json(exclude=without)


def sharing_control_planes(scenarios: Mapping[K, Scenario]) -> list[list[K]]:
    """Return the names of the scenarios in groups, each of which can share control planes."""
    groups: dict[str, list[K]] = {}
    for name, scenario in scenarios.items():
        groups.setdefault(control_plane_key(scenario), []).append(name)
    return [*groups.values()]
