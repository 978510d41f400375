"""Which scenarios have a control plane in common, up to how a deleted pod ends.

How requests come and are served does not reach the control plane at all. How a pod ends (preStop, grace period, what it
does at SIGTERM) reaches it in one place: its target's health, as DescribeTargetHealth tells it of targets that fail
their checks. aws-load-balancer-controller asks for those again; the ALB Ingress Controller v1.1 looks only whether a
target is draining, and for readiness gates at pods that start; `fixed_lag` asks for nothing. And where something waits
for a deleted pod to be gone (`Scenario.waits_for_gone_pods`), all of that reaches it.
What is left out: `target_group.deregistration_delay_s`, which reaches the control plane as health does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.scenario.releases import LoadBalancerControllerRelease

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

_SERVING = {
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
    """Return what a control plane depends on: scenarios with the same one can share it, replication by replication."""
    left_out = set(_SERVING)
    if not scenario.waits_for_gone_pods:
        left_out |= _GONE
        if not isinstance(scenario.controller.release, LoadBalancerControllerRelease):
            left_out |= _ENDING
    without: dict[str, Any] = {
        "name": True,
        "description": True,
        "replications": True,
        "sweep": True,
        "traffic": True,
        "pod": left_out,
        "target_group": {"routing", "idle_timeout_s", "connection_reuse"},
    }
    return scenario.model_dump_json(exclude=without)
