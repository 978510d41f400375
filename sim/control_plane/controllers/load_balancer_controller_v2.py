"""The AWS Load Balancer Controller v2.0 to v3.x (aws-load-balancer-controller), target type `ip`.

Each Service behind an ingress has a TargetGroupBinding (TGB). A change of the Service's Endpoints reconciles that TGB
alone, in one of three workers. The steps: read the endpoints, read the targets, see to the network (a pod's ENI and
its security group), DeregisterTargets, then RegisterTargets.

Modelled:
- The sequence of each version, with its caches. `target_cache` holds the cache of the targets and its lock.
- The second lock, around the security group.
- The requeue of a failed reconcile.
- The checkpoint of each TGB, with the hash of its endpoints, by which later versions pass over a TGB that has not
  changed. If the checkpoint is older than the sync period, that TGB is checked 30 to 45 minutes later.
- Readiness gates are set by the health that the reconcile read at its beginning. A TGB with closed gates, or with pods
  whose gates may yet have to be set, comes back.
- The reconciles of the ingresses, which share the client (`ingress_reconciler_v2`).

Assumed: the AWS resources exist and do not drift. Pods run on EC2 nodes that share one security group, whose rules
stay.

Left out:
- security groups of branch ENIs, and Fargate;
- the one DescribeSecurityGroups after which a process knows every group of the cluster;
- writes of the hash and of pod conditions through the Kubernetes API server, which take no call to AWS.

Sources: pkg/targetgroupbinding/resource_manager.go@01fac95722 and networking_manager.go@043f39b947,
pkg/networking/pod_eni_info_resolver.go@04ab450bd3, controllers/elbv2/targetgroupbinding_deferred_reconciler.go
@703ba45f58. The boundaries of the versions are those of docs/facts/controller.md §2 and §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import simpy

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.binding import Binding
from sim.control_plane.controllers.call_cache import CallCache
from sim.control_plane.controllers.ingress import Checkpoint
from sim.control_plane.controllers.ingress_reconciler_v2 import IngressReconciler
from sim.control_plane.controllers.target_cache import TargetCache, TargetGroupName
from sim.control_plane.controllers.work_queue import WORKER_PAUSE_S, WorkQueue
from sim.control_plane.trace import Reconciled
from sim.scenario.actions import Action
from sim.scenario.distributions import Uniform
from sim.scenario.sequences import Step
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.ingress import Ingress
    from sim.control_plane.simulation import Simulation
    from sim.scenario.releases import LoadBalancerControllerRelease
    from sim.scenario.specs import ControllerSpec
    from sim.streams import Streams

NETWORK_CACHE_S = 600.0
NETWORK_ACTIONS = (Action.DESCRIBE_SECURITY_GROUPS, Action.DESCRIBE_VPCS)
REQUEUE_S = 15.0
DEFERRED_FOR_S = Uniform(dist="uniform", low=1800, high=2700)


class Requeue(Enum):
    """When a TGB comes back after a reconcile."""

    NOT = auto()
    SOON = auto()
    WITH_BACKOFF = auto()


@dataclass(slots=True)
class _Progress:
    """What a reconcile of a TGB has found out so far, besides what its `Binding` keeps."""

    initial: AbstractSet[Any] = frozenset()
    healthy: AbstractSet[Any] = frozenset()
    networked: bool = True


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
        self._targets = TargetCache(env, client)
        self._network = CallCache(env, dict.fromkeys(NETWORK_ACTIONS, NETWORK_CACHE_S))
        self._security_group_lock = simpy.Resource(env)
        self._queue: WorkQueue[TargetGroupName] = WorkQueue(
            env, shared_bucket=self._release.shares_requeue_bucket, max_delay_s=spec.max_backoff_s
        )
        self._deferred: WorkQueue[TargetGroupName] = WorkQueue(env, shared_bucket=False)
        self._names = [(ingress.number, position) for ingress in ingresses for position in range(len(ingress.backends))]
        self._reconciles = reconciles
        self._order = streams.generator(Stream.ENQUEUE_ORDER, cluster)
        self._deferred_for_s = streams.draws(DEFERRED_FOR_S, Stream.DEFERRED_CHECK, cluster)
        self._n_workers = spec.max_concurrent_reconciles
        self.sync_period_s = self._release.sync_period_s if spec.sync_period_s is None else spec.sync_period_s
        self._ingress_reconciler = IngressReconciler(simulation, spec, release, client, ingresses, cluster=cluster)
        self.resyncing_informers = release.resyncing_informers
        self._write_first_checkpoints(streams)
        self._bindings = {
            (ingress.number, position): Binding(env, backend, ingress.checkpoints[position], NETWORK_CACHE_S)
            for ingress in ingresses
            for position, backend in enumerate(ingress.backends)
        }

    def on_endpoints_change(self, ingress: Ingress, position: int) -> None:
        """Enqueue the one TGB of the Service."""
        self._queue.add((ingress.number, position))

    def on_containers_ready(self, ingress: Ingress, position: int) -> None:
        """Enqueue nothing: a TGB with starting pods comes back without an event."""

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
        for place in self._order.permutation(len(self._names)).tolist():
            self._queue.add(self._names[place])

    def goroutines(self) -> list[Generator[simpy.Event]]:
        """Return the workers and the goroutine that checks the deferred TGBs, to be run."""
        deferred = [self._check_deferred()] if self._release.passes_over_unchanged else []
        bindings = (self._work() for _ in range(self._n_workers))
        return [*bindings, *deferred, *self._ingress_reconciler.goroutines()]

    def stop(self) -> None:
        """End nothing: only `goroutines` run."""

    def _write_first_checkpoints(self, streams: Streams) -> None:
        """Write the checkpoints of a process that has run for long, which checks each TGB at every second resync."""
        ages = streams.uniforms(Stream.LAST_CHECKED, self._cluster)
        for ingress in self._ingresses:
            for position, backend in enumerate(ingress.backends):
                if position not in ingress.checkpoints:
                    at_s = self._env.now - 2 * self.sync_period_s * next(ages)
                    ingress.checkpoints[position] = Checkpoint(at_s, len(backend.changes))

    def _work(self) -> Generator[simpy.Event]:
        while True:
            name = yield from self._queue.get()
            began_s, reconcile, error = self._env.now, next(self._reconciles), None
            try:
                requeue = yield from self._reconcile(name, reconcile)
            except ThrottledError as throttled:
                requeue, error = Requeue.WITH_BACKOFF, str(throttled)
            self._trace.record(Reconciled(began_s, self._env.now, self._cluster, name[0], reconcile, error))
            self._settle(name, requeue)
            if error is not None and self._release.pauses_worker:
                yield self._env.timeout(WORKER_PAUSE_S)

    def _settle(self, name: TargetGroupName, requeue: Requeue) -> None:
        if requeue is Requeue.WITH_BACKOFF:
            self._queue.add_rate_limited(name)
        else:
            self._queue.forget(name)
        if requeue is Requeue.SOON:
            self._queue.add_after(name, REQUEUE_S)
        self._queue.done(name)

    def _reconcile(self, name: TargetGroupName, reconcile: int) -> Generator[simpy.Event, Any, Requeue]:
        binding = self._bindings[name]
        gates = binding.backend.gates
        binding.read_endpoints()
        starting = gates is not None and gates.any_starting()
        if self._release.passes_over_unchanged and not starting and binding.is_as_at_checkpoint():
            if self._is_old(binding.checkpoint):
                self._deferred.add_after(name, next(self._deferred_for_s))
            return Requeue.NOT
        progress = _Progress()
        for step in self._release.binding_sequence:
            yield from self._take(step, name, progress, reconcile)
        closed = _open_gates(binding, progress)
        if closed and (binding.joining or not binding.desired.isdisjoint(progress.initial)):
            return Requeue.SOON
        if closed or starting or not progress.networked:
            return self._again()
        binding.write_checkpoint(self._env.now)
        return Requeue.NOT

    def _take(self, step: Step, name: TargetGroupName, progress: _Progress, reconcile: int) -> Generator[simpy.Event]:
        """Take a step of the sequence. A TGB that needs a change is not passed over until the change is made."""
        binding = self._bindings[name]
        match step:
            case Step.READ_TARGETS:
                known = yield from self._targets.read(name, binding.backend, reconcile)
                progress.initial, progress.healthy = known.initial, known.healthy
                binding.compare(known)
            case Step.SEE_TO_NETWORK:
                progress.networked = yield from self._see_to_network(binding, reconcile)
                if not progress.networked:
                    binding.checkpoint.seen = None
            case Step.DEREGISTER if binding.leaving:
                binding.checkpoint.seen = None
                yield from self._targets.deregister(name, binding.backend, binding.leaving, reconcile)
            case Step.REGISTER if binding.joining:
                binding.checkpoint.seen = None
                yield from self._call(Action.DESCRIBE_VPCS, reconcile)
                yield from self._targets.register(name, binding.backend, binding.joining, reconcile)

    def _is_old(self, checkpoint: Checkpoint) -> bool:
        return self._env.now - checkpoint.at_s > self.sync_period_s

    def _check_deferred(self) -> Generator[simpy.Event]:
        """Reconcile each TGB that was passed over when its check is due, unless it was reconciled meanwhile."""
        while True:
            name = yield from self._deferred.get()
            checkpoint = self._bindings[name].checkpoint
            if self._is_old(checkpoint):
                checkpoint.at_s, checkpoint.seen = self._env.now, None
                self._queue.add(name)
            self._deferred.done(name)

    def _again(self) -> Requeue:
        return Requeue.SOON if self._release.polls_steadily else Requeue.WITH_BACKOFF

    def _see_to_network(self, binding: Binding[Any], reconcile: int) -> Generator[simpy.Event, Any, bool]:
        """Find the pods' ENIs, see to their security group, and return whether both succeeded."""
        try:
            yield from self._find_interfaces(binding, reconcile)
            with self._security_group_lock.request() as lock:
                yield lock
                yield from self._call(Action.DESCRIBE_SECURITY_GROUPS, reconcile)
        except ThrottledError:
            if not self._release.deregisters_without_network:
                raise
            return False
        return True

    def _find_interfaces(self, binding: Binding[Any], reconcile: int) -> Generator[simpy.Event]:
        """Read the instances of all pods that are not known yet, in one call."""
        if binding.interfaces.unknown():
            yield from self._client.call(Action.DESCRIBE_INSTANCES, reconcile)
            binding.interfaces.note()

    def _call(self, action: Action, reconcile: int) -> Generator[simpy.Event]:
        if not self._network.holds(action, ()):
            yield from self._client.call(action, reconcile)
            self._network.note(action, ())


def _open_gates(binding: Binding[Any], progress: _Progress) -> bool:
    """Open the gates of the targets that were healthy, and return whether any gate stays closed."""
    gates = binding.backend.gates
    if gates is None:
        return False
    closed = binding.desired & gates.closed()
    healthy = closed & progress.healthy
    gates.open(healthy)
    return len(healthy) < len(closed)
