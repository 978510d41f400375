"""The AWS Load Balancer Controller v2.0 to v3.x (aws-load-balancer-controller).

Each Service behind an ingress has a TargetGroupBinding (TGB). A change of the Service's Endpoints reconciles that TGB
alone, in one of three workers. The steps: read the endpoints, read the targets, see to the network (a pod's ENI and
its security group), DeregisterTargets, then RegisterTargets.

Modelled:
- What enqueues a TGB, and the requeue of a failed reconcile. `binding_reconciler_v2` has the reconcile.
- The checkpoint of each TGB, by which later versions pass over a TGB that has not changed (`checkpoints`).
- The watch tells of what the controller writes itself: a reset checkpoint, and from v3.4 on the conditions of gates,
  enqueue the TGB once more.
- A target group of instances, which nodes reconcile and pods do not; its network step is that of one of pods.
- The reconciles of the ingresses, which share the client (`ingress_reconciler_v2`).

Assumed: the AWS resources exist and do not drift. Pods run on EC2 nodes that share one security group, whose rules
stay.

Left out:
- security groups of branch ENIs, and Fargate;
- the one DescribeSecurityGroups after which a process knows every group of the cluster;
- the time of writes through the Kubernetes API server, and a reconcile that finds nothing to do after the last of them;
- from v3.4 on, events of pods with gates other than their readiness and their gate's condition; a condition that turns
  False again.

Sources: pkg/targetgroupbinding/resource_manager.go@v2.0.0, v2.3.1, v2.4.7, v2.6.2, v2.9.1 and v3.4.0,
controllers/elbv2/targetgroupbinding_controller.go and eventhandlers/pod.go@v3.4.0. The boundaries of the versions are
those of docs/facts/controller.md §2 and §4, and its corrections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.binding import Binding
from sim.control_plane.controllers.binding_reconciler_v2 import BindingReconciler, Requeue
from sim.control_plane.controllers.checkpoints import Checkpoints
from sim.control_plane.controllers.ingress_reconciler_v2 import IngressReconciler
from sim.control_plane.controllers.pod_network import KNOWN_FOR_S
from sim.control_plane.controllers.work_queue import WORKER_PAUSE_S, WorkQueue
from sim.control_plane.trace.calls import Reconciled
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.ingress import Ingress
    from sim.control_plane.controllers.target_cache import TargetGroupName
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases import LoadBalancerControllerRelease
    from sim.scenario.specs import ControllerSpec

REQUEUE_S = 15.0


class LoadBalancerControllerV2:
    """One process of a cluster's controller. `reconciles` numbers the reconciles of all processes together."""

    def __init__(
        self,
        simulation: Simulation,
        spec: ControllerSpec,
        release: LoadBalancerControllerRelease,
        client: AwsClient,
        ingresses: Sequence[Ingress],
        reconciles: Iterator[int],
        *,
        cluster: int,
    ) -> None:
        self._env = env = simulation.env
        self._client = client
        self._trace = simulation.trace
        streams = simulation.streams
        self._ingresses = ingresses
        self._cluster = cluster
        self._release = release
        self._queue: WorkQueue[TargetGroupName] = WorkQueue(
            env,
            shared_bucket=release.shares_requeue_bucket,
            max_delay_s=spec.max_backoff_s,
            one_entry=release.has_priority_queue,
        )
        self._names = [(ingress.number, position) for ingress in ingresses for position in range(len(ingress.backends))]
        self._reconciles = reconciles
        self._orders = streams.permutations(len(self._names), Stream.ENQUEUE_ORDER, cluster)
        self._n_workers = spec.max_concurrent_reconciles
        self.sync_period_s = self._release.sync_period_s if spec.sync_period_s is None else spec.sync_period_s
        self._ingress_reconciler = IngressReconciler(simulation, spec, release, client, ingresses, cluster=cluster)
        self.resyncing_informers = release.resyncing_informers
        self._checkpoints = Checkpoints(env, release, ingresses, streams, cluster, sync_period_s=self.sync_period_s)
        bindings = {
            (ingress.number, position): Binding(env, backend, ingress.checkpoints[position], KNOWN_FOR_S)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
        }
        self._reconciler = BindingReconciler(env, release, client, self._checkpoints, bindings, self._queue.add)

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue the one TGB of the Service."""
        self._queue.add((ingress.number, position))

    def on_containers_ready(self, ingress: Ingress, position: int) -> None:
        """Enqueue the pod's TGB. Earlier versions need no event: a TGB with starting pods comes back."""
        if self._release.hears_of_gated_pods:
            self._queue.add((ingress.number, position))

    def on_instance_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue the TGB."""
        self._queue.add((ingress.number, position))

    def on_endpoints_behind_instances(self, ingress: Ingress, position: int) -> None:
        """Enqueue nothing: pods concern only target groups of pods."""

    def on_ingress_change(self, ingress: Ingress) -> None:
        """Enqueue the ingress."""
        self._ingress_reconciler.enqueue(ingress)

    def on_cordon(self) -> None:
        """Enqueue nothing: nodes concern only target groups of instances."""

    def on_node_event(self) -> None:
        """Enqueue nothing: nodes concern only target groups of instances."""

    def enqueue_all(self) -> None:
        """Enqueue every TGB and every ingress of the cluster."""
        self._enqueue_bindings()
        self._ingress_reconciler.enqueue_all()

    def on_resync(self, informer: int) -> None:
        """Enqueue every TGB, or every ingress if the second informer resyncs."""
        if informer == 0:
            self._enqueue_bindings()
        else:
            self._ingress_reconciler.enqueue_all()

    def _enqueue_bindings(self) -> None:
        for place in next(self._orders):
            self._queue.add(self._names[place])

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the workers and the goroutine that checks the deferred TGBs, to be run."""
        deferred = [self._checkpoints.check(self._queue.add)] if self._release.passes_over_unchanged else []
        bindings = (self._work() for _ in range(self._n_workers))
        return [*bindings, *deferred, *self._ingress_reconciler.goroutines()]

    def stop(self) -> None:
        """End nothing: only `goroutines` run."""

    def _work(self) -> Generator[simpy.Event]:
        while True:
            name = yield from self._queue.get()
            began_s, reconcile, error = self._env.now, next(self._reconciles), None
            try:
                requeue = yield from self._reconciler.reconcile(name, reconcile)
            except ThrottledError as throttled:
                requeue, error = Requeue.WITH_BACKOFF, str(throttled)
            self._trace.record(Reconciled(began_s, self._env.now, self._cluster, name[0], reconcile, error))
            self._settle(name, requeue)
            if error is not None and self._release.pauses_worker:
                yield self._env.timeout(WORKER_PAUSE_S)

    def _settle(self, name: TargetGroupName, requeue: Requeue) -> None:
        if self._checkpoints.pop_reset(name) and requeue is not Requeue.NOT:
            self._queue.add(name)
        if requeue is Requeue.WITH_BACKOFF:
            self._queue.add_rate_limited(name)
        else:
            self._queue.forget(name)
        if requeue is Requeue.SOON:
            self._queue.add_after(name, REQUEUE_S)
        self._queue.done(name)
