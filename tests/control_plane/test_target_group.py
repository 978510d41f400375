from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.control_plane.pod import Pod
from sim.control_plane.target_group import TargetGroup
from sim.control_plane.trace import TargetDeregistered, TargetDrained, TargetHealthy, TargetUnhealthy, Trace
from sim.scenario.specs import TargetGroupSpec
from sim.streams import Stream, Streams


def _group(env, **spec: object) -> tuple[TargetGroup, list[Pod], Trace]:
    trace = Trace()
    pods = [Pod(number, env, number, is_new=False) for number in range(3)]
    return TargetGroup(env, TargetGroupSpec.model_validate(spec), Streams(1, 0), trace, pods), pods, trace


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
    assert group.health() == {pods[0]: "draining", pods[1]: "draining", pods[2]: "healthy"}
    assert pods[0].deregistered.triggered
    assert not pods[2].deregistered.triggered


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
    env, trace, streams = make_env(), Trace(), Streams(seed, 0)
    check = {"interval_s": interval_s, "timeout_s": 2, "unhealthy_threshold": threshold}
    spec = TargetGroupSpec.model_validate({"alb_nodes": 2, "health_check": check})
    pod = Pod(0, env, 0, is_new=False)
    TargetGroup(env, spec, streams, trace, [pod])
    env.run(until=env.timeout(fails_s))
    pod.fails_checks.succeed()
    env.run()
    for record in trace.of(TargetUnhealthy):
        phase_s = interval_s * streams.generator(Stream.FIRST_HEALTH_CHECK, record.node, 0).random()
        checks_s = [phase_s + k * interval_s for k in range(60)]
        failing_s = [check_s for check_s in checks_s if check_s >= fails_s]
        assert record.time_s == pytest.approx(failing_s[threshold - 1])
