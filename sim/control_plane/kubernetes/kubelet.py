"""The kubelet: it starts a pod's containers, and it terminates them.

Modelled, the start:
- One delay leads to "containers ready" (image, start, readiness probe, and scheduling where no `nodes` are given). The
  pod has an address after the median time from scheduling to a started container.
- A pod whose containers are ready by then has both in its first status, which is one write.
- A pod with a readiness gate is Ready when the gate is set, not before.

Modelled, the termination:
- The grace clock starts when the pod is deleted, and preStop runs within it.
- SIGTERM comes when preStop ends or the grace period has elapsed.
- SIGKILL comes when the rest of the grace period has elapsed after SIGTERM. That rest is reduced by whole seconds of
  preStop, but is never under two. A preStop as long as the grace period ends in SIGKILL two seconds later.

Modelled, where `nodes` or `kubernetes.nodes` is given:
- The pods of a node share its kubelet's client. Each status write is a GET and a PATCH, which wait for tokens. A pod
  has up to three: it has an address, its containers are ready, its gate is set.
- With 100 pods at once on a node that makes 400 calls until all are ready. On EKS nodes it took 350 (67.5 s at 5 calls
  per second, 32.8 s at 10).

Left out:
- other requests of these clients. Token requests come to as much as is saved where two status writes become one;
- the writes of terminating pods;
- the kubelet's delay in seeing the deletion (no delay is the worst case for the pod);
- single probes, several containers, sidecars.

Sources: killContainer in pkg/kubelet/kuberuntime/kuberuntime_container.go@fbba6b47 (docs/facts/kubernetes.md §1);
syncPod in pkg/kubelet/status/status_manager.go@fde2d3c4; awslabs/amazon-eks-ami pull request 1030 (the measured times).
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from sim.control_plane.clock import come_now
from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.simulation import call_when
from sim.control_plane.token_bucket import TokenBucket
from sim.control_plane.trace import PodReady, ReadinessGateOpened
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import simpy

    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import KubernetesSpec, PodSpec

MINIMUM_GRACE_PERIOD_S = 2.0
ADDRESS_AFTER_S = 2.0
"""Median from scheduling to a started container (docs/facts/kubernetes.md §8)."""


class Kubelet:
    """The kubelets of all nodes, together: what happens to one pod does not depend on other pods."""

    def __init__(
        self,
        simulation: Simulation,
        spec: PodSpec,
        kubernetes: KubernetesSpec,
        node_of: Callable[[Pod], int] | None = None,
    ) -> None:
        """Make the kubelets. `node_of` returns a started pod's node, where the scheduler knows it."""
        self._env = env = simulation.env
        self._spec = spec
        self._trace = simulation.trace
        self._startup_s = PodDraws(simulation.streams, spec.startup_s, Stream.POD_STARTUP)
        n_nodes = kubernetes.nodes
        self._node_of = node_of or (None if n_nodes is None else lambda pod: pod.ordinal % n_nodes)
        burst, qps = kubernetes.kubelet_api_burst, kubernetes.kubelet_api_qps
        self._clients: defaultdict[int, TokenBucket] = defaultdict(lambda: TokenBucket(burst, qps, at_s=env.now))

    def start(self, pod: Pod) -> Generator[simpy.Event]:
        """Bring a created pod to readiness."""
        startup_s = self._startup_s[pod]
        is_first_status_ready = startup_s <= ADDRESS_AFTER_S
        if not is_first_status_ready:
            yield self._env.timeout(ADDRESS_AFTER_S)
            if self._node_of is not None:
                call_when(self._written(pod, self._node_of), partial(come_now, pod.has_address))
            else:
                come_now(pod.has_address)
        yield self._env.timeout(startup_s if is_first_status_ready else startup_s - ADDRESS_AFTER_S)
        self._trace.record(PodReady(self._env.now, pod.number))
        yield from self._write_status(pod)
        come_now(pod.containers_ready)
        if is_first_status_ready:
            come_now(pod.has_address)
        if self._spec.readiness_gate:
            yield pod.gate_opened
            self._trace.record(ReadinessGateOpened(self._env.now, pod.number))
            yield from self._write_status(pod)
        come_now(pod.ready)

    def _write_status(self, pod: Pod) -> Generator[simpy.Event]:
        """Wait until the API server has a pod's status, if writes take time."""
        if self._node_of is not None:
            yield self._written(pod, self._node_of)

    def _written(self, pod: Pod, node_of: Callable[[Pod], int]) -> simpy.Event:
        """Write a pod's status: a GET and a PATCH, through the client of the pod's node.

        Return when the status is written.
        """
        client = self._clients[node_of(pod)]
        client.take(self._env.now)
        return self._env.timeout(client.reserve(self._env.now))

    def fails_checks_s(self, pods: Iterable[Pod]) -> dict[Pod, float]:
        """Return when those of these pods that have been deleted begin to fail the load balancer's checks."""
        return {pod: self.termination(pod).fails_checks_s for pod in pods if pod.deleted.triggered}

    def termination(self, pod: Pod) -> Termination:
        """Return how a deleted pod ends."""
        return termination(self._spec, cast("float", pod.deleted.value))


class Termination(NamedTuple):
    """When a deleted pod ends, in seconds since the start of the rollout.

    `sigterm_s`: SIGTERM is sent. `listener_closed_s`: new connections are refused from here on. `cut_s`: whatever still
    runs is cut. `fails_checks_s`: the load balancer's health checks of the pod fail from here on. `gone_s`: the pod's
    sandbox is stopped and its phase terminal (for a draining pod: at the latest).
    """

    sigterm_s: float
    listener_closed_s: float
    cut_s: float
    fails_checks_s: float
    gone_s: float


def termination(spec: PodSpec, deleted_s: float) -> Termination:
    """Return how a pod ends that is deleted at `deleted_s`, which depends on nothing but these arguments."""
    slept_s = min(spec.pre_stop_sleep_s, spec.termination_grace_period_s)
    closes_s, cut_s = _after_sigterm(spec, slept_s)
    sigterm_s = deleted_s + slept_s
    listener_closed_s = sigterm_s + closes_s
    return Termination(
        sigterm_s=sigterm_s,
        listener_closed_s=listener_closed_s,
        cut_s=sigterm_s + cut_s,
        fails_checks_s=deleted_s if spec.pre_stop_fails_health_check else listener_closed_s,
        gone_s=sigterm_s + cut_s + spec.sandbox_teardown_s,
    )


def _after_sigterm(spec: PodSpec, slept_s: float) -> tuple[float, float]:
    """Return the seconds from SIGTERM until the listener closes, and until whatever still runs is cut."""
    sigkill_s = max(MINIMUM_GRACE_PERIOD_S, spec.termination_grace_period_s - math.floor(slept_s))
    if spec.on_sigterm == "ignore":
        return sigkill_s, sigkill_s
    closes_s = min(spec.serve_after_sigterm_s, sigkill_s)
    return closes_s, (closes_s if spec.on_sigterm == "exit" else sigkill_s)
