"""Each rule speaks where it should, and is silent just beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.scenario.advice import advise
from sim.scenario.loading import load_scenario
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from sim.scenario.problems import Advice

WISE = Scenario.model_validate(
    {
        "name": "x",
        "traffic": {"arrival_rate_rps": 100, "service_time_s": {"dist": "exponential", "mean": 0.1}},
        "deployment": {"replicas": 8},
        "pod": {"pre_stop_sleep_s": 40, "termination_grace_period_s": 60, "on_sigterm": "drain"},
        "controller": {"aws_max_retries": 4},
    }
)


def advised(**changes: object) -> list[Advice]:
    """Return the advice on the wise scenario after changes (keywords are keys with `__` for the dot)."""
    scenario = WISE.with_overrides({key.replace("__", "."): value for key, value in changes.items()})
    return advise(scenario)


def test_a_wise_scenario_gets_no_advice() -> None:
    assert advise(WISE) == []


FIXED = {"controller": {"version": "fixed_lag", "deregistration_lag_s": 3}}
V2 = {"controller": {"version": "v2.4", "aws_max_retries": 4}}
MANY = {"controller__ingresses": 100}
HEALTH = {"pod__pre_stop_fails_health_check": True}


DRAIN = {"disruption": "node_drain"}
CANARY = V2 | {"disruption": "canary", "pod__pre_stop_sleep_s": 0}
ABORTED = {"canary__abort_after_step": 1, "canary__abort_scale_down_delay_s": 3}


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"pod__pre_stop_sleep_s": 0}, "pod.pre_stop_sleep_s", "no preStop sleep"),
        ({"pod__pre_stop_sleep_s": 60}, "pod.pre_stop_sleep_s", "60 s is not below the grace period, 60 s"),
        ({"pod__pre_stop_sleep_s": 90}, "pod.pre_stop_sleep_s", "SIGKILL 2 s later"),
        ({"pod__pre_stop_sleep_s": 58.5}, "pod.termination_grace_period_s", "preStop leaves 1.5 s"),
        ({"pod__pre_stop_sleep_s": 10}, "pod.pre_stop_sleep_s", "In 50% of cases"),
        ({"traffic__service_time_s": 30}, "pod.termination_grace_period_s", "100.00% of requests take longer than a"),
        (
            {"pod__serve_after_sigterm_s": 5, "pod__on_sigterm": "ignore"},
            "pod.serve_after_sigterm_s",
            "has no effect",
        ),
        ({"pod__serve_after_sigterm_s": 21}, "pod.serve_after_sigterm_s", "SIGKILL comes first"),
        ({"target_group__deregistration_delay_s": 0.5}, "target_group.deregistration_delay_s", "0.67% of requests"),
        ({"target_group__idle_timeout_s": 0.5}, "target_group.idle_timeout_s", "0.67% of requests"),
        (HEALTH | {"pod__pre_stop_sleep_s": 29}, "pod.pre_stop_fails_health_check", "up to 30 s"),
        (HEALTH | {"target_group__health_check": None}, "pod.pre_stop_fails_health_check", "has no effect without"),
        ({"deployment__max_surge": 0, "deployment__max_unavailable": "0%"}, "deployment.max_unavailable", "takes one"),
        ({"deployment__max_unavailable": "100%"}, "deployment.max_unavailable", "all old pods"),
        ({"deployment__max_unavailable": 9}, "deployment.max_unavailable", "all old pods"),
        (
            {"deployment__replicas": 1, "deployment__max_unavailable": 1},
            "deployment.max_unavailable",
            "the only pod is deleted before a new one is ready",
        ),
        ({"controller__version": "v1.1.4"}, "controller.version", "WAF"),
        (DRAIN | {"node_drain__pods_per_node": 3}, "node_drain.max_unavailable", "3 of 8 pods are evicted at once"),
        (DRAIN | {"node_drain": {"pods_per_node": 8, "min_available": 0}}, "node_drain.pods_per_node", "all pods may"),
        (DRAIN | {"deployment__max_surge": 3}, "deployment.max_surge", "has no effect in a node drain"),
        ({"kubernetes__version": "v1.26"}, "kubernetes.version", "has no effect without kubernetes.nodes"),
        ({"node_drain__nodes": 2}, "node_drain.nodes", "has no effect without disruption 'node_drain'"),
        ({"controller__aws_max_retries": 10}, "controller.aws_max_retries", "up to 811 s, longer than preStop's 40 s"),
        ({"controller__aws_max_retries": 10}, "controller.aws_max_retries", "With 5 it is 31 s"),
        (
            {"controller__aws_max_retries": 10, "controller__version": "v1.1.4"},
            "controller.aws_max_retries",
            "up to 767 s",
        ),
        (
            {"controller__aws_max_retries": 10, "aws_api__retryer": "aws-sdk-go-1.12"},
            "controller.aws_max_retries",
            "up to 767 s",
        ),
        (
            # 2 + 4 + 8 + 16 + 5 * 20 s in ten attempts; without the fifth to the ninth retry, 30 s in five.
            {"controller__aws_max_retries": 10, "controller__version": "v3.2"},
            "controller.aws_max_retries",
            "with 10 a call throttled again and again holds its reconcile for up to 130 s",
        ),
        (
            {"controller__aws_max_retries": 10, "controller__version": "v3.2"},
            "controller.aws_max_retries",
            "longer than preStop's 40 s. With 5 it is 30 s",
        ),
        (
            {"controller__aws_max_retries": 0, "controller__version": "v2.9"},
            "controller.aws_max_retries",
            "0 is no limit from v2.9 on",
        ),
        (FIXED | {"controller__aws_max_retries": 4}, "controller.aws_max_retries", "has no effect"),
        (FIXED | {"controller__restart_at_s": 4}, "controller.restart_at_s", "has no effect"),
        (V2 | {"controller__node_events_per_s": 0.1}, "controller.node_events_per_s", "has no effect: v2.4"),
        (
            {"aws_api__other_clusters": [{"controller": {"version": "v3.2", "node_events_per_s": 1}}]},
            "aws_api.other_clusters.0.controller.node_events_per_s",
            "has no effect: v3.2",
        ),
        ({"controller__restart_takes_s": 9}, "controller.restart_takes_s", "has no effect without"),
        ({"target_group__instances": 3}, "target_group.instances", "has no effect without target_type 'instance'"),
        ({"target_group__kube_proxy_sync_s": 3}, "target_group.kube_proxy_sync_s", "has no effect without"),
        ({"target_group__health_check__timeout_s": 6}, "target_group.health_check.timeout_s", "has no effect"),
        (
            {"target_group__health_check__healthy_threshold": 3},
            "target_group.health_check.healthy_threshold",
            "has no effect",
        ),
        ({"target_group__health_check__timeout_s": 15}, "target_group.health_check.timeout_s", "below the interval"),
        (FIXED, "target_group.propagation_s", "comes on top of controller.deregistration_lag_s, with a median of 10 s"),
        (V2 | {"pod__readiness_gate": True}, "controller.version", "v2.4 looks at a readiness gate again only after"),
        (MANY | {"controller__node_events_per_s": 0.01}, "controller.node_events_per_s", "every 100 s"),
        (MANY | {"controller__sync_period_s": 200}, "controller.sync_period_s", "at least 120 s"),
        (
            {"controller__restart_at_s": 4, "pod__pre_stop_sleep_s": 20, "target_group__propagation_s": 1},
            "controller.restart_at_s",
            "in 22% of cases there is no controller for longer than the 20 s",
        ),
        (FIXED | {"aws_api__warm_up_s": 4}, "aws_api.warm_up_s", "has no effect"),
        (CANARY, "canary.ping_pong", "at the promotion the rule goes back"),
        (CANARY | ABORTED, "canary.ping_pong", "old targets replace the new ones in the canary"),
        (CANARY | ABORTED, "canary.abort_scale_down_delay_s", "with preStop a new pod serves for 3 s more; in 100%"),
        (
            CANARY | {"controller__aws_max_retries": 10},
            "canary.scale_down_delay_s",
            "serves for 30 s more; a call that is throttled again and again holds the rule up for as much as",
        ),
        (
            CANARY | {"target_group__propagation_s": 31},
            "canary.scale_down_delay_s",
            "in 100% of cases the rule takes lo",
        ),
        (
            {"disruption": "blue_green", "pod__pre_stop_sleep_s": 20, "controller__aws_max_retries": 10},
            "blue_green.scale_down_delay_s",
            "serves for 50 s more; a call that is throttled again and again holds the deregistration up",
        ),
        ({"target_group__deregistration_delay_s": 4000}, "target_group.deregistration_delay_s", "AWS takes 0 to 3600"),
        ({"target_group__idle_timeout_s": 5000}, "target_group.idle_timeout_s", "AWS takes 1 to 4000, not 5000"),
        ({"target_group__health_check__interval_s": 1}, "target_group.health_check.interval_s", "AWS takes 5 to 300"),
    ],
)
def test_what_is_unwise_is_said_with_its_reason(changes: dict[str, object], key: str, words: str) -> None:
    assert any(advice.key == key and words in advice.message for advice in advised(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"pod__pre_stop_sleep_s": 0, "pod__on_sigterm": "ignore"},
        {"pod__pre_stop_sleep_s": 0, "pod__serve_after_sigterm_s": 40},
        {"pod__pre_stop_sleep_s": 58, "pod__on_sigterm": "exit"},
        {"traffic__service_time_s": 30, "pod__on_sigterm": "exit"},
        {"traffic__service_time_s": 20},
        {"pod__serve_after_sigterm_s": 10},
        {"target_group__deregistration_delay_s": 5},
        HEALTH | {"pod__pre_stop_sleep_s": 30, "target_group__propagation_s": 10},
        {"deployment__max_surge": 0, "deployment__max_unavailable": 1},
        {"deployment__max_unavailable": "99%"},
        {"controller__version": "v1.1.5"},
        {"controller__aws_max_retries": 5},
        {"controller__aws_max_retries": 5, "controller__version": "v2.9"},
        {"controller__aws_max_retries": 0, "controller__version": "v2.8"},
        {"controller__aws_max_retries": 10, "aws_api__retryer": "botocore-standard"},
        FIXED | {"target_group__propagation_s": 0},
        {"controller__version": "v2.9.1", "pod__readiness_gate": True, "controller__aws_max_retries": 5},
        MANY,
        MANY | {"controller__node_events_per_s": 0.008, "controller__sync_period_s": 241},
        {"controller__restart_at_s": 4},
        DRAIN,
        {"kubernetes": {"version": "v1.26", "nodes": 4}},
        DRAIN | {"node_drain": {"pods_per_node": 7, "max_unavailable": "80%"}},
        {"target_group__deregistration_delay_s": 3600, "target_group__idle_timeout_s": 4000},
    ],
)
def test_what_is_just_beside_gets_no_advice(changes: dict[str, object]) -> None:
    assert advised(**changes) == []


def test_percentages_that_round_to_zero_are_no_zeros() -> None:
    changes = {"deployment__replicas": 3, "deployment__max_surge": 0, "deployment__max_unavailable": "25%"}
    assert advised(**changes) == []


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        (
            {"target_group__routing": "least_outstanding_requests", "pod__pre_stop_sleep_s": 0},
            "target_group.routing",
            "fewest outstanding requests",
        ),
        (
            {"pod__keep_alive_timeout_s": 5, "target_group__connection_reuse": True},
            "pod.keep_alive_timeout_s",
            "not above the ALB's idle timeout, 60 s",
        ),
        ({"pod__keep_alive_timeout_s": 5}, "pod.keep_alive_timeout_s", "has no effect without"),
        ({"pod__idle_connections_at_sigterm": "serve"}, "pod.idle_connections_at_sigterm", "has no effect without"),
        (
            {
                "pod__idle_connections_at_sigterm": "serve",
                "target_group__connection_reuse": True,
                "pod__on_sigterm": "exit",
            },
            "pod.idle_connections_at_sigterm",
            "has no effect without",
        ),
        (
            {"target_group__target_type": "instance", "controller__aws_max_retries": 3},
            "controller.aws_max_retries",
            "changes kube-proxy's rules alone",
        ),
        (
            {
                "target_group__target_type": "instance",
                "target_group__connection_reuse": True,
                "pod__on_sigterm": "exit",
            },
            "target_group.connection_reuse",
            "no preStop sleep keeps requests from the pod",
        ),
        ({"pod__accept": "prefork"}, "pod.accept", "has no effect without pod.concurrency"),
        ({"pod__concurrency": 1, "traffic__arrival_rate_rps": 1000}, "pod.concurrency", "queues grow without end"),
    ],
)
def test_requests_that_depend_on_each_other(changes: dict[str, object], key: str, words: str) -> None:
    assert any(advice.key == key and words in advice.message for advice in advised(**changes))


def test_the_projects_scenarios_are_advised_on_what_they_show() -> None:
    folder = Path(__file__).parents[2] / "scenarios"
    gree = dict(advise(load_scenario(folder / "gree-200-pods.yaml")))
    assert set(gree) == {"controller.version", "controller.aws_max_retries"}
    assert set(dict(advise(load_scenario(folder / "baseline.yaml")))) == {"pod.pre_stop_sleep_s"}


def test_advice_is_one_line() -> None:
    (advice,) = advise(WISE.with_overrides({"pod.pre_stop_sleep_s": 0}))
    assert str(advice).startswith("pod.pre_stop_sleep_s: no preStop sleep")
    assert "\n" not in str(advice)
