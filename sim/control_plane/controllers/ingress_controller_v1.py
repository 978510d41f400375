"""The ALB Ingress Controller v1.1.0 to v1.1.9 (aws-alb-ingress-controller), target type `ip`.

One work queue of ingresses has several workers. Whatever changes, an ingress is reconciled as a whole
(`ingress_reconciler_v1`).

Modelled:
- Which ingresses are enqueued by an Endpoints change, a node event and a resync.
- Workers, the requeue of a failed reconcile, and the worker's pause after a failure.

Assumed:
- The ingress's AWS resources exist and do not drift.
- Subnets are discovered, the security group is managed, and certificates are annotated.
- The rolled Service is the last backend of its ingress, which is the worst place.

Left out:
- the opt-in SDK cache of v1.1.6 and later, Shield, ACM, and changes of rules other than their weights;
- paging of more than 199 addresses elsewhere than in DescribeNetworkInterfaces.

Sources: internal/ingress/controller/handlers of each version, cmd/options.go for the sync period
(docs/facts/controller.md §2 and §3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.ingress_reconciler_v1 import IngressReconciler
from sim.control_plane.controllers.work_queue import WORKER_PAUSE_S, WorkQueue
from sim.control_plane.trace.calls import Reconciled
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.ingress import Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases import IngressControllerRelease
    from sim.scenario.specs import ControllerSpec


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
        self._trace = simulation.trace
        self._ingresses = ingresses
        self._cluster = cluster
        self._release = release
        self._reconciler = IngressReconciler(env, spec, release, client, ingresses)
        self._queue: WorkQueue[int] = WorkQueue(env, shared_bucket=release.shares_requeue_bucket)
        self._reconciles = reconciles
        self._orders = simulation.streams.permutations(len(ingresses), Stream.ENQUEUE_ORDER, cluster)
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
        order = next(self._orders)
        if self._queue.holds(len(order)):
            return
        for place in order:
            self._queue.add(self._ingresses[place].number)

    def on_resync(self, _informer: int) -> None:
        """Enqueue every ingress of the cluster, whichever informer resyncs."""
        self.enqueue_all()

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the workers, to be run."""
        return [self._work() for _ in range(self._spec.max_concurrent_reconciles)]

    def stop(self) -> None:
        """End the polling for readiness gates."""
        self._reconciler.stop()

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
            yield from self._reconciler.reconcile(ingress, reconcile)
        except ThrottledError as throttled:
            error = str(throttled)
        self._trace.record(Reconciled(began_s, self._env.now, self._cluster, ingress.number, reconcile, error))
        return error
