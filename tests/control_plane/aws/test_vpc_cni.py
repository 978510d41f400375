"""Oracles: the closed form of `albsim addresses`, arithmetic of subnets, and the kubelet's retries."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.capacity.plan import Plan
from sim.control_plane.trace import PodReady, RolloutComplete, Trace
from sim.control_plane.trace.nodes import PodScheduled, RolloutStalled, SandboxFailed, SubnetFull, SubnetHeld
from sim.control_plane.world import run_control_plane
from sim.scenario.problems import ScenarioError
from sim.scenario.specs import Scenario
from sim.streams import Streams


def _scenario(replicas: int, nodes: dict[str, Any], cni: dict[str, Any], **others: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "test",
            "traffic": {"arrival_rate_rps": 10},
            "deployment": {"replicas": replicas},
            "pod": {"startup_s": 12},
            "controller": {"version": "fixed_lag", "deregistration_lag_s": 1},
            "nodes": nodes,
            "vpc_cni": cni,
        }
    ).with_overrides({key.replace("__", "."): value for key, value in others.items()})


def _trace(scenario: Scenario) -> Trace:
    return run_control_plane(scenario, Streams(scenario.seed, 0))


def _held(trace: Trace, zones: int, until_s: float) -> list[int]:
    held = [0] * zones
    for record in trace.of(SubnetHeld):
        if record.time_s <= until_s:
            held[record.zone] = record.held
    return held


TALK = {"instance_type": "c5.4xlarge", "count": 65}


@pytest.mark.parametrize(("zones", "held"), [(2, [33 * 60, 32 * 60]), (3, [22 * 60, 22 * 60, 21 * 60])])
def test_the_talks_subnets(zones: int, held: list[int]) -> None:
    trace = _trace(_scenario(200, TALK | {"zones": zones}, {}))
    assert _held(trace, zones, -1) == held
    assert not trace.of(SubnetFull)
    assert not trace.of(SandboxFailed)


def test_in_one_zone_the_talks_nodes_lack_their_second_interface_and_no_pod_waits() -> None:
    """65 nodes take 30 addresses each; of the 93 that are left three nodes take their second interface (facts §1)."""
    trace = _trace(_scenario(200, TALK | {"zones": 1}, {}))
    assert _held(trace, 1, 1e9) == [65 * 30 + 3 * 30]
    assert len({full.node for full in trace.of(SubnetFull)}) == 65 - 3
    assert trace.of(RolloutComplete)
    assert not trace.of(SandboxFailed)


def test_no_address_no_end() -> None:
    """A /28 has 11 addresses; two nodes' own leave 9 for the 9 pods, and none for the surge."""
    nodes = {"instance_type": "c5.large", "count": 2, "zones": 1, "daemonset_pods": 2}
    trace = _trace(
        _scenario(9, nodes, {"warm_ip_target": 1, "subnet_prefix_length": 28}, deployment__max_unavailable=0)
    )
    (stalled,) = trace.of(RolloutStalled)
    assert stalled.pending == 0
    assert len(stalled.without_address) == 3, "max_surge is 25 %, rounded up"
    assert not trace.of(PodReady)
    for pod in {failed.pod for failed in trace.of(SandboxFailed)}:
        failed_s = [failed.time_s for failed in trace.of(SandboxFailed) if failed.pod == pod]
        assert failed_s[0] == next(bound.time_s for bound in trace.of(PodScheduled) if bound.pod == pod)
        assert all(10 <= later - earlier <= 15 for earlier, later in pairwise(failed_s))


def test_a_subnet_gives_whole_interfaces() -> None:
    """An interface of c5.large takes its own address and nine more, and without a warm target it is full at once."""
    nodes = {"instance_type": "c5.large", "count": 3, "daemonset_cpu_m": 0}
    records = _trace(_scenario(15, nodes, {}, deployment__max_surge="100%")).of(SubnetHeld)
    before, during = ([r.held for r in records if (r.time_s > 0) is later] for later in (False, True))
    assert max(during) > max(before)
    assert not any(n % 10 for n in during)


def test_a_full_subnet_is_asked_again_after_two_minutes() -> None:
    """c5.large: each node has an interface of 10; of the 7 that are left in a /27 none gets a second one."""
    nodes = {"instance_type": "c5.large", "count": 2, "zones": 1, "daemonset_pods": 2}
    trace = _trace(_scenario(4, nodes, {"subnet_prefix_length": 27}, deployment__max_unavailable=0, pod__startup_s=700))
    for node in (0, 1):
        asked_s = [full.time_s for full in trace.of(SubnetFull) if full.node == node]
        assert len(asked_s) > 5
        assert [later - earlier for earlier, later in pairwise(asked_s)] == pytest.approx([120] * (len(asked_s) - 1))


def test_subnets_too_small_from_the_start_are_refused() -> None:
    with pytest.raises(ScenarioError, match="an address before the disruption"):
        _trace(_scenario(20, {"instance_type": "c5.large", "count": 2, "zones": 1}, {"subnet_prefix_length": 28}))


CNIS = st.one_of(
    st.just({}),
    st.builds(
        lambda warm, least: {"warm_ip_target": warm, "minimum_ip_target": least}, st.integers(1, 8), st.integers(0, 12)
    ),
    st.builds(lambda warm: {"prefix_delegation": True, "warm_prefix_target": warm}, st.integers(1, 2)),
)


@settings(max_examples=25)
@given(
    name=st.sampled_from(["t3.small", "c5.large", "c5.xlarge"]),
    cni=CNIS,
    replicas=st.integers(1, 12),
    count=st.integers(1, 4),
    zones=st.integers(1, 3),
    length=st.sampled_from([22, 26, 27, 28]),
    unavailable=st.integers(0, 3),
)
def test_no_subnet_gives_what_it_has_not_and_pools_end_as_the_closed_form_says(
    name: str, cni: dict[str, Any], replicas: int, count: int, zones: int, length: int, unavailable: int
) -> None:
    nodes = {"instance_type": name, "count": count, "zones": zones, "daemonset_pods": 2}
    places = {"t3.small": 9, "c5.large": 27, "c5.xlarge": 56}[name] * count
    scenario = _scenario(
        min(replicas, places // 2),
        nodes,
        cni | {"subnet_prefix_length": length},
        deployment__max_unavailable=unavailable,
    )
    try:
        trace = _trace(scenario)
    except ScenarioError:
        return
    usable = 2 ** (32 - length) - 5
    assert all(0 <= record.held <= usable for record in trace.of(SubnetHeld))
    if length == 22:
        placed = [bound.node for bound in trace.of(PodScheduled) if bound.time_s < 0]
        per_node = [Plan(scenario.nodes, scenario.vpc_cni, placed.count(node)).held_per_node for node in range(count)]
        assert sum(_held(trace, zones, -1)) == sum(per_node)
