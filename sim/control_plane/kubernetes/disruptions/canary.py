"""A canary by Argo Rollouts: new pods in a target group of their own get more of the traffic, step by step.

Modelled:
- A step asks for a weight. First the new ReplicaSet grows to its share of `deployment.replicas`, rounded up, and all
  its pods become available. Then the Ingress is patched, and the step's pause begins.
- After the last step the new pods are all there, and get all requests. Then the promotion comes, one sync later.
- With `ping_pong` the promotion changes nothing outside Kubernetes. Without, the stable Service's selector passes to
  the new pods, and the rule is to send everything back to its target group. Nothing orders what follows from the two.
- The old pods are deleted `scale_down_delay_s` after the promotion, as fast as the client allows.
- With `dynamic_stable_scale` the old pods become fewer one sync after each weight. The rest goes with the promotion.
- An abort gives the old pods all requests again at the next sync. The new ones are deleted after a delay of its own.
  Without `ping_pong` the canary Service's selector passes to the old pods at that sync too, just before the weight.
- With `dynamic_stable_scale` an abort brings the old pods back first, one sync at a time (`way_back.py`). A sync comes
  after each change of the one before, each old pod that is available again, and each new one that is deleted.
- With `verifies`, a step goes on when the API shows its weight, and the delay begins when the API also shows the stable
  Service's new targets. Argo looks at once, and then every 10 s.

Left out:
- analysis, experiments and header routes;
- the calls with which Argo looks, and how long kube-apiserver takes.

Sources: argo-rollouts, rollout/trafficrouting.go, rollout/canary.go, utils/replicaset/canary.go and
rollout/service.go@9f8d111d8f (docs/facts/controller.md §7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.two_replica_sets import TwoReplicaSets
from sim.control_plane.kubernetes.way_back import WHOLE, WayBack, share
from sim.control_plane.trace import PodDeselected, RolloutComplete
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.scenario.canary import CanarySpec
    from sim.scenario.specs import DeploymentSpec, KubernetesSpec, Scenario

VERIFY_RETRY_S = 10.0


class Canary(TwoReplicaSets):
    """A canary, from its first step to the end of the old pods. The canary starts when `run` is started."""

    def __init__(
        self, spec: CanarySpec, deployment: DeploymentSpec, kubernetes: KubernetesSpec, disrupted: Disrupted
    ) -> None:
        super().__init__(deployment, kubernetes, disrupted)
        if disrupted.rule is None:
            raise ValueError("a canary needs a listener's rule")
        self._spec = spec
        self._rule = disrupted.rule
        self._disrupted = disrupted
        self._replicas = deployment.replicas
        self._way_back = WayBack(
            deployment.replicas,
            [step.weight for step in spec.steps],
            new_stay=spec.abort_scale_down_delay_s is not None,
        )
        self._weight = 0
        self._is_going_back = False
        self._has_turned_back = False
        self._is_back = self._env.event()
        self._syncs_s = disrupted.simulation.streams.draws(deployment.sync_latency_s, Stream.PROGRESSIVE_SYNC)

    def run(self) -> Generator[simpy.Event]:
        """Carry out the steps, the promotion and the end of the old pods."""
        for number, step in enumerate(self._spec.steps, start=1):
            yield from self._shift(step.weight)
            yield self._env.timeout(step.pause_s)
            if number == self._spec.abort_after_step:
                yield self._env.timeout(next(self._syncs_s))
                yield from self._abort()
                break
        else:
            yield from self._shift(WHOLE)
            yield self._env.timeout(next(self._syncs_s))
            yield from self._promoted()
        yield self._env.all_of(self._deletions)
        self.ending = self._ended()
        self._trace.record(RolloutComplete(self._env.now))

    def _shift(self, weight: int) -> Generator[simpy.Event]:
        """Give the new pods this share of the requests, once there are enough of them."""
        yield from self._grow_new_to(share(weight, self._replicas))
        self._set_weight(weight)
        if self._spec.dynamic_stable_scale and weight < WHOLE:
            self._env.process(self._shrink(weight))
        yield from self._until(lambda: self._rule.is_in_force)

    def _set_weight(self, weight: int) -> None:
        self._weight = weight
        self._rule.set_weight(weight)

    def _shrink(self, weight: int) -> Generator[simpy.Event]:
        """Keep as many old pods as their weight asks for, whether or not the weight is in force."""
        yield self._env.timeout(next(self._syncs_s))
        if not self._is_going_back:
            self._shrink_old_to(share(WHOLE - weight, self._replicas))

    def _promoted(self) -> Generator[simpy.Event]:
        if not self._spec.ping_pong:
            self._promote()
            yield from self._until(lambda: self._disrupted.stable_targets() >= set(self._new))
        if not self._spec.dynamic_stable_scale:
            yield self._env.timeout(self._spec.scale_down_delay_s)
        self._shrink_old_to(0)

    def _promote(self) -> None:
        """Let the stable Service select the new pods, and send everything to its target group."""
        never = self._env.event()
        for pod in self._new:
            self._disrupted.promote(pod)
        for pod in self._staying(self._old):
            self._trace.record(PodDeselected(self._env.now, pod.number))
            self._disrupted.not_ready(pod, never)
        self._set_weight(0)

    def _until(self, holds: Callable[[], bool]) -> Generator[simpy.Event]:
        """Wait until Argo sees that this holds, if it looks at all."""
        while self._spec.verifies and not holds():
            yield self._env.timeout(VERIFY_RETRY_S)

    def _abort(self) -> Generator[simpy.Event]:
        """Give the old pods all requests again, and delete the new ones after the delay."""
        if self._spec.dynamic_stable_scale:
            self._is_going_back = True
            self._sync_back()
            yield self._is_back
        else:
            self._turn_back()
            self._set_weight(0)
        if self._staying(self._new):
            yield self._env.timeout(self._spec.abort_delay_s)
            self._shrink_new_to(0)

    def _turn_back(self) -> None:
        """Let the canary Service select the old pods."""
        if self._spec.ping_pong or self._has_turned_back:
            return
        self._has_turned_back = True
        new = self._staying(self._new)
        for pod in new:
            self._trace.record(PodDeselected(self._env.now, pod.number))
        self._disrupted.turn_back(new, sorted([*self._staying(self._old), *self._back]))

    def changed(self) -> None:
        """Sync, on the way back."""
        if self._is_going_back and not self._is_back.triggered:
            self._sync_back()

    def _sync_back(self) -> None:
        """Take one step of the way back."""
        wanted = self._way_back.sync(self._weight, old=self._old_available, new=len(self._new_left))
        has_changed = wanted.weight != self._weight
        if wanted.weight == 0:
            self._turn_back()
        self._set_weight(wanted.weight)
        if self._scale_old_to(wanted.old):
            has_changed = True
        elif not self._way_back.new_stay:
            has_changed |= self._shrink_new_to(wanted.new)
        if self._has_come_back():
            self._is_back.succeed()
        elif has_changed:
            self._env.process(self._sync_back_soon())

    def _has_come_back(self) -> bool:
        if self._way_back.new_stay:
            return self._old_available == self._replicas == len(self._staying(self._old)) + self._n_back
        return self._weight == 0 and not self._staying(self._new)

    def _sync_back_soon(self) -> Generator[simpy.Event]:
        yield self._env.timeout(next(self._syncs_s))
        self.changed()


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's canary."""
    return Canary(scenario.canary, scenario.deployment, scenario.kubernetes, disrupted)
