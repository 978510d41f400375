from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.aws.target_group import TargetGroup, TargetHealth
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import TargetDeregistered, TargetDrained, TargetHealthy, TargetRegistered, Trace
from sim.scenario.specs import TargetGroupSpec
from sim.streams import Stream, Streams


def _group(
    env, *, seed: int = 1, fails_checks_s: float = math.inf, **spec: object
) -> tuple[TargetGroup, list[Pod], Trace]:
    trace = Trace()
    pods = [Pod(number, env, number, is_new=False) for number in range(3)]
    target_group = TargetGroupSpec.model_validate(spec)
    simulation = Simulation(env, Streams(seed, 0), trace)
    deleted = pods if fails_checks_s < math.inf else []
    return TargetGroup(simulation, target_group, pods, lambda _: dict.fromkeys(deleted, fails_checks_s)), pods, trace


def test_a_deregistration_reaches_each_node_by_its_own_draw(make_env) -> None:
    env = make_env()
    group, pods, trace = _group(env, alb_nodes=2, deregistration_delay_s=120)
    env.run(until=50)
    group.deregister(pods[:2])
    assert [r.drain_deadline_s for r in trace.of(TargetDeregistered)] == [170, 170]
    left = [(r.node, r.pod) for r in trace.of(TargetDrained)]
    assert sorted(left) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    delays_s = [r.time_s - 50 for r in trace.of(TargetDrained)]
    assert len(set(delays_s)) == 4
    assert min(delays_s) > 0
    both, first = {pods[0]: 170, pods[1]: 170}, {pods[0]: 170}
    assert group.health() == TargetHealth(initial=set(), healthy={pods[2]}, unhealthy=set(), draining=both)
    assert group.health({pods[0]}) == TargetHealth(initial=set(), healthy=set(), unhealthy=set(), draining=first)
    env.run(until=170)
    assert not group.health().draining
    assert pods[0].deregistered.triggered
    assert not pods[2].deregistered.triggered


def test_a_target_is_registered_and_deregistered_once(make_env) -> None:
    """Of two calls, of a controller that died and of its successor, the second changes nothing."""
    env = make_env()
    group, pods, trace = _group(env)
    joining = Pod(3, env, 0, is_new=True)
    group.register([joining, pods[2]])
    env.run(until=4)
    health = group.health()
    group.register([joining])
    assert group.health() == health
    assert [record.pod for record in trace.of(TargetRegistered)] == [3]
    group.deregister(pods[:1])
    env.run(until=9)
    group.deregister(pods[:2])
    assert [(record.time_s, record.pod) for record in trace.of(TargetDeregistered)] == [(4, 0), (9, 1)]


def test_without_a_health_check_a_registered_target_is_healthy_at_once(make_env) -> None:
    env = make_env()
    group, pods, _ = _group(env, health_check=None)
    group.register([joining := Pod(3, env, 0, is_new=True)])
    assert group.health().healthy == {*pods, joining}


def test_without_a_health_check_a_registered_target_is_routable_at_once(make_env) -> None:
    env = make_env()
    group, _, trace = _group(env, alb_nodes=2, health_check=None)
    env.run(until=9)
    group.register([Pod(3, env, 0, is_new=True)])
    assert trace.of(TargetHealthy) == [TargetHealthy(9, 3, 0), TargetHealthy(9, 3, 1)]


@given(fails_s=st.floats(0, 100), interval_s=st.floats(5, 40), threshold=st.integers(2, 10), seed=st.integers(0, 5))
def test_unhealthy_at_the_last_of_so_many_failing_checks(
    make_env, fails_s: float, interval_s: float, threshold: int, seed: int
) -> None:
    check = {"interval_s": interval_s, "timeout_s": 2, "unhealthy_threshold": threshold}
    env, streams = make_env(), Streams(seed, 0)
    group, (pod, *_), _ = _group(env, seed=seed, fails_checks_s=fails_s, alb_nodes=2, health_check=check)
    unhealthy_s = group.unhealthy_from_s(pod, fails_s)
    assert len(unhealthy_s) == 2
    for node, node_s in enumerate(unhealthy_s):
        phase_s = interval_s * streams.generator(Stream.FIRST_HEALTH_CHECK, node, 0).random()
        checks_s = [phase_s + k * interval_s for k in range(60)]
        failing_s = [check_s for check_s in checks_s if check_s >= fails_s]
        assert node_s == pytest.approx(failing_s[threshold - 1])
    env.run(until=min(unhealthy_s) - 1e-6)
    assert pod in group.health().healthy
    env.run(until=min(unhealthy_s))
    assert pod in group.health().unhealthy


def test_a_target_that_fails_unasked_is_unhealthy_as_long_as_one_node_finds_it_so(make_env) -> None:
    env = make_env()
    check = {"interval_s": 20, "timeout_s": 2, "unhealthy_threshold": 2, "healthy_threshold": 3}
    group, (pod, *_), _ = _group(env, alb_nodes=2, health_check=check)
    group.outages = {pod: Outage(from_s=30, silent=False, until_s=90)}
    spells = group.unhealthy_spells(pod, group.outages[pod])
    firsts, lasts = zip(*spells, strict=True)
    assert max(firsts) - min(firsts) > 0.5
    assert max(lasts) - min(lasts) > 0.5
    for at_s, unhealthy in (
        (min(firsts) - 0.1, False),
        (min(firsts) + 0.1, True),
        (max(lasts) - 0.1, True),
        (max(lasts) + 0.1, False),
    ):
        env.run(until=at_s)
        assert (pod in group.health().unhealthy) == unhealthy


def test_what_nobody_checks_or_knows_is_never_unhealthy(make_env) -> None:
    env = make_env()
    group, pods, _ = _group(env, health_check=None)
    assert group.unhealthy_from_s(pods[0], 5.0) == []
    group, _, _ = _group(env)
    assert group.unhealthy_from_s(Pod(3, env, 0, is_new=True), 5.0) == []
