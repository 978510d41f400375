"""The ALB Ingress Controller v1.1.0 to v1.1.9 (aws-alb-ingress-controller), target type `ip`.

The real thing: one work queue of ingresses and its workers; whatever changes, an ingress is reconciled as a whole, by
a fixed sequence of AWS API calls in which RegisterTargets and then DeregisterTargets of its target groups come last
but one.
Modelled: the sequence of each version, its caches, which ingresses an Endpoints change, a node event and a resync
enqueue, workers, the requeue of a failed reconcile and the worker's pause after it, and the polling for readiness gates
(`gate_poller_v1`). The
ingress's AWS resources exist and do not drift; subnets are discovered, the security group is managed, certificates are
annotated; the rolled Service is the last backend of its ingress, which is the worst place.
Left out: the opt-in SDK cache of v1.1.6 and later, Shield, ACM, rules that change, paging of more than 199 addresses
elsewhere than in DescribeNetworkInterfaces.
Sources: internal/alb/** and internal/ingress/controller/handlers of each version, cmd/options.go for the sync period
(docs/facts/controller.md §2 and §3). Two points differ from those facts, after the
files themselves: up to v1.1.2 subnets are discovered through two tag:GetResources calls (internal/aws/rgt.go before
commit 32ca4ad750cd), and the endpoints are read before DescribeVpcs and DescribeTargetHealth
(internal/alb/tg/targets.go @1aba9e51f6e0), so that a pod deleted while one of these is retried waits for the next
reconcile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sim.control_plane.aws.aws_api import ThrottledError
from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.gate_poller_v1 import GatePoller
from sim.control_plane.controllers.work_queue import WorkQueue
from sim.control_plane.trace import Reconciled
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_api import AwsClient
    from sim.control_plane.controllers.ingress import Backend, Ingress
    from sim.control_plane.trace import Trace
    from sim.scenario.specs import ControllerSpec
    from sim.streams import Streams

SYNC_PERIOD_S = 3600.0
WORKER_PAUSE_S = 1.0
ADDRESSES_PER_CALL = 199
WAF_CACHE_S = 600.0
SDK_CACHE_S = 300.0
SDK_CACHE_TAGGING_S = 3600.0

T = TypeVar("T")

TAGGING = "tag:GetResources"
WAF_REGIONAL = "waf-regional:GetWebACLForResource"
WAFV2 = "wafv2:GetWebACLForResource"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What differs between the versions."""

    caches_sdk_reads: bool
    tags_name_subnets: bool
    describes_vpcs: bool
    security_group_first: bool
    caches_waf: bool
    asks_wafv2: bool
    enqueues_namespace: bool
    enqueues_on_containers_ready: bool
    enqueues_on_cordon: bool


def behaviour(version: str) -> Behaviour:
    """Return what a version `v1.1.N` does (docs/facts/controller.md §3, "By version")."""
    patch = int(version.removeprefix("v1.1."))
    return Behaviour(
        caches_sdk_reads=patch <= 1,
        tags_name_subnets=patch <= 2,
        describes_vpcs=patch >= 2,
        security_group_first=patch >= 3,
        caches_waf=patch >= 5,
        enqueues_namespace=patch <= 5,
        asks_wafv2=patch >= 7,
        enqueues_on_containers_ready=patch >= 7,
        enqueues_on_cordon=patch >= 6,
    )


def read_lifetime_s(behaves: Behaviour) -> Callable[[str], float]:
    """Return how long the version keeps the answer to a read."""

    def lifetime_s(action: str) -> float:
        if behaves.caches_sdk_reads:
            return SDK_CACHE_TAGGING_S if action == TAGGING else SDK_CACHE_S
        return WAF_CACHE_S if behaves.caches_waf and action in (WAF_REGIONAL, WAFV2) else 0.0

    return lifetime_s


class IngressControllerV1:
    """One process of a cluster's controller; `reconciles` numbers its reconciles, through all of them."""

    resyncing_informers = 2
    """That of the ingresses and that of the Services, whose handlers enqueue on every update."""

    def __init__(
        self,
        env: simpy.Environment,
        spec: ControllerSpec,
        client: AwsClient,
        streams: Streams,
        trace: Trace,
        ingresses: Sequence[Ingress],
        reconciles: Iterator[int],
        *,
        cluster: int,
    ) -> None:
        self._env = env
        self._spec = spec
        self._client = client
        self._trace = trace
        self._ingresses = ingresses
        self._cluster = cluster
        self._behaves = behaviour(spec.version)
        self._cache = CallCache(env, read_lifetime_s(self._behaves))
        self._queue: WorkQueue[int] = WorkQueue(env)
        self._pollers = {
            (ingress.number, position): GatePoller(env, client, backend, backend.gates)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
            if backend.gates is not None
        }
        self._reconciles = reconciles
        self._order = streams.generator(Stream.ENQUEUE_ORDER, cluster)
        self.sync_period_s = SYNC_PERIOD_S if spec.sync_period_s is None else spec.sync_period_s

    def on_endpoints_change(self, ingress: Ingress, _position: int) -> None:
        """Enqueue what the change of one of the ingress's Services enqueues."""
        if self._behaves.enqueues_namespace:
            self.enqueue_all()
        else:
            self._queue.add(ingress.number)

    def on_containers_ready(self, ingress: Ingress, _position: int) -> None:
        """Enqueue the ingress, from v1.1.7 on; before, nothing tells the controller."""
        if self._behaves.enqueues_on_containers_ready:
            self._queue.add(ingress.number)

    def on_cordon(self) -> None:
        """Enqueue every ingress of the cluster, from v1.1.6 on; before, the handler of a node's update does nothing."""
        if self._behaves.enqueues_on_cordon:
            self.enqueue_all()

    def on_node_event(self) -> None:
        """Enqueue every ingress of the cluster, also those whose targets are no nodes."""
        self.enqueue_all()

    def enqueue_all(self) -> None:
        """Enqueue every ingress of the cluster, in an order by chance."""
        for place in self._order.permutation(len(self._ingresses)).tolist():
            self._queue.add(self._ingresses[place].number)

    def on_resync(self, _informer: int) -> None:
        """Enqueue every ingress of the cluster, whichever informer resyncs."""
        self.enqueue_all()

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return its workers, to be run."""
        return [self._work() for _ in range(self._spec.max_concurrent_reconciles)]

    def stop(self) -> None:
        """End the polling for readiness gates."""
        for poller in self._pollers.values():
            poller.stop()

    def _work(self) -> Generator[simpy.Event]:
        while True:
            number = yield from self._queue.get()
            error = yield from self._reconcile_traced(self._ingresses[number])
            if error is None:
                self._queue.forget(number)
            else:
                self._queue.add_rate_limited(number)
            self._queue.done(number)
            if error is not None:
                yield self._env.timeout(WORKER_PAUSE_S)

    def _reconcile_traced(self, ingress: Ingress) -> Generator[simpy.Event, None, str | None]:
        began_s, reconcile, error = self._env.now, next(self._reconciles), None
        try:
            yield from self._reconcile(ingress, reconcile)
        except ThrottledError as throttled:
            error = str(throttled)
        self._trace.record(Reconciled(began_s, self._env.now, self._cluster, ingress.number, reconcile, error))
        return error

    def _call(
        self, action: str, reconcile: int, *parameters: object, effect: Callable[[], None] | None = None
    ) -> Generator[simpy.Event]:
        if self._cache.holds(action, parameters):
            return
        yield from self._client.call(action, reconcile, effect)
        self._cache.note(action, parameters)

    def _reconcile(self, ingress: Ingress, reconcile: int) -> Generator[simpy.Event]:
        yield from self._load_balancer(ingress, reconcile)
        n_addresses = 0
        for position, backend in enumerate(ingress.backends):
            n_addresses += yield from self._target_group(backend, reconcile, (ingress.number, position))
        yield from self._listeners_and_rules(ingress, reconcile)
        yield from self._call(TAGGING, reconcile, "target groups", ingress.number)
        yield from self._security_groups(ingress, reconcile, n_addresses)

    def _load_balancer(self, ingress: Ingress, reconcile: int) -> Generator[simpy.Event]:
        number = ingress.number
        if self._behaves.tags_name_subnets:
            for role in ("elb", "internal-elb"):
                yield from self._call(TAGGING, reconcile, role)
        yield from self._call("ec2:DescribeSubnets", reconcile)
        if self._behaves.security_group_first:
            yield from self._call("ec2:DescribeSecurityGroups", reconcile, number, "by name")
        yield from self._call("elasticloadbalancing:DescribeLoadBalancers", reconcile, number)
        yield from self._call("elasticloadbalancing:DescribeTags", reconcile, number, "load balancer")
        yield from self._call("elasticloadbalancing:DescribeLoadBalancerAttributes", reconcile, number)
        yield from self._call(WAF_REGIONAL, reconcile, number)
        if self._behaves.asks_wafv2:
            yield from self._call(WAFV2, reconcile, number)

    def _target_group(
        self, backend: Backend[T], reconcile: int, name: tuple[int, int]
    ) -> Generator[simpy.Event, None, int]:
        """Bring one target group to its Endpoints; give the number of addresses that these hold."""
        yield from self._call("elasticloadbalancing:DescribeTargetGroups", reconcile, name)
        yield from self._call("elasticloadbalancing:DescribeTags", reconcile, name)
        yield from self._call("elasticloadbalancing:DescribeTargetGroupAttributes", reconcile, name)
        desired = backend.desired()
        if self._behaves.describes_vpcs:
            yield from self._call("ec2:DescribeVpcs", reconcile)
        yield from self._call("elasticloadbalancing:DescribeTargetHealth", reconcile, name)
        current = backend.registered()
        if backend.gates is not None:
            yield from self._pollers[name].watch(desired & backend.gates.closed())
        if desired - current:
            effect = partial(backend.register, desired - current)
            yield from self._call("elasticloadbalancing:RegisterTargets", reconcile, effect=effect)
        if current - desired:
            effect = partial(backend.deregister, current - desired)
            yield from self._call("elasticloadbalancing:DeregisterTargets", reconcile, effect=effect)
        return len(desired)

    def _listeners_and_rules(self, ingress: Ingress, reconcile: int) -> Generator[simpy.Event]:
        yield from self._call("elasticloadbalancing:DescribeListeners", reconcile, ingress.number)
        for listener in range(self._spec.listeners):
            if listener < self._spec.https_listeners:
                yield from self._call(
                    "elasticloadbalancing:DescribeListenerCertificates", reconcile, ingress.number, listener
                )
            yield from self._call("elasticloadbalancing:DescribeRules", reconcile, ingress.number, listener)

    def _security_groups(self, ingress: Ingress, reconcile: int, n_addresses: int) -> Generator[simpy.Event]:
        number = ingress.number
        if not self._behaves.security_group_first:
            for group in ("load balancer", "instances"):
                yield from self._call("ec2:DescribeSecurityGroups", reconcile, number, group)
            yield from self._call("ec2:DescribeInstances", reconcile)
            yield from self._call("ec2:DescribeNetworkInterfaces", reconcile, number)
            return
        yield from self._call("ec2:DescribeSecurityGroups", reconcile, number, "attached")
        for chunk in range(math.ceil(n_addresses / ADDRESSES_PER_CALL)):
            yield from self._call("ec2:DescribeNetworkInterfaces", reconcile, number, chunk)
        for group in ("load balancer", "instances"):
            yield from self._call("ec2:DescribeSecurityGroups", reconcile, number, group)
