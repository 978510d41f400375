"""kube-proxy on the worker nodes, where these are the ALB's targets (`target_group.target_type: instance`).

The ALB sends to a NodePort of any worker node. That node's kube-proxy passes a new connection on to a random ready
endpoint, anywhere in the cluster. A rolling update changes no target, only every kube-proxy's rules.

Modelled:
- A pod joins a worker node's rules `kube_proxy_sync_s` after its endpoint is added, and leaves them as long after the
  endpoint is removed. Each pod and worker node has a draw of its own.
- There is no deregistration delay: requests in flight go on until the pod ends.
- A rollout involves no AWS call, so no controller is simulated. Nodes that are drained are (`instance_targets`).
- Instance targets have no readiness gate: it opens at once.
- Pooled connections stay with their pod, whatever the rules say (`sim.data_plane.kube_proxy_rules`).

Left out:
- `externalTrafficPolicy: Local`;
- the ALB's health checks of the worker nodes, which any pod answers;
- rules of ipvs and nftables that change at other times;
- terminating endpoints that go on serving where none is ready (KEP-1669).

Sources: docs/facts/kubernetes.md §2 (instance mode, NodePort: rules affect new connections only).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.control_plane.trace import TargetDeregistered, TargetDrained, TargetHealthy, TargetRegistered
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator

    import simpy

    from sim.control_plane.kubernetes.endpoints import Endpoints
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import TargetGroupSpec


class KubeProxies:
    """The kube-proxies of all worker nodes. In the trace a worker node takes the place of an ALB node."""

    def __init__(self, simulation: Simulation, spec: TargetGroupSpec, endpoints: Endpoints) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        self._endpoints = endpoints
        self._known = set(endpoints.addresses)
        self._syncs_after_s = [
            PodDraws(simulation.streams, spec.kube_proxy_sync_s, Stream.KUBE_PROXY_SYNC, node)
            for node in range(spec.instances)
        ]
        self._removed_s: dict[Pod, list[float]] = {}
        endpoints.watchers.append(self._sync)

    def follow(self, pod: Pod) -> Generator[simpy.Event]:
        """Open a new pod's readiness gate, if it has one, as soon as its containers are ready."""
        if pod.is_new:
            yield pod.containers_ready
            pod.gate_opened.succeed()

    def sent_until_s(self, pod: Pod) -> list[float]:
        """Return when each worker node stops sending to a deleted pod, `inf` if the node has not heard of it yet."""
        return self._removed_s.get(pod, [math.inf] * len(self._syncs_after_s))

    def _sync(self, pod: Pod) -> None:
        """Record a change of the Endpoints, for each worker node at its own time."""
        now_s = self._env.now
        is_ready, was_ready = pod in self._endpoints.addresses, pod in self._known
        if is_ready and not was_ready:
            self._known.add(pod)
            self._trace.record(TargetRegistered(now_s, pod.number))
            for node, after_s in enumerate(self._syncs_after_s):
                self._trace.record(TargetHealthy(now_s + after_s[pod], pod.number, node))
        elif was_ready and not is_ready:
            self._known.remove(pod)
            self._trace.record(TargetDeregistered(now_s, pod.number, math.inf))
            self._removed_s[pod] = [now_s + after_s[pod] for after_s in self._syncs_after_s]
            for node, removed_s in enumerate(self._removed_s[pod]):
                self._trace.record(TargetDrained(removed_s, pod.number, node))
            pod.deregistered.succeed()
