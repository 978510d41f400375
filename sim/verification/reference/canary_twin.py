"""A canary again, naively: each step waits until the one before is done.

Written from docs/model.md, "Canary". With `fixed_lag`, or with v1, v2 and v3 where the Services take turns.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Constant
from sim.streams import Stream
from sim.verification.reference.way_back_twin import WayBack

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.deployment_twin import Pod

LOOKS_AGAIN_S = 10


class Canary(WayBack):
    """The steps, the weights of the rule, and the end of the pods that get no more requests."""

    waits_for_gone = False

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        scenario, streams = plane.scenario, plane.streams
        self._n_available = 0
        self._asked_for = self.wanted = 0
        self.weights = [0] * scenario.controller.listeners
        self.listens_to: Callable[[], None] = lambda: None
        self._seen_s = streams.draws(scenario.endpoints.propagation_s, Stream.RULE_SEEN)
        self._weighs: Callable[[], None] | None = None
        self._to_delete = 0
        self._deselected: set[Pod] = set()
        self._is_last = False
        self._has_swapped = False
        self._going: list[Pod] = []
        self._lags_s = streams.draws(scenario.controller.rule_lag_s or Constant(value=0), Stream.RULE_LAG)
        law_s = scenario.target_group.rule_propagation_s or scenario.target_group.propagation_s
        self._reaches_s = [
            streams.draws(law_s, Stream.RULE_PROPAGATION, node) for node in range(scenario.target_group.alb_nodes)
        ]

    def sync(self) -> None:
        """Begin with the first step."""
        self._step(0)

    def _step(self, number: int) -> None:
        if number == len(self._spec.steps):
            self._shift(100, lambda: self.later(next(self._syncs_s), self._promoted))
        else:
            step = self._spec.steps[number]
            self._shift(step.weight, lambda: self.later(step.pause_s, partial(self._after_pause, number)))

    def _after_pause(self, number: int) -> None:
        if number + 1 == self._spec.abort_after_step:
            self.later(next(self._syncs_s), self._abort)
        else:
            self._step(number + 1)

    def _shift(self, weight: int, then: Callable[[], None]) -> None:
        self._weighs = partial(self._weigh, weight, then)
        wanted = math.ceil(weight * self._n / 100)
        if wanted > self._wanted_new:
            self._wanted_new = wanted
            self.note("ReplicaSetScaled", "new", wanted)
            self._sync_replica_set()
        self._go_on()

    def ready(self, pod: Pod) -> None:
        """Remember since when a pod is Ready."""
        self._ready_s[pod] = self._plane.agenda.now_s
        super().ready(pod)

    def is_available(self, pod: Pod) -> None:
        """Go on with a step if this was the last pod that it needs, or with the way back."""
        if pod.returns:
            self._n_back += 1
            self.look_back()
            return
        self._new.append(pod)
        self._n_new_left += 1
        self._n_available += 1
        self._go_on()

    def _go_on(self) -> None:
        if self._weighs is not None and self._n_available == self._wanted_new:
            weighs, self._weighs = self._weighs, None
            weighs()

    def _weigh(self, weight: int, then: Callable[[], None]) -> None:
        self.set_weight(weight)
        if self._spec.dynamic_stable_scale and weight < 100:  # noqa: PLR2004 - all of them
            keeps = math.ceil((100 - weight) * self._n / 100)
            self.later(next(self._syncs_s), partial(self._keep_unless_back, keeps))
        self._look(then)

    def set_weight(self, weight: int) -> None:
        """Ask for another weight of the rule."""
        self._weight = weight
        if weight != self._asked_for:
            self._asked_for = weight
            self.note("WeightSet", weight)
            if self._plane.controller is None:
                self.later(next(self._lags_s), self._modify_all)
            else:
                self.later(next(self._seen_s), self._tell)

    def _tell(self) -> None:
        self.wanted = self._asked_for
        self.listens_to()

    def _modify_all(self) -> None:
        for listener in range(len(self.weights)):
            self.modify(listener, self._asked_for)

    def modify(self, listener: int, weight: int) -> None:
        """Take over a ModifyRule; all requests come through the last listener."""
        if self.weights[listener] == weight:
            return
        self.weights[listener] = weight
        if listener == len(self.weights) - 1:
            self.note("RuleModified", weight)
            for node, reaches_s in enumerate(self._reaches_s):
                at_s = self._plane.agenda.now_s + next(reaches_s)
                self._plane.agenda.note("RuleTaken", at_s, weight, node)

    def _look(self, then: Callable[[], None]) -> None:
        if self._spec.verifies and self.weights[-1] != self._asked_for:
            self.later(LOOKS_AGAIN_S, partial(self._look, then))
        else:
            then()

    def _promoted(self) -> None:
        if self._spec.ping_pong:
            self._delay()
            return
        self._swap(joining=self._new, leaving=self._staying)
        self.set_weight(0)
        self._look_for_targets()

    def _look_for_targets(self) -> None:
        if self._spec.verifies and not self._plane.target_group.in_both >= set(self._new):
            self.later(LOOKS_AGAIN_S, self._look_for_targets)
        else:
            self._delay()

    def _swap(self, joining: list[Pod], leaving: list[Pod]) -> None:
        """Let a Service select other pods. Pods that leave the Service are in no other."""
        plane = self._plane
        adds, controller = plane.scenario.endpoints.propagation_s, plane.scenario.controller
        if controller.registration_lag_s is None or controller.deregistration_lag_s is None:
            raise NotImplementedError
        for pod in joining:
            self.later(plane.draw(adds, pod, Stream.ENDPOINT_ADDITION), partial(self.note, "EndpointAdded", pod.number))
            lag_s = plane.draw(controller.registration_lag_s, pod, Stream.REGISTRATION_LAG)
            self.later(lag_s, partial(plane.target_group.register_in_the_other, pod))
        for pod in leaving:
            self.note("PodDeselected", pod.number)
            self._deselected.add(pod)
            self.later(plane.draw(adds, pod, Stream.ENDPOINT_REMOVAL), partial(plane.endpoint, pod, joins=False))
            lag_s = plane.draw(controller.deregistration_lag_s, pod, Stream.DEREGISTRATION_LAG)
            self.later(lag_s, partial(plane.drop, pod))

    def _delay(self) -> None:
        self.later(0 if self._spec.dynamic_stable_scale else self._spec.scale_down_delay_s, self._last_old)

    def _last_old(self) -> None:
        self._is_last = True
        self.keep_old(0)

    def _keep_unless_back(self, replicas: int) -> None:
        if not self._goes_back:
            self.keep_old(replicas)

    def keep_old(self, replicas: int) -> None:
        """Let old pods go until so many are left."""
        going = self._staying[: max(0, len(self._staying) - replicas)]
        self._staying = self._staying[len(going) :]
        if going:
            self.note("ReplicaSetScaled", "old", replicas)
        self.delete_soon(going)

    def _abort(self) -> None:
        self._plane.has_healthy = bool(self._staying)
        if self._spec.dynamic_stable_scale:
            self._goes_back = True
            self.look_back()
            return
        self.swap_back()
        self.set_weight(0)
        self.later(self._delay_s() if self._new else 0, self.end_new)

    def _delay_s(self) -> float:
        given = self._spec.abort_scale_down_delay_s
        return 30.0 if given is None else given

    def swap_back(self) -> None:
        """Let the canary Service select the old pods."""
        if not self._spec.ping_pong and not self._has_swapped:
            self._has_swapped = True
            self._swap(joining=sorted(self._staying + self._back, key=lambda pod: pod.number), leaving=self._new)

    def end_new(self) -> None:
        """Let the new pods go, if there are any still, and be complete with the last."""
        self._is_last = True
        self.keep_new(0)
        if not self._to_delete:
            self.ending = sorted(self._going, key=lambda pod: pod.number)
            self.completes()

    def delete_soon(self, pods: list[Pod]) -> None:
        """Delete pods as soon as the client allows."""
        self._to_delete += len(pods)
        self._going += pods
        self.ending = sorted(self._going, key=lambda pod: pod.number)
        for pod in pods:
            self.later(self._write(), partial(self._ends, pod))

    def _ends(self, pod: Pod) -> None:
        if pod in self._deselected:
            self._plane.told_to_end(pod)
        else:
            self._plane.deleted(pod)
        self._to_delete -= 1
        if pod.is_new:
            self._n_new_left -= 1
            heard_s = self._plane.draw(self._plane.scenario.deployment.sync_latency_s, pod, Stream.TERMINATION_SYNC)
            self.later(heard_s, self.look_back)
        else:
            self._n_old_left -= 1
        if self._is_last and not self._to_delete:
            self.completes()
