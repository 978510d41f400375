"""The reconcile of a TargetGroupBinding (TGB) by aws-load-balancer-controller, step by step.

Modelled:
- The sequence of each version. `target_cache` holds the cache of the targets and its lock, `pod_network` those of the
  network step.
- Readiness gates are set by the health that the reconcile read at its beginning. A TGB with an unhealthy target, or
  with pods whose gates may yet have to be set, comes back. From v3.4 on the pods' own events enqueue it.
- A TGB that has not changed since its checkpoint is passed over by later versions (`checkpoints`).

Left out: what `load_balancer_controller_v2` leaves out.

Sources: pkg/targetgroupbinding/resource_manager.go@v2.0.0, v2.3.1, v2.4.7, v2.6.2, v2.9.1 and v3.4.0. The boundaries of
the versions are those of docs/facts/controller.md §2 and §4, and its corrections.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from sim.control_plane.aws.aws_client import ThrottledError
from sim.control_plane.controllers.pod_network import PodNetwork
from sim.control_plane.controllers.target_cache import TargetCache, TargetGroupName
from sim.scenario.sequences import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.aws.aws_client import AwsClient
    from sim.control_plane.controllers.binding import Binding
    from sim.control_plane.controllers.checkpoints import Checkpoints
    from sim.control_plane.controllers.ingress import Gates
    from sim.scenario.releases import LoadBalancerControllerRelease


class Requeue(Enum):
    """When a TGB comes back after a reconcile."""

    NOT = auto()
    SOON = auto()
    WITH_BACKOFF = auto()


@dataclass(slots=True)
class _Progress:
    """What a reconcile of a TGB has found out so far, besides what its `Binding` keeps."""

    starting: bool
    initial: AbstractSet[Any] = frozenset()
    healthy: AbstractSet[Any] = frozenset()
    unready: AbstractSet[Any] = frozenset()
    networked: bool = True


class BindingReconciler:
    """The reconciles of one process. `enqueue` is called with a TGB that the controller's own writes bring back."""

    def __init__(
        self,
        env: simpy.Environment,
        release: LoadBalancerControllerRelease,
        client: AwsClient,
        checkpoints: Checkpoints,
        bindings: Mapping[TargetGroupName, Binding[Any]],
        enqueue: Callable[[TargetGroupName], None],
    ) -> None:
        self._release = release
        self._targets = TargetCache(env, client)
        self._network = PodNetwork(env, client)
        self._checkpoints = checkpoints
        self._bindings = bindings
        self._enqueue = enqueue

    def reconcile(self, name: TargetGroupName, reconcile: int) -> Generator[simpy.Event, Any, Requeue]:
        """Reconcile a TGB, and return when it comes back."""
        binding = self._bindings[name]
        binding.read_endpoints()
        if self._passes_over(binding):
            self._checkpoints.defer(name)
            return Requeue.NOT
        progress = _Progress(self._comes_back_for_starting(binding))
        for step in self._release.binding_sequence:
            yield from self._take(step, name, progress, reconcile)
        if binding.backend.gates is not None:
            self._write_conditions(name, binding.backend.gates, progress)
        if progress.unready and (binding.joining or not binding.desired.isdisjoint(progress.initial)):
            return Requeue.SOON
        if progress.unready or progress.starting or not progress.networked:
            return self._again()
        self._checkpoints.write(name, binding)
        return Requeue.NOT

    def _comes_back_for_starting(self, binding: Binding[Any]) -> bool:
        gates = binding.backend.gates
        return gates is not None and not self._release.hears_of_gated_pods and gates.any_starting()

    def _passes_over(self, binding: Binding[Any]) -> bool:
        if not self._release.passes_over_unchanged or not binding.is_as_at_checkpoint():
            return False
        if self._release.hears_of_gated_pods:
            gates = binding.backend.gates
            return gates is None or binding.desired.isdisjoint(gates.closed())
        return not self._comes_back_for_starting(binding)

    def _take(self, step: Step, name: TargetGroupName, progress: _Progress, reconcile: int) -> Generator[simpy.Event]:
        binding = self._bindings[name]
        match step:
            case Step.READ_TARGETS:
                known = yield from self._targets.read(name, binding.backend, reconcile)
                progress.initial, progress.healthy = known.initial, known.healthy
                binding.compare(known)
                if binding.backend.gates is not None:
                    progress.unready = (known.unsettled & binding.desired) | binding.joining
            case Step.SEE_TO_NETWORK:
                progress.networked = yield from self._see_to_network(name, binding, reconcile)
                is_unfinished = progress.starting or progress.unready or not progress.networked
                if binding.joining or binding.leaving or is_unfinished:
                    self._checkpoints.reset(name)
            case Step.DEREGISTER if binding.leaving:
                yield from self._targets.deregister(name, binding.backend, binding.leaving, reconcile)
            case Step.READ_VPC if binding.joining:
                yield from self._network.read_vpc(reconcile)
            case Step.REGISTER if binding.joining:
                yield from self._targets.register(name, binding.backend, binding.joining, reconcile)

    def _write_conditions(self, name: TargetGroupName, gates: Gates[Any], progress: _Progress) -> None:
        """Open the gates of the targets that were healthy. Later versions hear of what was written."""
        healthy = self._bindings[name].desired & (gates.closed() & progress.healthy)
        if gates.write(healthy, progress.unready) and self._release.hears_of_gated_pods:
            self._enqueue(name)

    def _again(self) -> Requeue:
        return Requeue.SOON if self._release.polls_steadily else Requeue.WITH_BACKOFF

    def _see_to_network(
        self, name: TargetGroupName, binding: Binding[Any], reconcile: int
    ) -> Generator[simpy.Event, Any, bool]:
        """See to the pods' network, and return whether that succeeded. Early releases give up the reconcile if not."""
        try:
            yield from self._network.see_to(name, binding, reconcile)
        except ThrottledError:
            if not self._release.deregisters_without_network:
                raise
            return False
        return True
