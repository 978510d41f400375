"""When a rollout on worker nodes is taken to have stalled, again, naively.

Written from docs/facts/capacity.md §1 and docs/model.md, "Nodes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.verification.reference.agenda_twin import Agenda
    from sim.verification.reference.nodes_twin import Nodes

DEADLINE_S = 600.0
LOOKS_AGAIN_S = 60.0


class ProgressDeadline:
    """The deadline of the disruption whose pods these nodes have."""

    def __init__(self, agenda: Agenda, nodes: Nodes) -> None:
        self._agenda, self._nodes = agenda, nodes
        self.has_passed = False
        agenda.after(0, self._look)

    def _look(self) -> None:
        now_s, happened = self._agenda.now_s, self._agenda.happened
        kinds = ("PodCreated", "PodReady", "PodDeleted", "SubnetHeld")
        last_s = max([0.0, self._nodes.changed_s, *(happened[kind][-1][0] for kind in kinds if kind in happened)])
        left_s = last_s + DEADLINE_S - now_s
        if left_s > 0:
            self._agenda.after(left_s, self._look)
        elif self._nodes.may_go_on():
            self._agenda.after(LOOKS_AGAIN_S, self._look)
        else:
            without = [] if self._nodes.addresses is None else self._nodes.addresses.waiting
            self._agenda.note("RolloutStalled", now_s, self._nodes.pending, sorted(pod.number for pod in without))
            self.has_passed = True
