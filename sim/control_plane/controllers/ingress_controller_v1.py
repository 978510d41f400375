"""The ALB Ingress Controller v1.1.0 to v1.1.9 (aws-alb-ingress-controller), target type `ip`.

One work queue of ingresses has several workers. Whatever changes, an ingress is reconciled as a whole, by a fixed
sequence of AWS API calls. RegisterTargets and then DeregisterTargets come last but one in that sequence.

Modelled:
- The sequence of each version, and its caches.
- Which ingresses are enqueued by an Endpoints change, a node event and a resync.
- Workers, the requeue of a failed reconcile, and the worker's pause after a failure.
- The polling for readiness gates (`gate_poller_v1`).

Assumed:
- The ingress's AWS resources exist and do not drift.
- Subnets are discovered, the security group is managed, and certificates are annotated.
- The rolled Service is the last backend of its ingress, which is the worst place.

Left out:
- the opt-in SDK cache of v1.1.6 and later, Shield, ACM, and changes of rules other than their weights;
- paging of more than 199 addresses elsewhere than in DescribeNetworkInterfaces.

Sources: internal/alb/** and internal/ingress/controller/handlers of each version, cmd/options.go for the sync period
(docs/facts/controller.md §2 and §3). The files themselves differ from those facts in two points:
- Up to v1.1.2 subnets are discovered through two tag:GetResources calls (internal/aws/rgt.go before commit
  32ca4ad750cd).
- The endpoints are read before DescribeVpcs and DescribeTargetHealth (internal/alb/tg/targets.go @1aba9e51f6e0). A pod
  deleted while one of these calls is retried therefore waits for the next reconcile.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.gate_poller_v1 import GatePoller
from sim.control_plane.controllers.work_queue import WORKER_PAUSE_S, WorkQueue
from sim.control_plane.trace.calls import Reconciled
from sim.scenario.actions import Action
from sim.scenario.sequences import Call, Each, ForEach, Step
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.aws.forward_rule import ForwardRule
    from sim.control_plane.controllers.ingress import Backend, Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases import IngressControllerRelease
    from sim.scenario.sequences import InLoop
    from sim.scenario.specs import ControllerSpec


T = TypeVar("T")


class IngressControllerV1:
    """One process of a cluster's controller. `reconciles` numbers the reconciles of all processes together."""

    def __init__(
        self,
        simulation: Simulation,
        spec: ControllerSpec,
        release: IngressControllerRelease,
        client: AwsClient,
        ingresses: Sequence[Ingress],
        reconciles: Iterator[int],
        *,
        cluster: int,
    ) -> None:
        self._env = env = simulation.env
        self._spec = spec
        self._client = client
        self._trace = simulation.trace
        self._ingresses = ingresses
        self._cluster = cluster
        self._release = release
        self._cache = CallCache(env, release.keeps_answers_s)
        self._queue: WorkQueue[int] = WorkQueue(env, shared_bucket=release.shares_requeue_bucket)
        self._pollers = {
            (ingress.number, position): GatePoller(env, client, backend, backend.gates)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
            if backend.gates is not None
        }
        self._reconciles = reconciles
        self._order = simulation.streams.generator(Stream.ENQUEUE_ORDER, cluster)
        self.sync_period_s = release.sync_period_s if spec.sync_period_s is None else spec.sync_period_s
        self.resyncing_informers = release.resyncing_informers

    def on_endpoints_change(self, ingress: Ingress, _position: int) -> None:
        """Enqueue the ingresses that a change of one of this ingress's Services concerns."""
        if self._release.enqueues_namespace:
            self.enqueue_all()
        else:
            self._queue.add(ingress.number)

    def on_containers_ready(self, ingress: Ingress, _position: int) -> None:
        """Enqueue the ingress from v1.1.7 on. Earlier versions do not watch for this."""
        if self._release.enqueues_on_containers_ready:
            self._queue.add(ingress.number)

    def on_instance_change(self, _ingress: Ingress, _position: int) -> None:
        """Enqueue every ingress of the cluster."""
        self.enqueue_all()

    def on_endpoints_behind_instances(self, ingress: Ingress, position: int) -> None:
        """Enqueue the same as where pods are the targets, although no target changes."""
        self.on_endpoints_change(ingress, position)

    def on_ingress_change(self, ingress: Ingress) -> None:
        """Enqueue the ingress."""
        self._queue.add(ingress.number)

    def on_cordon(self) -> None:
        """Enqueue every ingress of the cluster from v1.1.6 on. Earlier handlers ignore a node's update."""
        if self._release.enqueues_on_cordon:
            self.enqueue_all()

    def on_node_event(self) -> None:
        """Enqueue every ingress of the cluster, whether or not nodes are its targets."""
        self.enqueue_all()

    def enqueue_all(self) -> None:
        """Enqueue every ingress of the cluster in a random order."""
        for place in self._order.permutation(len(self._ingresses)).tolist():
            self._queue.add(self._ingresses[place].number)

    def on_resync(self, _informer: int) -> None:
        """Enqueue every ingress of the cluster, whichever informer resyncs."""
        self.enqueue_all()

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the workers, to be run."""
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
            if error is not None and self._release.pauses_worker:
                yield self._env.timeout(WORKER_PAUSE_S)

    def _reconcile_traced(self, ingress: Ingress) -> Generator[simpy.Event, None, str | None]:
        began_s, reconcile, error = self._env.now, next(self._reconciles), None
        try:
            yield from self._reconcile(ingress, reconcile)
        except ThrottledError as throttled:
            error = str(throttled)
        self._trace.record(Reconciled(began_s, self._env.now, self._cluster, ingress.number, reconcile, error))
        return error

    def _reconcile(self, ingress: Ingress, reconcile: int) -> Generator[simpy.Event]:
        n_addresses, weight = 0, None if ingress.rule is None else ingress.rule.wanted
        for part in self._release.sequence:
            match part:
                case Call():
                    yield from self._call(part, reconcile, ingress.number, n_addresses=n_addresses)
                case ForEach(Each.TARGET_GROUP, steps):
                    for position, backend in enumerate(ingress.backends):
                        name = (ingress.number, position)
                        n_addresses += yield from self._target_group(steps, backend, reconcile, name)
                case ForEach(Each.LISTENER, steps):
                    yield from self._listeners(steps, ingress, reconcile, weight)

    def _target_group(
        self, steps: tuple[InLoop, ...], backend: Backend[T], reconcile: int, name: tuple[int, int]
    ) -> Generator[simpy.Event, None, int]:
        """Bring one target group in line with its Endpoints and return the number of addresses in these."""
        desired: frozenset[T] = frozenset()
        current: set[T] = set()
        for step in steps:
            match step:
                case Call():
                    yield from self._call(step, reconcile, *name)
                case Step.READ_ENDPOINTS:
                    desired = backend.desired()
                case Step.COMPARE_TARGETS:
                    current = backend.registered()
                    if backend.gates is not None:
                        yield from self._pollers[name].watch(desired & backend.gates.closed())
                case Step.REGISTER if desired - current:
                    effect = partial(backend.register, desired - current)
                    yield from self._write(Action.REGISTER_TARGETS, reconcile, effect)
                case Step.DEREGISTER if current - desired:
                    effect = partial(backend.deregister, current - desired)
                    yield from self._write(Action.DEREGISTER_TARGETS, reconcile, effect)
        return len(desired)

    def _listeners(
        self, steps: tuple[InLoop, ...], ingress: Ingress, reconcile: int, weight: int | None
    ) -> Generator[simpy.Event]:
        """See to the listeners, and to their rules if the weight that the reconcile began with is not theirs."""
        for listener in range(self._spec.listeners):
            for step in steps:
                if isinstance(step, Call) and (listener < self._spec.https_listeners or not step.for_https):
                    yield from self._call(step, reconcile, ingress.number, listener)
                elif step is Step.MODIFY_RULE and (rule := ingress.rule) is not None and weight is not None:
                    yield from self._modify(rule, listener, weight, reconcile)

    def _modify(self, rule: ForwardRule, listener: int, weight: int, reconcile: int) -> Generator[simpy.Event]:
        if rule.weights[listener] != weight:
            yield from self._write(Action.MODIFY_RULE, reconcile, partial(rule.modify, listener, weight))

    def _call(self, call: Call, reconcile: int, *subject: int, n_addresses: int = 0) -> Generator[simpy.Event]:
        """Make a call of the sequence, unless the answer is in the cache. `subject` says what the call is about."""
        parameters = (call.about,) if call.shared else (call.about, *subject)
        chunks = math.ceil(n_addresses / call.addresses_each) if call.addresses_each else 1
        for chunk in range(chunks):
            if not self._cache.holds(call.action, (*parameters, chunk)):
                yield from self._client.call(call.action, reconcile)
                self._cache.note(call.action, (*parameters, chunk))

    def _write(self, action: Action, reconcile: int, effect: Callable[[], None]) -> Generator[simpy.Event]:
        yield from self._client.call(action, reconcile, effect)
        self._cache.note(action, ())
