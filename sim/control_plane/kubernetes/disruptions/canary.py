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
- With `verifies`, a step goes on when the API shows its weight, and the delay begins when the API also shows the stable
  Service's new targets. Argo looks at once, and then every 10 s.

Left out:
- an abort with `dynamic_stable_scale`, which brings old pods back first;
- analysis, experiments and header routes;
- the calls with which Argo looks, and how long kube-apiserver takes.

Sources: argo-rollouts, rollout/trafficrouting.go, rollout/canary.go, utils/replicaset/canary.go and
rollout/service.go@9f8d111d8f (docs/facts/controller.md §7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.kubernetes.pod import PodDraws
from sim.control_plane.kubernetes.replacing import Replacing
from sim.control_plane.kubernetes.replica_set import ReplicaSet
from sim.control_plane.trace import PodDeselected, ReplicaSetScaled, RolloutComplete
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import simpy

    from sim.control_plane.kubernetes.disruption import Disrupted, Disruption
    from sim.control_plane.kubernetes.pod import Pod
    from sim.scenario.canary import CanarySpec
    from sim.scenario.specs import DeploymentSpec, Scenario

VERIFY_RETRY_S = 10.0
WHOLE = 100


class Canary(Replacing):
    """A canary, from its first step to the end of the old pods. The canary starts when `run` is started."""

    def __init__(self, spec: CanarySpec, deployment: DeploymentSpec, disrupted: Disrupted) -> None:
        super().__init__(deployment, disrupted)
        if disrupted.rule is None:
            raise ValueError("a canary needs a listener's rule")
        self._spec = spec
        self._rule = disrupted.rule
        self._disrupted = disrupted
        simulation = disrupted.simulation
        order = PodDraws(simulation.streams, Uniform(dist="uniform", low=0, high=1), Stream.POD_DELETION_ORDER)
        self.ending = sorted(disrupted.pods, key=lambda pod: order[pod])
        self._replica_set = ReplicaSet(simulation, disrupted.client, deployment.replicas, self._adopt_new)
        self._new: list[Pod] = []
        self._going: set[Pod] = set()
        self._deletions: list[simpy.Process] = []
        self._available: list[simpy.Process] = []
        self._grown = self._env.event()
        self._syncs_s = simulation.streams.draws(deployment.sync_latency_s, Stream.PROGRESSIVE_SYNC)

    def run(self) -> Generator[simpy.Event]:
        """Carry out the steps, the promotion and the end of the old pods."""
        for number, step in enumerate(self._spec.steps, start=1):
            yield from self._shift(step.weight)
            yield self._env.timeout(step.pause_s)
            if number == self._spec.abort_after_step:
                yield from self._abort()
                break
        else:
            yield from self._shift(WHOLE)
            yield from self._promoted()
        yield self._env.all_of(self._deletions)
        self._trace.record(RolloutComplete(self._env.now))

    def _promoted(self) -> Generator[simpy.Event]:
        yield self._env.timeout(next(self._syncs_s))
        if not self._spec.ping_pong:
            self._promote()
            yield from self._until(self._stable_targets_are_new)
        if not self._spec.dynamic_stable_scale:
            yield self._env.timeout(self._spec.scale_down_delay_s)
        self._scale_old_to(0)

    def _abort(self) -> Generator[simpy.Event]:
        """Give the old pods all requests again, and delete the new ones after the delay."""
        yield self._env.timeout(next(self._syncs_s))
        if not self._spec.ping_pong:
            for pod in self._new:
                self._trace.record(PodDeselected(self._env.now, pod.number))
            self._disrupted.turn_back(self._new)
        self._rule.set_weight(0)
        yield self._env.timeout(self._spec.abort_scale_down_delay_s)
        self._trace.record(ReplicaSetScaled(self._env.now, "new", 0))
        self.ending = self._new
        self._delete_all(self._new)

    def _scale_old_to(self, replicas: int) -> None:
        staying = self._staying()
        if going := staying[: max(0, len(staying) - replicas)]:
            self._trace.record(ReplicaSetScaled(self._env.now, "old", replicas))
            self._delete_all(going)

    def _staying(self) -> list[Pod]:
        return [pod for pod in self.ending if pod not in self._going]

    def _delete_all(self, pods: Sequence[Pod]) -> None:
        self._going.update(pods)
        self._deletions += [self._env.process(self._delete(pod, self._client.write_after_s())) for pod in pods]

    def _shift(self, weight: int) -> Generator[simpy.Event]:
        """Give the new pods this share of the requests, once there are enough of them."""
        wanted = _share(weight, len(self._disrupted.pods))
        if wanted > len(self._available):
            self._trace.record(ReplicaSetScaled(self._env.now, "new", wanted))
            self._grown = self._env.event()
            self._wanted = wanted
            self._replica_set.create(wanted - len(self._available))
            yield self._grown
        yield self._env.all_of(self._available)
        self._rule.set_weight(weight)
        if self._spec.dynamic_stable_scale and weight < WHOLE:
            self._env.process(self._shrink(weight))
        yield from self._until(lambda: self._rule.is_in_force)

    def _shrink(self, weight: int) -> Generator[simpy.Event]:
        """Keep as many old pods as their weight asks for, whether or not the weight is in force."""
        yield self._env.timeout(next(self._syncs_s))
        self._scale_old_to(_share(WHOLE - weight, len(self._disrupted.pods)))

    def _adopt_new(self, pod: Pod) -> None:
        self._adopt(pod)
        self._new.append(pod)
        self._available.append(self._env.process(self._until_available(pod)))
        if len(self._available) == self._wanted:
            self._grown.succeed()

    def _promote(self) -> None:
        """Let the stable Service select the new pods, and send everything to its target group."""
        never = self._env.event()
        for pod in self._new:
            self._disrupted.promote(pod)
        for pod in self._staying():
            self._trace.record(PodDeselected(self._env.now, pod.number))
            self._disrupted.not_ready(pod, never)
        self._rule.set_weight(0)

    def _stable_targets_are_new(self) -> bool:
        return self._disrupted.stable_targets() >= set(self._new)

    def _until(self, holds: Callable[[], bool]) -> Generator[simpy.Event]:
        """Wait until Argo sees that this holds, if it looks at all."""
        while self._spec.verifies and not holds():
            yield self._env.timeout(VERIFY_RETRY_S)


def _share(weight: int, replicas: int) -> int:
    """Return how many replicas a weight asks for, rounded up."""
    return -(-weight * replicas // WHOLE)


def process(scenario: Scenario, disrupted: Disrupted) -> Disruption:
    """Return the scenario's canary."""
    return Canary(scenario.canary, scenario.deployment, disrupted)
