"""Oracle: t_TERM = min(preStop, G); t_KILL = t_TERM + max(2, G - floor(min(preStop, G))); after the deletion."""

from __future__ import annotations

import pytest

from sim.control_plane.kubernetes.kubelet import Kubelet, termination
from sim.control_plane.kubernetes.pod import Pod
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import PodReady, Trace
from sim.scenario.specs import KubernetesSpec, PodSpec
from sim.streams import Streams

DELETED_S = 100.0


def _terminated(**pod: object) -> tuple[float, float, float, float]:
    """Give SIGTERM, listener's close, process's cut and failing checks, in seconds after the deletion."""
    end = termination(PodSpec.model_validate(pod), DELETED_S)
    return tuple(time_s - DELETED_S for time_s in (end.sigterm_s, end.listener_closed_s, end.cut_s, end.fails_checks_s))


@pytest.mark.parametrize(
    ("pre_stop_s", "grace_s", "sigterm_s", "sigkill_s"),
    [
        (0, 30, 0, 30),
        (10, 30, 10, 30),
        (10.9, 30, 10.9, 30.9),  # whole seconds of preStop are deducted
        (28, 30, 28, 30),
        (29.5, 30, 29.5, 31.5),  # never less than two seconds
        (30, 30, 30, 32),
        (45, 30, 30, 32),  # the hook is not waited for beyond the grace period
    ],
)
def test_sigterm_and_sigkill(pre_stop_s: float, grace_s: float, sigterm_s: float, sigkill_s: float) -> None:
    settings = {"pre_stop_sleep_s": pre_stop_s, "termination_grace_period_s": grace_s}
    ignores = _terminated(**settings, on_sigterm="ignore")
    assert ignores == pytest.approx((sigterm_s, sigkill_s, sigkill_s, sigkill_s))
    drains = _terminated(**settings, on_sigterm="drain")
    assert drains == pytest.approx((sigterm_s, sigterm_s, sigkill_s, sigterm_s))
    exits = _terminated(**settings, on_sigterm="exit")
    assert exits == pytest.approx((sigterm_s, sigterm_s, sigterm_s, sigterm_s))


def test_a_server_that_goes_on_accepting_after_sigterm() -> None:
    settings = {"pre_stop_sleep_s": 10, "termination_grace_period_s": 30, "serve_after_sigterm_s": 5}
    assert _terminated(**settings, on_sigterm="exit") == pytest.approx((10, 15, 15, 15))
    assert _terminated(**settings, on_sigterm="drain") == pytest.approx((10, 15, 30, 15))
    long = settings | {"serve_after_sigterm_s": 500}
    assert _terminated(**long, on_sigterm="drain") == pytest.approx((10, 30, 30, 30))


def test_failing_checks_from_pre_stop_on() -> None:
    settings = {"pre_stop_sleep_s": 10, "termination_grace_period_s": 30, "pre_stop_fails_health_check": True}
    assert _terminated(**settings) == pytest.approx((10, 10, 10, 0))


def test_the_address_is_gone_once_the_sandbox_is() -> None:
    spec = PodSpec(pre_stop_sleep_s=10, termination_grace_period_s=30, on_sigterm="drain", sandbox_teardown_s=1.5)
    assert termination(spec, DELETED_S).gone_s == DELETED_S + 10 + 20 + 1.5


def test_start(make_env) -> None:
    env, trace = make_env(), Trace()
    spec = PodSpec(startup_s={"dist": "constant", "value": 12.5})
    kubelet = Kubelet(Simulation(env, Streams(1, 0), trace), spec, KubernetesSpec())
    one = Pod(7, env, 0, is_new=True)
    env.process(kubelet.start(one))
    env.run()
    assert trace.of(PodReady) == [PodReady(12.5, 7)]
    assert one.ready.triggered


@pytest.mark.parametrize(("startup_s", "address_s"), [(12.5, 2.0), (1.5, 1.5)])
def test_the_address_comes_with_the_container_and_not_after_readiness(make_env, startup_s, address_s) -> None:
    env = make_env()
    spec, one = PodSpec(startup_s=startup_s), Pod(7, env, 0, is_new=True)
    kubelet = Kubelet(Simulation(env, Streams(1, 0), Trace()), spec, KubernetesSpec())
    env.process(kubelet.start(one))
    env.run(until=one.has_address)
    assert env.now == address_s


def test_a_pod_fails_its_checks_once_it_is_deleted_and_no_longer_serves(make_env) -> None:
    env = make_env()
    spec = PodSpec(pre_stop_sleep_s=10, termination_grace_period_s=30)
    kubelet, one = (
        Kubelet(Simulation(env, Streams(1, 0), Trace()), spec, KubernetesSpec()),
        Pod(0, env, 0, is_new=False),
    )
    assert kubelet.fails_checks_s([one]) == {}
    one.deleted.succeed(DELETED_S)
    assert kubelet.fails_checks_s([one]) == {one: DELETED_S + 10}


def _told_ready_s(make_env, kubernetes: KubernetesSpec, n_pods: int, **pod: object) -> list[float]:
    """Return when the API server knows so many pods, created at once, to be Ready."""
    env = make_env()
    kubelet = Kubelet(
        Simulation(env, Streams(1, 0), Trace()), PodSpec.model_validate({"startup_s": 3, **pod}), kubernetes
    )
    pods = [Pod(number, env, number, is_new=True) for number in range(n_pods)]
    told_s = []
    for one in pods:
        env.process(kubelet.start(one))
        one.ready.callbacks.append(lambda _: told_s.append(env.now))
    env.run()
    return told_s


@pytest.mark.parametrize(("version", "measured_s"), [("v1.21", 67.5), ("v1.26", 32.8)])
def test_a_hundred_pods_on_a_node_take_about_as_long_as_on_eks(make_env, version: str, measured_s: float) -> None:
    """Measured with kubeAPIQPS 5 and 10 on an EKS node (awslabs/amazon-eks-ami, pull request 1030)."""
    told_s = _told_ready_s(make_env, KubernetesSpec(version=version, nodes=1), 100)
    assert max(told_s) == pytest.approx(measured_s, rel=0.25)


def test_a_status_write_takes_two_calls_of_its_nodes_kubelet(make_env) -> None:
    """3 pods on a node: 6 calls at 2 s empty a burst of 6; at 3 s there are 2 tokens, a pod's, then one a second."""
    kubernetes = KubernetesSpec(nodes=1, kubelet_api_qps=2, kubelet_api_burst=6)
    assert _told_ready_s(make_env, kubernetes, 3) == pytest.approx([3, 4, 5])
    spread = KubernetesSpec(nodes=3, kubelet_api_qps=2, kubelet_api_burst=6)
    assert _told_ready_s(make_env, spread, 3) == [3, 3, 3]
    assert _told_ready_s(make_env, KubernetesSpec(kubelet_api_burst=1), 3) == [3, 3, 3]


@pytest.mark.parametrize(
    ("version", "qps", "burst"),
    [("v1.21", 5, 10), ("v1.22", 10, 20), ("v1.26", 10, 20), ("v1.27", 50, 100), ("v1.36", 50, 100)],
)
def test_the_kubelets_limits_follow_the_version(version: str, qps: float, burst: int) -> None:
    kubernetes = KubernetesSpec(version=version)
    assert (kubernetes.kubelet_api_qps, kubernetes.kubelet_api_burst) == (qps, burst)
    assert KubernetesSpec(version=version, kubelet_api_qps=7).kubelet_api_qps == 7
