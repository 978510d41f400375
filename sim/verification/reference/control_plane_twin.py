"""The control plane again, naively: one list of things to do, a state for everything, no SimPy.

Written from docs/model.md, "Control plane", and docs/facts/kubernetes.md. With `sim.control_plane` it shares the draws,
and the names and fields of its records, so that the two can be compared.

Events at one instant happen in the order in which they were put on the list. With continuous draws, only the steps at a
rollout's start fall on one instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.verification.reference.account_twin import Account
from sim.verification.reference.agenda_twin import Agenda
from sim.verification.reference.deployment_twin import Pod
from sim.verification.reference.disruptions_twin import disruption_of
from sim.verification.reference.new_side_twin import NewSide, begins_s, rolls_in
from sim.verification.reference.nodes_twin import Nodes
from sim.verification.reference.progress_twin import ProgressDeadline
from sim.verification.reference.service_twin import RolledService
from sim.verification.reference.side_twin import Side
from sim.verification.reference.target_group_twin import TargetGroup

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario
    from sim.streams import Streams
    from sim.verification.reference.agenda_twin import Happened

JUST_AFTER_S = 1e-3


class ControlPlane(Side):
    """One replication."""

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        old = [Pod(number, number, is_new=False) for number in range(scenario.deployment.replicas)]
        super().__init__(scenario, streams, Agenda(begins_s(scenario) - scenario.aws_api.warm_up_s), old)
        self.rolled = RolledService(self, self.old)
        if scenario.disruption == "canary" and scenario.controller.version != "fixed_lag":
            self.canary = RolledService(self, [])
        self.target_group = TargetGroup(self)
        self.deployment = disruption_of(scenario)(self)
        self.account = Account(self)
        self.coming = NewSide(self) if rolls_in(scenario) else None
        if scenario.controller.version != "fixed_lag" or scenario.nodes is not None:
            self.account.begin_background()
        if scenario.controller.version != "fixed_lag":
            self.controller = self.account.controllers(self.rolled, self.coming)
        self.nodes = None if scenario.nodes is None else Nodes(self, scenario.nodes)
        self.deadline: ProgressDeadline | None = None
        if self.nodes is not None:
            self.nodes.begin(self.old)
            if self.coming is None:
                self.deadline = ProgressDeadline(self.agenda, self.nodes)
        if self.coming is not None:
            self.coming.begin(self.nodes)
        self.agenda.after(-self.agenda.now_s, self.deployment.sync)

    def run(self, longest_pause_s: float) -> tuple[dict[str, list[Happened]], float]:
        """Return what happened, by kind, and the end. Raises `TimeoutError` after such a pause between two steps."""
        while not self.over():
            if self.deadline is not None and self.deadline.has_passed:
                return self.agenda.happened, self.agenda.now_s + JUST_AFTER_S
            stepped_s = self._last_step_s()
            self.agenda.next()
            if self.agenda.now_s > stepped_s + longest_pause_s:
                raise TimeoutError
        return self.agenda.happened, self.agenda.now_s

    def _last_step_s(self) -> float:
        """Return when a pod or a target last came or went."""
        kinds = ("PodCreated", "PodReady", "PodDeleted", "TargetRegistered", "TargetDeregistered")
        noted = [float(self.agenda.happened[kind][-1][0]) for kind in kinds if kind in self.agenda.happened]
        return max([0.0, *noted])

    def _has_left(self, pod: Pod) -> bool:
        return pod.deregistered or (self.controller is not None and self.target_group.was_never_in(pod))

    def over(self) -> bool:
        """Return whether the Deployment is complete, the old pods are gone and some target is healthy."""
        gone = all(self._has_left(pod) and pod.cut and pod.left for pod in self.deployment.ending)
        keeps_some = len(self.deployment.ending) < self.scenario.deployment.replicas
        done = self.deployment.complete and gone and self.deployment.settled and (keeps_some or self.has_healthy)
        return done and (self.coming is None or self.coming.is_over())
