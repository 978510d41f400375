"""Services and their target groups in the slow control plane, as aws-load-balancer-controller sees them.

Written from docs/model.md, "Endpoints" and "Target group and ALB nodes", and docs/facts/alb.md §1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.deployment_twin import Pod
    from sim.verification.reference.side_twin import Side

PODS, INITIAL_S, DRAINING_S = 50, 15.0, 300.0


class Service:
    """The pods of a Service, and the states of its targets.

    - `ready`: pods that are Ready. `gated`: pods with ready containers and a closed gate. `starting`: the others.
    - `healthy_s`: when each registered target is healthy. `draining_s`: until when a deregistered one drains.
    """

    has_gates = False

    def __init__(self, agenda: Agenda, pods: Iterable[Any]) -> None:
        self._agenda = agenda
        self.ready: set[Any] = set(pods)
        self.gated: set[Any] = set()
        self.starting: set[Any] = set()
        self.healthy_s: dict[Any, float] = dict.fromkeys(self.ready, -math.inf)
        self.draining_s: dict[Any, float] = {}

    def states(self, of: AbstractSet[Any] | None) -> dict[Any, str]:
        """Return the states of these targets or of all, as DescribeTargetHealth tells them."""
        states = {target: "draining" for target, until_s in self.draining_s.items() if self._agenda.now_s < until_s}
        states |= {target: self._state(target) for target in self.healthy_s}
        return {target: state for target, state in states.items() if of is None or target in of}

    def _state(self, target: Any) -> str:  # noqa: ANN401 - a pod or a number
        return "healthy" if self.healthy_s[target] <= self._agenda.now_s else "initial"

    def register(self, targets: Iterable[Any]) -> None:
        """Register targets."""
        for target in targets:
            self.draining_s.pop(target, None)
            self.healthy_s.setdefault(target, self._agenda.now_s + INITIAL_S)

    def deregister(self, targets: Iterable[Any]) -> None:
        """Deregister targets."""
        for target in targets:
            if self.healthy_s.pop(target, None) is not None:
                self.draining_s[target] = self._agenda.now_s + DRAINING_S

    def awaits_gate(self) -> bool:
        """Return whether a pod's condition was written and is not True."""
        return False

    def set_conditions(self, _matched: Mapping[Any, str], _joined: Iterable[Any]) -> bool:
        """Write the conditions of pods whose target was read, or was just registered. Return whether any changed."""
        return False


class RolledService(Service):
    """The rolled Service, whose target group and pods belong to the control plane."""

    def __init__(self, plane: Side, pods: Iterable[Pod]) -> None:
        super().__init__(plane.agenda, pods)
        self._plane = plane
        self.has_gates = plane.scenario.pod.readiness_gate
        self._conditions = dict.fromkeys(self.ready, True)
        self.unhealthy_s: dict[Pod, float] = {}

    def _state(self, target: Pod) -> str:
        if self.unhealthy_s.get(target, math.inf) <= self._agenda.now_s:
            return "unhealthy"
        return super()._state(target)

    def register(self, targets: Iterable[Pod]) -> None:
        """Register targets at the ALB, whose nodes check them."""
        self._plane.target_group.register(set(targets))

    def deregister(self, targets: Iterable[Pod]) -> None:
        """Deregister targets, of which the ALB nodes hear later."""
        self._plane.target_group.deregister(set(targets))

    def awaits_gate(self) -> bool:
        """Return whether a pod's condition was written and is not True."""
        return any(not self._conditions.get(pod, True) for pod in self.ready | self.gated)

    def set_conditions(self, matched: Mapping[Pod, str], joined: Iterable[Pod]) -> bool:
        """Write the conditions of pods whose target was read, or was just registered. A True one is left as it is."""
        if not self.has_gates:
            return False
        before = dict(self._conditions)
        for pod in [*sorted(matched, key=lambda pod: pod.number), *joined]:
            opens = matched.get(pod) == "healthy"
            if opens and not self._conditions.get(pod, False):
                self._plane.gate_opened(pod)
            self._conditions[pod] = opens or self._conditions.get(pod, False)
        return self._conditions != before
