"""Each key of a scenario changes what happens where it should matter.

Two replications, or two plans of addresses, that differ in one key alone are held against each other: what the control
plane did, and how every failed request ended.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple
from functools import cache
from typing import Any

import pytest
from albsim_tests.keys import keys_of

from sim.capacity.question import Question, plan_of
from sim.experiment.replication import simulate
from sim.scenario.specs import Scenario

BASE = {
    "name": "every-key",
    "seed": 3,
    "traffic": {"arrival_rate_rps": 20, "service_time_s": {"dist": "exponential", "mean": 2}},
    "deployment": {"replicas": 4},
    "pod": {"startup_s": 3},
    "aws_api": {"warm_up_s": 20},
}
TIGHT = {"capacity": 2, "refill_per_s": 0.4}
V2, V3, FIXED_LAG = ({"controller": {"version": version}} for version in ("v2.8.0", "v3.1.0", "fixed_lag"))
FIXED_LAG["controller"]["deregistration_lag_s"] = 5
RESTART = {"controller.restart_at_s": 3}
DRAINS = {"pod.on_sigterm": "drain", "pod.pre_stop_sleep_s": 0}
POOLED = DRAINS | {"target_group.connection_reuse": True}
BUSY = DRAINS | {"traffic.arrival_rate_rps": 60, "pod.concurrency": 20}
IMPATIENT = {"pod.concurrency": 20, "traffic.client_timeout_s": 10}
INSTANCE = {"target_group.target_type": "instance"}
AT_NODES = INSTANCE | {"controller": {"version": "v2.7.1"}}
DRAIN = {"disruption": "node_drain", "node_drain": {"nodes": 2, "pods_per_node": 2}, "deployment.replicas": 8}
ONE_AT_MOST = (("max_unavailable", 1),)
TERMINATION = {
    "disruption": "node_termination",
    "node_termination": {"nodes": 2, "pods_per_node": 2},
    "deployment.replicas": 8,
    "pod.startup_s": 20,
}
SCALE_IN = {"disruption": "scale_in", "scale_in": {"to_replicas": 3}, "deployment.replicas": 6}
SCALE_OUT = {"disruption": "scale_out", "scale_out": {"to_replicas": 8}, "deployment.replicas": 4}
UP_IN_STEPS = SCALE_OUT | {
    "scale_out.policies": [
        {"type": "Pods", "value": 1, "period_s": 20},
        {"type": "Percent", "value": 50, "period_s": 20},
    ]
}
CRASH = {"disruption": "crash", "crash": {"restart_s": 3}}
HANGING = {"disruption": "liveness_failure", "liveness_failure": {"restart_s": 3}}
LOST = {"disruption": "node_lost", "node_lost": {"toleration_s": 10}}
CANARY = {"disruption": "canary", "canary": {"steps": [{"weight": 50, "pause_s": 5}], "scale_down_delay_s": 0}}
DYNAMIC = {"disruption": "canary", "canary": {"steps": [{"weight": 50, "pause_s": 5}]}}
BY_LAG = CANARY | {"controller": FIXED_LAG["controller"]}
STEP = {"weight": 20, "pause_s": 9}
CALLED_FOR = {"until_s": 40, "replicas": 5}
LATER = {"until_s": 80, "replicas": 4}
ONE_BY_ONE = {"type": "Pods", "value": 2, "period_s": 20}
POLICY = {"type": "Percent", "value": 3, "period_s": 60}
TOO_FAR = SCALE_IN | {
    "deployment.replicas": 12,
    "scale_in": {"to_replicas": 8, "recommendations": [{"until_s": 60, "replicas": 1}], "stabilization_window_s": 0},
}
IN_STEPS = SCALE_IN | {"scale_in.policies": [ONE_BY_ONE, {"type": "Percent", "value": 50, "period_s": 20}]}
GROWING = {
    "nodes": {"instance_type": "m5.large", "count": 3, "pod_cpu_m": 500},
    "autoscaler": {"kind": "cluster_autoscaler"},
    "deployment.replicas": 9,
    "deployment.max_unavailable": 0,
}
SWITCH = {
    "disruption": "cluster_switch",
    "cluster_switch": {"old_pods_removed_at_s": 40, "old_alb_deleted_at_s": 90, "counted_until_s": 120},
}
KUBELETS = {"kubernetes.nodes": 1, "deployment.replicas": 20}
NODES = {"nodes": {"instance_type": "m5.large", "count": 4}}
CROWDED = {"nodes": {"instance_type": "m5.large", "count": 3, "pod_cpu_m": 200}, "deployment.replicas": 9}
FULL = {"nodes": {"instance_type": "t3.small", "count": 5}, "deployment.replicas": 24}
CONTENDED = {
    "aws_api.background_calls_per_s": {"elbv2_account": 6},
    "aws_api.buckets.elbv2_account": {"capacity": 8, "refill_per_s": 6},
}
FAST = {"controller.node_events_per_s": 2, "aws_api.latency_s": 0.01}

# key: what is around it, and the value that is not its default (or not what is around it).
CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "seed": ({}, 4),
    "traffic.arrival_rate_rps": ({}, 30),
    "traffic.arrivals": ({}, "even"),
    "traffic.service_time_s": ({}, 1),
    "traffic.client_timeout_s": ({}, 1),
    "deployment.kind": ({}, "StatefulSet"),
    "deployment.strategy": ({}, "Recreate"),
    "deployment.partition": ({"deployment.kind": "StatefulSet"}, 2),
    "deployment.replicas": ({}, 5),
    "deployment.max_surge": ({}, 4),
    "deployment.max_unavailable": ({}, 4),
    "deployment.min_ready_s": ({}, 5),
    "deployment.rolled_at_once": ({"controller.ingresses": 2}, 2),
    "deployment.pod_replacement_policy": ({}, "TerminationComplete"),
    "deployment.sync_latency_s": ({}, 2),
    "pod.startup_s": ({}, 8),
    "pod.readiness_gate": ({}, True),
    "pod.pre_stop_sleep_s": ({}, 7),
    "pod.pre_stop_fails_health_check": ({"pod.pre_stop_sleep_s": 29}, True),
    "pod.termination_grace_period_s": (DRAINS | {"traffic.service_time_s": 20}, 4),
    "pod.on_sigterm": ({}, "ignore"),
    "pod.serve_after_sigterm_s": ({}, 5),
    "pod.concurrency": (DRAINS | {"traffic.arrival_rate_rps": 60}, 20),
    "pod.accept": (BUSY, "prefork"),
    "pod.keep_alive_timeout_s": (POOLED | {"traffic.service_time_s": 0.01, "traffic.arrival_rate_rps": 500}, 0.01),
    "pod.idle_connections_at_sigterm": (POOLED | {"traffic.service_time_s": 0.01}, "serve"),
    "pod.sandbox_teardown_s": ({}, 9),
    "endpoints.propagation_s": ({}, 6),
    "controller.version": ({}, "v3.5.0"),
    "controller.aws_max_retries": (CONTENDED, 1),
    "controller.max_concurrent_reconciles": ({"controller.ingresses": 4, "controller.node_events_per_s": 1}, 3),
    "controller.max_backoff_s": (V2 | {"pod.readiness_gate": True, "pod.startup_s": 20}, 2),
    "controller.aws_api_throttle": (V2, "Elastic Load Balancing v2:RegisterTargets|DeregisterTargets=0.1:1"),
    "controller.restart_at_s": ({}, 3),
    "controller.restart_takes_s": (RESTART, 40),
    "controller.sync_period_s": ({}, 20),
    "controller.node_events_per_s": ({}, 0.5),
    "controller.ingresses": ({"controller.node_events_per_s": 0.5}, 3),
    "controller.target_groups": ({}, 3),
    "controller.listeners": ({}, 4),
    "controller.https_listeners": ({}, 2),
    "controller.deregistration_lag_s": (FIXED_LAG, 9),
    "controller.registration_lag_s": (FIXED_LAG, 9),
    "controller.rule_lag_s": (BY_LAG, 9),
    "aws_api.retryer": ({"aws_api.buckets.elbv2_describe": TIGHT}, "full-jitter"),
    "aws_api.latency_s": ({}, 1),
    **{
        f"aws_api.buckets.{name}.{half}": (around | {f"aws_api.buckets.{name}": TIGHT}, value)
        for name, around in {
            "elbv2_describe": {},
            "elbv2_register": V2 | {"deployment.max_surge": 1, "deployment.max_unavailable": 0},
            "elbv2_modify": {
                "aws_api.background_calls_per_s": {"elbv2_modify": 20},
                "aws_api.warm_up_s": 0,
                "aws_api.buckets.elbv2_account": {"capacity": 5, "refill_per_s": 5},
            },
            "elbv2_account": {},
            "waf_regional": {"controller.version": "v1.1.4"} | FAST,
            "wafv2": {"controller.ingresses": 9, "aws_api.buckets.waf_regional": {"refill_per_s": 50}} | FAST,
            "ec2": {},
            "ec2_interfaces": FULL | {"vpc_cni.warm_ip_target": 1, "deployment.max_surge": "100%"},
            "tagging": FAST,
        }.items()
        for half, value in (("capacity", 9), ("refill_per_s", 5))
    },
    "aws_api.background_calls_per_s": ({}, {"elbv2_describe": 20}),
    "aws_api.warm_up_s": ({"controller.sync_period_s": 15}, 100),
    "target_group.target_type": ({}, "instance"),
    "target_group.instances": (INSTANCE, 3),
    "target_group.kube_proxy_sync_s": (INSTANCE, 9),
    "target_group.alb_nodes": ({}, 3),
    "target_group.routing": ({}, "random"),
    "target_group.slow_start_s": ({}, 60),
    "target_group.deregistration_delay_s": (DRAINS | {"pod.pre_stop_sleep_s": 25, "traffic.service_time_s": 15}, 2),
    "target_group.idle_timeout_s": ({}, 2),
    "target_group.connection_reuse": (DRAINS | {"pod.idle_connections_at_sigterm": "serve"}, True),
    "target_group.rule_propagation_s": (CANARY, 30),
    "target_group.propagation_s": ({}, 3),
    "target_group.health_check.interval_s": ({}, 5),
    "target_group.health_check.healthy_threshold": (CRASH | {"crash.restart_s": 40, "endpoints.propagation_s": 90}, 5),
    "target_group.health_check.timeout_s": (LOST, 2),
    "target_group.health_check.unhealthy_threshold": ({}, 5),
    "disruption": ({"node_drain": DRAIN["node_drain"], "deployment.replicas": 8}, "node_drain"),
    "node_drain.nodes": (DRAIN, 3),
    "node_drain.pods_per_node": (DRAIN, 3),
    "node_drain.nodes_at_once": (DRAIN, 2),
    "node_drain.drained_by": (DRAIN | {"node_drain.max_unavailable": 1}, "karpenter"),
    "node_drain.exclude_from_load_balancers": (DRAIN | AT_NODES, True),
    "node_drain.min_available": (DRAIN, 7),
    "node_drain.max_unavailable": (DRAIN, 1),
    "node_drain.timeout_s": (DRAIN | {"node_drain.max_unavailable": 1, "pod.startup_s": 30}, 31),
    "node_drain.pdb_sync_latency_s": (DRAIN | {"node_drain.max_unavailable": 1}, 9),
    **{
        f"node_termination.{name}": (
            TERMINATION
            | (AT_NODES if name == "exclude_from_load_balancers" else {})
            | {f"node_termination.{key}": value for key, value in around},
            value,
        )
        for name, (around, value) in {
            "nodes": ((), 3),
            "pods_per_node": ((), 3),
            "nodes_at_once": ((), 2),
            "drained_by": (ONE_AT_MOST, "karpenter"),
            "exclude_from_load_balancers": ((), True),
            "min_available": ((), 7),
            "max_unavailable": ((), 1),
            "timeout_s": (ONE_AT_MOST, 31),
            "pdb_sync_latency_s": (ONE_AT_MOST, 9),
            "delete_delay_s": ((), 1),
            "termination_hook_s": ((), 90),
        }.items()
    },
    "scale_in.to_replicas": (SCALE_IN, 2),
    "scale_in.nodes": (SCALE_IN, 4),
    "scale_in.unready": (SCALE_IN, 2),
    "scale_in.deletion_cost": (SCALE_IN, {"dist": "uniform", "low": 0, "high": 1}),
    "scale_in.stabilization_window_s": (SCALE_IN | {"scale_in.recommendations": [CALLED_FOR]}, 60),
    "scale_in.ready_for_s": (SCALE_IN, {"dist": "uniform", "low": 1, "high": 1e6}),
    "scale_out.to_replicas": (SCALE_OUT, 9),
    "pod.cold_factor": ({"pod.warm_up_s": 60} | IMPATIENT, 5),
    "pod.warm_up_s": ({"pod.cold_factor": 5} | IMPATIENT, 60),
    "scale_out.select_policy": (UP_IN_STEPS, "Min"),
    "scale_out.sync_period_s": (UP_IN_STEPS, 7),
    "scale_out.counted_until_s": (SCALE_OUT, 90),
    "crash.pods": (CRASH, 2),
    "crash.noticed_after_s": (CRASH, 5),
    "crash.restart_s": (CRASH, 15),
    "crash.back_off_s": (CRASH, 10),
    "liveness_failure.pods": (HANGING, 2),
    "liveness_failure.period_s": (HANGING, 4),
    "liveness_failure.timeout_s": (HANGING, 5),
    "liveness_failure.failure_threshold": (HANGING, 1),
    "liveness_failure.restart_s": (HANGING, 15),
    "node_lost.pods": (LOST, 2),
    "node_lost.node_monitor_grace_s": (LOST, 20),
    "node_lost.toleration_s": (LOST, 60),
    "node_lost.heartbeat_age_s": (LOST, 1),
    "node_lost.monitored_after_s": (LOST, 4),
    "scale_in.select_policy": (IN_STEPS, "Min"),
    "scale_in.sync_period_s": (IN_STEPS | {"scale_in.policies": [ONE_BY_ONE]}, 7),
    "canary.ping_pong": (CANARY, True),
    "canary.scale_down_delay_s": (CANARY, 5),
    "canary.verifies": (CANARY, True),
    "canary.dynamic_stable_scale": (DYNAMIC, True),
    "canary.abort_after_step": (CANARY | {"canary.ping_pong": True}, 1),
    "canary.abort_scale_down_delay_s": (CANARY | {"canary.ping_pong": True, "canary.abort_after_step": 1}, 5),
    "blue_green.scale_down_delay_s": ({"disruption": "blue_green"}, 5),
    **{
        f"cluster_switch.{name}": (SWITCH | {f"cluster_switch.{key}": of for key, of in around.items()}, value)
        for name, (around, value) in {
            "record_ttl_s": ({}, 300),
            "record_change_s": ({}, 20),
            "stale_fraction": ({}, 0.5),
            "stale_s": ({}, 70),
            "pinned_fraction": ({}, 0.3),
            "kept_alive_fraction": ({}, 0.5),
            "client_keep_alive_s": ({"kept_alive_fraction": 0.5}, 60),
            "old_pods_removed_at_s": ({}, 60),
            "old_alb_deleted_at_s": ({}, 50),
            "counted_until_s": ({}, 200),
            "new_pods_created_at_s": ({}, 0),
        }.items()
    },
    "autoscaler.kind": (GROWING, "karpenter"),
    "autoscaler.max_nodes": (GROWING, 3),
    "autoscaler.launch_to_ready_s": (GROWING, 20),
    "autoscaler.decision_s": (GROWING, 20),
    "autoscaler.asg_lag_s": (GROWING, 5),
    "autoscaler.fleet_s": (GROWING | {"autoscaler.kind": "karpenter"}, 20),
    "autoscaler.image_pull_s": (GROWING, 30),
    "autoscaler.retry_s": (GROWING | {"vpc_cni.subnet_prefix_length": 26, "vpc_cni.other_addresses": 39}, 60),
    "kubernetes.version": (KUBELETS, "v1.21"),
    "kubernetes.nodes": (
        {"deployment.replicas": 40, "kubernetes.kubelet_api_qps": 1, "kubernetes.kubelet_api_burst": 1},
        1,
    ),
    "kubernetes.kubelet_api_qps": (KUBELETS | {"kubernetes.kubelet_api_burst": 1}, 1),
    "kubernetes.kubelet_api_burst": (KUBELETS | {"kubernetes.kubelet_api_qps": 1}, 1),
    "kubernetes.controller_manager_api_qps": ({"kubernetes.controller_manager_api_burst": 1}, 1),
    "kubernetes.controller_manager_api_burst": ({"kubernetes.controller_manager_api_qps": 1}, 1),
    "nodes.instance_type": (NODES, "t3.small"),
    "nodes.count": (NODES, 5),
    "nodes.zones": (NODES, 2),
    "nodes.pod_cpu_m": (CROWDED, 450),
    "nodes.pod_memory_mib": (CROWDED, 2000),
    "nodes.daemonset_pods": (NODES, 9),
    "nodes.daemonset_cpu_m": (CROWDED, 1100),
    "nodes.max_pods": (CROWDED, 8),
    "vpc_cni.warm_eni_target": (NODES, 2),
    "vpc_cni.warm_ip_target": (NODES, 3),
    "vpc_cni.minimum_ip_target": (NODES | {"vpc_cni.warm_ip_target": 1}, 20),
    "vpc_cni.prefix_delegation": (NODES, True),
    "vpc_cni.warm_prefix_target": (NODES | {"vpc_cni.prefix_delegation": True}, 3),
    "vpc_cni.max_eni": (NODES, 1),
    "vpc_cni.cooldown_s": (FULL, 300),
    "vpc_cni.subnet_prefix_length": (NODES, 25),
    "vpc_cni.other_addresses": (NODES, 100),
    "vpc_cni.assign_latency_s": (CROWDED, 9),
    "vpc_cni.new_eni_latency_s": (CROWDED, 30),
}
CLUSTER = {"ingresses": 2, "churn_per_s": 0.5, "controller": {"version": "v1.1.4"}}
OF_CLUSTER: dict[str, Any] = {"ingresses": 4, "churn_per_s": 1}
OF_OURS_ALONE = {f"controller.{name}_lag_s" for name in ("registration", "deregistration", "rule")} | {
    f"controller.{name}" for name in ("ingresses", "target_groups", "max_backoff_s")
}
"""Another cluster's ingresses stand beside its controller, have one target group each, and nothing of it fails here."""
ELSEWHERE = {
    "name": "a word",
    "description": "a word",
    "replications": "how many of these there are",
    "sweep": "which of these there are",
}
SHARES = ("connect_refused", "host_unreachable", "connect_timeout")


def scenario(around: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(BASE).with_overrides(around)


@cache
def _told(text: str) -> str:
    one = Scenario.model_validate_json(text)
    result = simulate(one, estimator="sampled")
    kinds = sorted(result.trace.kinds, key=lambda kind: kind.__name__)
    happened = [astuple(record) for kind in kinds for record in result.trace.of(kind)]
    requests = result.requests
    ends = (requests.counts.tobytes(), requests.outcome.tobytes(), requests.arrival_s.tobytes())
    plan = _planned(one) if one.nodes else ()
    return hashlib.sha256(repr((happened, ends, plan)).encode()).hexdigest()


def _planned(one: Scenario) -> tuple[object, ...]:
    plan = plan_of(Question.of(one), one, None)
    return plan.held, plan.used_per_node, plan.pods_that_fit, plan.nodes_that_fit, plan.limits_per_node, plan.subnets


def told(one: Scenario) -> str:
    return _told(one.model_dump_json(exclude_unset=True))


def test_every_key_is_looked_at() -> None:
    other = "aws_api.other_clusters."
    parts = {f"pod.after_teardown.{share}" for share in SHARES} | {f"scale_in.policies.{name}" for name in POLICY}
    parts |= {f"{key}.{name}" for key in ("scale_out.policies", "scale_in.up_policies") for name in POLICY}
    parts |= {f"canary.steps.{name}" for name in STEP} | {f"scale_in.recommendations.{name}" for name in LATER}
    known = {*CASES, *ELSEWHERE, *parts, *(other + key for key in OF_CLUSTER)}
    assert {key for key in keys_of(Scenario) if not key.startswith(f"{other}controller.")} == known


@pytest.mark.parametrize("key", CASES)
def test_it_changes_what_happens(key: str) -> None:
    around, value = CASES[key]
    assert told(scenario(around)) != told(scenario(around | {key: value}))


@pytest.mark.parametrize("name", POLICY)
def test_each_key_of_a_policy_changes_what_happens(name: str) -> None:
    before, after = ({"scale_in.policies": [ONE_BY_ONE | changes]} for changes in ({}, {name: POLICY[name]}))
    assert told(scenario(SCALE_IN | before)) != told(scenario(SCALE_IN | after))


@pytest.mark.parametrize("name", POLICY)
def test_each_key_of_a_policy_upwards_changes_what_happens(name: str) -> None:
    before, after = ({"scale_out.policies": [ONE_BY_ONE | changes]} for changes in ({}, {name: POLICY[name]}))
    assert told(scenario(SCALE_OUT | before)) != told(scenario(SCALE_OUT | after))


@pytest.mark.parametrize("name", POLICY)
def test_each_key_of_a_policy_back_up_changes_what_happens(name: str) -> None:
    before, after = ({"scale_in.up_policies": [ONE_BY_ONE | changes]} for changes in ({}, {name: POLICY[name]}))
    assert told(scenario(TOO_FAR | before)) != told(scenario(TOO_FAR | after))


@pytest.mark.parametrize("name", LATER)
def test_each_key_of_a_recommendation_changes_what_happens(name: str) -> None:
    before, after = ({"scale_in.recommendations": [CALLED_FOR | changes]} for changes in ({}, {name: LATER[name]}))
    assert told(scenario(SCALE_IN | before)) != told(scenario(SCALE_IN | after))


@pytest.mark.parametrize("name", STEP)
def test_each_key_of_a_step_changes_what_happens(name: str) -> None:
    assert told(scenario(CANARY)) != told(scenario(CANARY | {f"canary.steps.0.{name}": STEP[name]}))


def test_each_answer_of_an_address_that_is_gone_is_another() -> None:
    assert len({told(scenario({"pod.after_teardown": {share: 1}})) for share in SHARES}) == len(SHARES)


@pytest.mark.parametrize("key", OF_CLUSTER)
def test_a_key_of_another_cluster_changes_what_happens(key: str) -> None:
    before, after = ({"aws_api.other_clusters": [CLUSTER | changes]} for changes in ({}, {key: OF_CLUSTER[key]}))
    assert told(scenario(before)) != told(scenario(after))


@pytest.mark.parametrize("key", sorted({key for key in CASES if key.startswith("controller.")} - OF_OURS_ALONE))
def test_a_key_of_another_cluster_s_controller_does_too(key: str) -> None:
    around, value = CASES[key]
    name = key.removeprefix("controller.")
    theirs = {"version": around.get("controller", {}).get("version", "v1.1.4")}
    theirs |= {part.removeprefix("controller."): v for part, v in around.items() if part.startswith("controller.")}
    theirs.pop("ingresses", None)
    rest = {part: v for part, v in around.items() if not part.startswith("controller")}
    few = CLUSTER | {"ingresses": 3, "churn_per_s": 0.05}
    before, after = (
        told(scenario(rest | {"aws_api.other_clusters": [few | {"controller": controller}]}))
        for controller in (theirs, theirs | {name: value})
    )
    assert before != after
