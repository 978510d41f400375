"""Oracle: the formulas of docs/facts/controller.md §3 written out, and for v1.1.0 to v1.1.2 the corrections to them.

G target groups, L listeners, H of them HTTPS, A addresses.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sim.control_plane.trace import EndpointRemoved, TargetDeregistered
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.control_plane.world import run_control_plane
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.control_plane.trace import Trace
    from sim.scenario.specs import Scenario

ALL = [f"v1.1.{patch}" for patch in range(10)]
UNCACHED = ALL[2:]
SHAPES = [(1, 2, 1), (3, 2, 0), (2, 5, 3)]


def _run(scenario: Scenario) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, 0))


def _reconciles(trace: Trace, cluster: int = 0) -> list[list[ApiAttempt]]:
    groups: dict[int, list[ApiAttempt]] = {}
    for attempt in trace.of(ApiAttempt):
        if attempt.cluster == cluster:
            groups.setdefault(attempt.reconcile, []).append(attempt)
    return list(groups.values())


def _finished(trace: Trace) -> list[list[ApiAttempt]]:
    """Return all reconciles but the one that the end of the replication cuts short."""
    return _reconciles(trace)[: len(trace.of(Reconciled))]


def _services(attempts: list[ApiAttempt]) -> Counter[str]:
    return Counter(attempt.action.split(":")[0] for attempt in attempts)


def _actions(attempts: list[ApiAttempt]) -> list[str]:
    return [attempt.action.split(":")[1] for attempt in attempts]


def _quiet(make_scenario, version: str, shape: tuple[int, int, int] = (1, 2, 1), replicas: int = 4) -> Scenario:
    """Return a rollout in an account without limits: a reconcile is its calls and no retry, and nothing resyncs."""
    target_groups, listeners, https_listeners = shape
    plenty = {"capacity": 1e6, "refill_per_s": 1e6}
    names = ("elbv2_describe", "elbv2_register", "elbv2_account", "waf_regional", "wafv2", "ec2", "tagging")
    return make_scenario(
        deployment__replicas=replicas,
        controller__version=version,
        controller__sync_period_s=0,
        controller__target_groups=target_groups,
        controller__listeners=listeners,
        controller__https_listeners=https_listeners,
        aws_api__buckets=dict.fromkeys(names, plenty),
    )


def _patch(version: str) -> int:
    return int(version.rsplit(".", 1)[1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("version", UNCACHED)
def test_calls_of_a_whole_reconcile(make_scenario, version: str, shape: tuple[int, int, int]) -> None:
    g, listeners, https = shape
    trace = _run(_quiet(make_scenario, version, shape))
    for number, attempts in enumerate(_finished(trace)):
        services, actions = _services(attempts), _actions(attempts)
        mutations = actions.count("RegisterTargets") + actions.count("DeregisterTargets")
        assert services["elasticloadbalancing"] == 4 + 4 * g + listeners + https + mutations
        old_shape = 1 + g + 4
        # The rolled backend has some 4 addresses, each other one 50: fewer than 199 together.
        new_shape = 5 + g + math.ceil((50 * (g - 1) + 4) / 199)
        assert services["ec2"] == (old_shape if version == "v1.1.2" else new_shape)
        assert services["tag"] == (3 if version == "v1.1.2" else 1)
        assert services["waf-regional"] == (1 if _patch(version) <= 4 or number == 0 else 0)
        assert services["wafv2"] == (1 if _patch(version) >= 7 and number == 0 else 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("version", UNCACHED)
def test_calls_before_deregister_targets(make_scenario, version: str, shape: tuple[int, int, int]) -> None:
    g = shape[0]
    trace = _run(_quiet(make_scenario, version, shape))
    seen = 0
    for number, attempts in enumerate(_reconciles(trace)):
        actions = _actions(attempts)
        if "DeregisterTargets" not in actions:
            continue
        seen += 1
        before = attempts[: actions.index("DeregisterTargets")]
        services = _services(before)
        assert services["elasticloadbalancing"] == 3 + 4 * g + ("RegisterTargets" in _actions(before))
        assert services["ec2"] == (1 + g if version == "v1.1.2" else 2 + g)
        assert services["tag"] == (2 if version == "v1.1.2" else 0)
        assert services["waf-regional"] == (1 if _patch(version) <= 4 or number == 0 else 0)
        assert services["wafv2"] == (1 if _patch(version) >= 7 and number == 0 else 0)
    assert seen >= 2


@pytest.mark.parametrize("version", ["v1.1.0", "v1.1.1"])
def test_the_sdk_cache_answers_what_no_write_has_flushed(make_scenario, version: str) -> None:
    first, second, *_ = _reconciles(_run(_quiet(make_scenario, version)))
    assert _services(first) == {"elasticloadbalancing": 4 + 4 + 2 + 1 + 1, "ec2": 1 + 4, "tag": 3, "waf-regional": 1}
    assert "DeregisterTargets" in _actions(first)
    # DeregisterTargets of the first flushed all reads of ELBv2 but those that came after it.
    assert set(_services(second)) == {"elasticloadbalancing"}
    reads = [action for action in _actions(second) if action.startswith("Describe")]
    assert reads[:7] == [
        "DescribeLoadBalancers",
        "DescribeTags",
        "DescribeLoadBalancerAttributes",
        "DescribeTargetGroups",
        "DescribeTags",
        "DescribeTargetGroupAttributes",
        "DescribeTargetHealth",
    ]


@pytest.mark.parametrize("version", ALL)
def test_register_comes_before_deregister(make_scenario, version: str) -> None:
    trace = _run(_quiet(make_scenario, version, replicas=20))
    both = [a for a in map(_actions, _reconciles(trace)) if {"RegisterTargets", "DeregisterTargets"} <= set(a)]
    assert both
    for actions in both:
        assert actions.index("RegisterTargets") < actions.index("DeregisterTargets")


def test_the_network_interfaces_of_many_addresses_are_read_in_chunks(make_scenario) -> None:
    trace = _run(_quiet(make_scenario, "v1.1.9", replicas=400))
    chunks = [_actions(attempts).count("DescribeNetworkInterfaces") for attempts in _finished(trace)]
    # 25 % surge and unavailability: between 300 and 500 addresses, at least 201 and at most 3 x 199 of them.
    assert set(chunks) <= {2, 3}


@pytest.mark.parametrize(("version", "touched"), [("v1.1.5", {0, 1, 2}), ("v1.1.6", {0})])
def test_what_an_endpoints_change_enqueues(make_scenario, version: str, touched: set[int]) -> None:
    scenario = _quiet(make_scenario, version).with_overrides({"controller.ingresses": 3})
    assert {reconciled.ingress for reconciled in _run(scenario).of(Reconciled)} == touched


@pytest.mark.parametrize("workers", [1, 3])
def test_workers(make_scenario, workers: int) -> None:
    scenario = _quiet(make_scenario, "v1.1.3", replicas=20).with_overrides(
        {"controller.ingresses": 6, "controller.max_concurrent_reconciles": workers}
    )
    done = _run(scenario).of(Reconciled)
    busy = most = 0
    for _, change in sorted([(r.time_s, 1) for r in done] + [(r.end_s, -1) for r in done]):
        busy += change
        most = max(most, busy)
    assert most == workers


def test_one_ingress_is_never_reconciled_twice_at_once(make_scenario) -> None:
    scenario = _quiet(make_scenario, "v1.1.4", replicas=20).with_overrides(
        {"controller.ingresses": 3, "controller.max_concurrent_reconciles": 3}
    )
    reconciled = _run(scenario).of(Reconciled)
    for ingress in range(3):
        spans = sorted((r.time_s, r.end_s) for r in reconciled if r.ingress == ingress)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_exhausted_retries_fail_the_reconcile_and_the_next_starts_from_the_first_call(make_scenario) -> None:
    scenario = make_scenario(
        deployment__replicas=2,
        deployment__max_surge=0,
        deployment__max_unavailable=1,
        controller__version="v1.1.4",
        controller__aws_max_retries=1,
        aws_api__latency_s=0.1,
        aws_api__buckets={"waf_regional": {"capacity": 1, "refill_per_s": 0.05}},
        endpoints__propagation_s=0,
        pod__startup_s=5,
    )
    trace = _run(scenario)
    reconciles, done = _reconciles(trace), trace.of(Reconciled)
    failed = [r for r in done if r.error]
    assert failed
    assert {r.error for r in failed} == {"waf-regional:GetWebACLForResource"}
    for record in failed:
        attempts = reconciles[record.reconcile]
        assert [a.attempt for a in attempts if a.throttled] == [0, 1]
        assert "DeregisterTargets" not in _actions(attempts)
        assert _actions(attempts)[0] == "DescribeSubnets"
        following = reconciles[record.reconcile + 1]
        # The worker pauses 1 s; the item's own delay (5 ms doubling) is over by then for the first failures.
        assert following[0].time_s - record.end_s == pytest.approx(1.0)


def test_throttled_tagging_is_retried_only_by_the_later_sdk(make_scenario) -> None:
    for version, error in (("v1.1.4", "tag:GetResources"), ("v1.1.5", None)):
        scenario = make_scenario(
            deployment__replicas=8,
            controller__version=version,
            aws_api__buckets={"tagging": {"capacity": 1, "refill_per_s": 0.3}},
        )
        assert error in {r.error for r in _run(scenario).of(Reconciled)}
        assert ({r.error for r in _run(scenario).of(Reconciled)} == {None}) == (error is None)


def test_every_removed_endpoint_is_deregistered_by_a_reconcile_that_began_its_target_group_after_it(
    make_scenario,
) -> None:
    trace = _run(_quiet(make_scenario, "v1.1.9", replicas=20))
    removed_s = {record.pod: record.time_s for record in trace.of(EndpointRemoved)}
    reconciles = _reconciles(trace)
    for deregistered in trace.of(TargetDeregistered):
        attempts = next(a for a in reconciles if a[0].time_s <= deregistered.time_s <= a[-1].time_s + a[-1].latency_s)
        vpcs = next(a for a in attempts if a.action == "ec2:DescribeVpcs")
        assert removed_s[deregistered.pod] <= vpcs.time_s
    assert len(trace.of(TargetDeregistered)) == 20
