"""The rolled target group and its ALB nodes again, naively.

Written from docs/model.md, "Target group and ALB nodes", and docs/facts/alb.md §1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.distributions import Constant, Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from sim.verification.reference.deployment_twin import Pod
    from sim.verification.reference.side_twin import Side


class TargetGroup:
    """What the ALB nodes find out of the pods, and when."""

    def __init__(self, plane: Side) -> None:
        self._plane = plane
        self._registered_s: dict[Pod, float] = {}
        self.in_both: set[Pod] = set()
        self._failing: set[Pod] = set()

    def _group(self, pod: Pod) -> int:
        """Return 1 for the pods of a canary or a new cluster, which are in a target group of their own."""
        is_new = pod.is_new and not pod.returns
        return int(is_new and self._plane.scenario.disruption in {"canary", "cluster_switch"})

    def _row(self, pod: Pod, node: int) -> int:
        return self._group(pod) * self._plane.scenario.target_group.alb_nodes + node

    def register_in_the_other(self, pod: Pod) -> None:
        """Register a pod of a canary in the other target group too, in which it stays."""
        now_s, nodes = self._plane.agenda.now_s, self._plane.scenario.target_group.alb_nodes
        group = 1 - self._group(pod)
        self.in_both.add(pod)
        self._plane.agenda.note("TargetRegistered", now_s, pod.number, group)
        for node in range(nodes):
            healthy_s = now_s + self.first_check_s(pod, node)
            self._plane.agenda.note("TargetHealthy", healthy_s, pod.number, group * nodes + node)

    def was_never_in(self, pod: Pod) -> bool:
        """Return whether a pod was never registered."""
        return pod.is_new and pod not in self._registered_s

    def first_check_s(self, pod: Pod, node: int) -> float:
        """Return the phase of an ALB node's checks of a pod."""
        check = self._plane.scenario.target_group.health_check
        law = Constant(value=0) if check is None else Uniform(dist="uniform", low=0, high=check.interval_s)
        return self._plane.draw(law, pod, Stream.FIRST_HEALTH_CHECK, node)

    def register(self, pods: set[Pod]) -> None:
        """Register targets: each ALB node finds them healthy at its first check."""
        for pod in sorted(
            (pod for pod in pods if pod not in self._plane.service(pod).healthy_s), key=lambda pod: pod.number
        ):
            self._plane.service(pod).draining_s.pop(pod, None)
            self._plane.agenda.note("TargetRegistered", self._plane.agenda.now_s, pod.number, self._group(pod))
            self._registered_s[pod] = self._plane.agenda.now_s
            healthy_s = [
                self._plane.agenda.now_s + self.first_check_s(pod, node)
                for node in range(self._plane.scenario.target_group.alb_nodes)
            ]
            self._plane.service(pod).healthy_s[pod] = max(healthy_s)
            for node, at_s in enumerate(healthy_s):
                self._plane.agenda.note("TargetHealthy", at_s, pod.number, self._row(pod, node))
            self._plane.agenda.after(max(healthy_s) - self._plane.agenda.now_s, self._plane.some_target_is_healthy)
            if pod in self._failing:
                self.checks_fail(pod)

    def deregister(self, pods: set[Pod]) -> None:
        """Deregister targets, of which each ALB node hears after its own delay."""
        spec = self._plane.scenario.target_group
        for pod in sorted(
            (pod for pod in pods if pod in self._plane.service(pod).healthy_s), key=lambda pod: pod.number
        ):
            del self._plane.service(pod).healthy_s[pod]
            deadline_s = self._plane.service(pod).draining_s[pod] = (
                self._plane.agenda.now_s + spec.deregistration_delay_s
            )
            self._plane.agenda.note("TargetDeregistered", self._plane.agenda.now_s, pod.number, deadline_s)
            for node in range(spec.alb_nodes):
                heard_s = self._plane.draw(spec.propagation_s, pod, Stream.DEREGISTRATION_PROPAGATION, node)
                self._plane.agenda.note(
                    "TargetDrained", self._plane.agenda.now_s + heard_s, pod.number, self._row(pod, node)
                )
            pod.deregistered = True

    def checks_fail(self, pod: Pod) -> None:
        """Let the checks of each ALB node fail from now on, until enough have failed."""
        check = self._plane.scenario.target_group.health_check
        if check is None or pod in self._plane.deployment.untargeted:
            return
        if self.was_never_in(pod):
            self._failing.add(pod)
            return
        for node in range(self._plane.scenario.target_group.alb_nodes):
            at_s = self._registered_s.get(pod, self._plane.old_since_s) + self.first_check_s(pod, node)
            while at_s < self._plane.agenda.now_s:
                at_s += check.interval_s
            at_s += (check.unhealthy_threshold - 1) * check.interval_s
            self._plane.service(pod).unhealthy_s[pod] = min(
                at_s, self._plane.service(pod).unhealthy_s.get(pod, math.inf)
            )
            self._plane.agenda.note("TargetUnhealthy", at_s, pod.number, self._row(pod, node))
