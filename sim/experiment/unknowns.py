"""What a scenario's author may not know: how wrong each default may be, and how to measure the true value.

A key that the scenario gives counts as known. The range of a distribution is that of its median (`with_values`).

Sources of the ranges: docs/facts/alb.md §1 and §5; docs/facts/capacity.md §1 to §3, the priors marked [D]. Otherwise a
range is a guess, and `why` says between what.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

_CALIBRATE = "`albsim calibrate` with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A key and the range of its value. `why` gives the reason for the range, `measure` a way to measure the value.

    `matters`: whether the key has an effect in a scenario.
    """

    key: str
    low: float
    high: float
    why: str = "as given"
    measure: str = ""
    whole: bool = False
    matters: Callable[[Scenario], bool] = field(default=lambda _: True, compare=False)


def _has_addresses(scenario: Scenario) -> bool:
    return scenario.nodes is not None and scenario.vpc_cni is not None


def _is_added_by(scenario: Scenario, kind: str) -> bool:
    return scenario.nodes is not None and scenario.autoscaler.kind == kind


def _adds_nodes(scenario: Scenario) -> bool:
    return scenario.nodes is not None and scenario.autoscaler.kind != "none"


def _has_nodes_without_images(scenario: Scenario) -> bool:
    rolls_in = _switches(scenario) and scenario.cluster_switch.new_pods_created_at_s is not None
    return _adds_nodes(scenario) or (scenario.nodes is not None and rolls_in)


def _switches(scenario: Scenario) -> bool:
    return scenario.disruption == ClusterSwitchSpec.kind


_OLD_LOG = "the old ALB's access log after a switch: how its requests fall off"
UNKNOWNS = (
    Unknown(
        key="target_group.propagation_s",
        low=5,
        high=20,
        why="its median: users saw 15 to 19 s, assume 10, and 5 has been enough",
        measure=f"{_CALIBRATE} the ALB's access logs and CloudTrail of a few rollouts",
    ),
    Unknown(
        key="target_group.propagation_s.p95",
        low=15,
        high=60,
        why="its tail, for a median of 10 s: users meet a minute",
        measure=f"{_CALIBRATE} the ALB's access logs and CloudTrail of many rollouts",
    ),
    Unknown(
        key="target_group.alb_nodes",
        low=2,
        high=6,
        why="one in each zone or more, as the load asks",
        measure="`dig` the load balancer's name, or count the addresses in the access logs' file names",
        whole=True,
    ),
    Unknown(
        key="aws_api.background_calls_per_s.elbv2_describe",
        low=0,
        high=9,
        why="from nobody else to nearly all of the 10 per second",
        measure=f"{_CALIBRATE} CloudTrail of the account",
    ),
    Unknown(
        key="aws_api.latency_s",
        low=0.04,
        high=0.2,
        why="its median: 41 ms was seen, and reconciles of ten calls that took up to 1.9 s",
        measure=f"{_CALIBRATE} the controller's log, from `kubectl logs --timestamps`",
    ),
    Unknown(
        key="endpoints.propagation_s",
        low=0.02,
        high=0.5,
        why="its median: between at once and the SLO of 1 s",
        measure="compare the audit log's deletions with the controller's first call for them",
    ),
    Unknown(
        key="pod.startup_s",
        low=5,
        high=60,
        why="its median: from a small binary to a large one",
        measure=f"{_CALIBRATE} the audit log or `kubectl get pods -o json`",
    ),
    Unknown(
        key="traffic.service_time_s",
        low=0.02,
        high=0.5,
        why="its median: from a small web API to a slow one",
        measure=f"{_CALIBRATE} the ALB's access logs",
    ),
    Unknown(
        key="nodes.daemonset_pods",
        low=3,
        high=6,
        why="aws-node and kube-proxy, with one to four for storage and logs",
        measure="`kubectl get daemonsets -A`",
        whole=True,
        matters=lambda scenario: scenario.nodes is not None,
    ),
    Unknown(
        key="nodes.daemonset_cpu_m",
        low=150,
        high=500,
        why="what three to six such pods request",
        measure="`kubectl describe node`, Non-terminated Pods",
        whole=True,
        matters=lambda scenario: scenario.nodes is not None and scenario.nodes.pod_cpu_m > 0,
    ),
    Unknown(
        key="vpc_cni.assign_latency_s",
        low=0.2,
        high=3,
        why="its median: from a quick call to what is assumed as its 99 % quantile",
        measure="ipamd's log, from `Trying to allocate` to the assigned addresses",
        matters=_has_addresses,
    ),
    Unknown(
        key="vpc_cni.new_eni_latency_s",
        low=2,
        high=10,
        why="its median: CNI's documents say up to 10 s",
        measure="ipamd's log, from `Created a new ENI` to the interface's addresses",
        matters=_has_addresses,
    ),
    Unknown(
        key="autoscaler.launch_to_ready_s",
        low=28,
        high=80,
        why="its median: 28 s to 54 s were measured, with tails from 80 s on",
        measure="`kubectl get nodes -o json` and CloudTrail: from RunInstances or CreateFleet to the Ready condition",
        matters=_adds_nodes,
    ),
    Unknown(
        key="autoscaler.image_pull_s",
        low=2,
        high=60,
        why="its median: from a small image to one of some gigabytes",
        measure="the `Pulled` events of pods, which say how long",
        matters=_has_nodes_without_images,
    ),
    Unknown(
        key="autoscaler.decision_s",
        low=1,
        high=15,
        why="its median: its FAQ wants 5 s on average, 15 s with hundreds of nodes",
        measure="its metric `function_duration_seconds`",
        matters=partial(_is_added_by, kind="cluster_autoscaler"),
    ),
    Unknown(
        key="autoscaler.asg_lag_s",
        low=5,
        high=45,
        why="its median: from the next look of the group to what is assumed as its 95 % quantile",
        measure="the group's activities: from the request of Cluster Autoscaler to the launch",
        matters=partial(_is_added_by, kind="cluster_autoscaler"),
    ),
    Unknown(
        key="autoscaler.fleet_s",
        low=1,
        high=10,
        why="its median: from one call to a slow one",
        measure="Karpenter's log, from the computed to the launched nodeclaim",
        matters=partial(_is_added_by, kind="karpenter"),
    ),
    Unknown(
        key="cluster_switch.stale_fraction",
        low=0.03,
        high=0.15,
        why="half and twice what was measured in 500 households",
        measure=_OLD_LOG,
        matters=_switches,
    ),
    Unknown(
        key="cluster_switch.stale_s",
        low=60,
        high=1200,
        why="its median: from a minute to the twenty of long-lived processes",
        measure=_OLD_LOG,
        matters=_switches,
    ),
    Unknown(
        key="cluster_switch.kept_alive_fraction",
        low=0,
        high=0.5,
        why="from clients that open a connection for each request to half that keep theirs",
        measure="CloudWatch, NewConnectionCount beside RequestCount",
        matters=_switches,
    ),
)


def unknowns_of(scenario: Scenario) -> tuple[Unknown, ...]:
    """Return the unknowns whose keys the scenario leaves at their defaults."""
    given = scenario.model_dump(exclude_unset=True)
    return tuple(
        unknown
        for unknown in UNKNOWNS
        if unknown.matters(scenario) and not _is_given(given, unknown.key.split(".")[:2])
    )


def given_range(key: str, low: float, high: float) -> Unknown:
    """Return a user's range of a key as an unknown, with a way to measure it if one is known."""
    known = next((unknown for unknown in UNKNOWNS if unknown.key == key), Unknown(key=key, low=low, high=high))
    return replace(known, low=low, high=high, why="as given")


def _is_given(given: Any, steps: list[str]) -> bool:  # noqa: ANN401 - a part of a dump
    for step in steps:
        if not isinstance(given, dict) or step not in given:
            return False
        given = given[step]
    return True
