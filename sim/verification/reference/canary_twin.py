"""A canary again, naively: each step waits until the one before is done.

Written from docs/model.md, "Canary". With `fixed_lag` alone.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sim.scenario.distributions import Constant
from sim.streams import Stream
from sim.verification.reference.strategies_twin import Replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.verification.reference.control_plane_twin import ControlPlane
    from sim.verification.reference.deployment_twin import Pod

LOOKS_AGAIN_S = 10


class Canary(Replacing):
    """The steps, the weights of the rule, and the end of the pods that get no more requests."""

    waits_for_gone = False

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane)
        scenario, streams = plane.scenario, plane.streams
        self._spec = scenario.canary
        self._new: list[Pod] = []
        self._n_available = 0
        self._asked_for = self._in_api = 0
        self._weighs: Callable[[], None] | None = None
        self._staying = list(self.ending)
        self._to_delete = 0
        self._deselected: set[Pod] = set()
        self._is_last = False
        self._syncs_s = streams.draws(scenario.deployment.sync_latency_s, Stream.PROGRESSIVE_SYNC)
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
            self._shift(100, lambda: self._later(next(self._syncs_s), self._promoted))
        else:
            step = self._spec.steps[number]
            self._shift(step.weight, lambda: self._later(step.pause_s, partial(self._after_pause, number)))

    def _after_pause(self, number: int) -> None:
        if number + 1 == self._spec.abort_after_step:
            self._later(next(self._syncs_s), self._abort)
        else:
            self._step(number + 1)

    def _shift(self, weight: int, then: Callable[[], None]) -> None:
        self._weighs = partial(self._weigh, weight, then)
        wanted = math.ceil(weight * self._n / 100)
        if wanted > self._wanted_new:
            self._wanted_new = wanted
            self._note("ReplicaSetScaled", "new", wanted)
            self._sync_replica_set()
        self._go_on()

    def is_available(self, pod: Pod) -> None:
        """Go on with a step if this was the last pod that it needs."""
        self._new.append(pod)
        self._n_available += 1
        self._go_on()

    def _go_on(self) -> None:
        if self._weighs is not None and self._n_available == self._wanted_new:
            weighs, self._weighs = self._weighs, None
            weighs()

    def _weigh(self, weight: int, then: Callable[[], None]) -> None:
        self._set(weight)
        if self._spec.dynamic_stable_scale and weight < 100:  # noqa: PLR2004 - all of them
            keeps = math.ceil((100 - weight) * self._n / 100)
            self._later(next(self._syncs_s), partial(self._keep_old, keeps))
        self._look(then)

    def _set(self, weight: int) -> None:
        if weight != self._asked_for:
            self._asked_for = weight
            self._note("WeightSet", weight)
            self._later(next(self._lags_s), self._modify)

    def _modify(self) -> None:
        if self._in_api == self._asked_for:
            return
        self._in_api = self._asked_for
        self._note("RuleModified", self._in_api)
        for node, reaches_s in enumerate(self._reaches_s):
            at_s = self._plane.agenda.now_s + next(reaches_s)
            self._plane.agenda.note("RuleTaken", at_s, self._in_api, node)

    def _look(self, then: Callable[[], None]) -> None:
        if self._spec.verifies and self._in_api != self._asked_for:
            self._later(LOOKS_AGAIN_S, partial(self._look, then))
        else:
            then()

    def _promoted(self) -> None:
        if self._spec.ping_pong:
            self._delay()
            return
        self._swap(joining=self._new, leaving=self._staying)
        self._set(0)
        self._look_for_targets()

    def _look_for_targets(self) -> None:
        if self._spec.verifies and not self._plane.target_group.in_both >= set(self._new):
            self._later(LOOKS_AGAIN_S, self._look_for_targets)
        else:
            self._delay()

    def _swap(self, joining: list[Pod], leaving: list[Pod]) -> None:
        """Let a Service select other pods. Pods that leave the Service are in no other."""
        plane = self._plane
        adds, controller = plane.scenario.endpoints.propagation_s, plane.scenario.controller
        if controller.registration_lag_s is None or controller.deregistration_lag_s is None:
            raise NotImplementedError
        for pod in joining:
            self._later(
                plane.draw(adds, pod, Stream.ENDPOINT_ADDITION), partial(self._note, "EndpointAdded", pod.number)
            )
            lag_s = plane.draw(controller.registration_lag_s, pod, Stream.REGISTRATION_LAG)
            self._later(lag_s, partial(plane.target_group.register_in_the_other, pod))
        for pod in leaving:
            self._note("PodDeselected", pod.number)
            self._deselected.add(pod)
            self._later(plane.draw(adds, pod, Stream.ENDPOINT_REMOVAL), partial(plane.endpoint, pod, joins=False))
            lag_s = plane.draw(controller.deregistration_lag_s, pod, Stream.DEREGISTRATION_LAG)
            self._later(lag_s, partial(plane.target_group.deregister, {pod}))

    def _delay(self) -> None:
        self._later(0 if self._spec.dynamic_stable_scale else self._spec.scale_down_delay_s, self._last_old)

    def _last_old(self) -> None:
        self._is_last = True
        self._keep_old(0)

    def _keep_old(self, replicas: int) -> None:
        going = self._staying[: max(0, len(self._staying) - replicas)]
        self._staying = self._staying[len(going) :]
        if going:
            self._note("ReplicaSetScaled", "old", replicas)
        self._delete_soon(going)

    def _abort(self) -> None:
        if not self._spec.ping_pong:
            self._swap(joining=self._plane.old, leaving=self._new)
        self._set(0)
        self._later(self._spec.abort_scale_down_delay_s, self._last_new)

    def _last_new(self) -> None:
        self._is_last = True
        self._note("ReplicaSetScaled", "new", 0)
        self.ending = sorted(self._new, key=lambda pod: pod.number)
        self._delete_soon(self.ending)

    def _delete_soon(self, pods: list[Pod]) -> None:
        self._to_delete += len(pods)
        for pod in pods:
            self._later(self._write(), partial(self._ends, pod))

    def _ends(self, pod: Pod) -> None:
        if pod in self._deselected:
            self._plane.told_to_end(pod)
        else:
            self._plane.deleted(pod)
        self._to_delete -= 1
        if self._is_last and not self._to_delete:
            self.completes()

    def _later(self, wait_s: float, then: Callable[[], None]) -> None:
        self._plane.agenda.after(wait_s, then)

    def _note(self, kind: str, *what: object) -> None:
        self._plane.agenda.note(kind, self._plane.agenda.now_s, *what)
