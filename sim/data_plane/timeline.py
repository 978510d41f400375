"""What the data plane must know of the control plane: for each target, when it can be sent to and how it behaves.

- A target is a pod's number (see the trace).
- Every interval is half-open `[from, until)`. `inf` means never, `-inf` since before the rollout.
- All times are seconds since the start of the disruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.instances import Instances
    from sim.data_plane.old_side import OldSide
    from sim.data_plane.split import Split
    from sim.data_plane.weights import Weights

    Times = NDArray[np.float64]


class Unreachable(IntEnum):
    """What a new connection meets at an address that is gone. `name.lower()` is the name in `pod.after_teardown`."""

    CONNECT_REFUSED = 0
    HOST_UNREACHABLE = 1
    CONNECT_TIMEOUT = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """One replication's targets. A timeline equals only itself.

    Times are in s since the start of the disruption. Times of a target have shape (targets,). Times of an ALB node's
    view of a target have shape (alb_nodes, targets), or with `weights` (2 * alb_nodes, targets).

    Attributes
    ----------
    listener_closed_s
        By target: new connections are refused from here on.
    cut_s
        By target: whatever still runs is cut (the process's end, or for a draining server its latest end).
    drain_deadline_s
        By target: the deregistration delay has elapsed. An ALB node that has heard of it cuts what still runs.
    answers_until_s
        By target: what is not answered by then never is. The process hangs, or its node is lost. A process that hangs
        finishes nothing when it is told to end: its listener closes as it is cut.
    vanishes_s
        By target: the node is lost, or its machine is terminated. Nothing of the pod answers any more, not even with an
        RST: a new connection meets silence.
    unreachable
        By target: what a new connection meets once the pod's address is gone (`Unreachable`).
    pod
        By target: the pod's number. A container that restarts in place is another target from then on, of the same pod.
    registered_from_s, registered_until_s
        By ALB node and target: the node knows the target as registered, not draining.
    healthy_from_s, healthy_until_s
        By ALB node and target: the node's checks call the target healthy.
    drains
        Whether a process ends as soon as its last request is done (at the latest at `cut_s`).
    rollout_complete_s
        When the disruption is complete.
    old_side
        The ALB that clients leave, if there are two. The old ALB's nodes come first.
    instances
        The worker nodes, where they are the targets and some leave. None: none leaves, or pods are the targets.
    weights
        The weights of a forward action's two target groups, if there are two. The rows of the first come first.
    """

    listener_closed_s: Times
    cut_s: Times
    drain_deadline_s: Times
    answers_until_s: Times
    vanishes_s: Times
    unreachable: NDArray[np.int8]
    pod: NDArray[np.int32]
    registered_from_s: Times
    registered_until_s: Times
    healthy_from_s: Times
    healthy_until_s: Times
    drains: bool
    rollout_complete_s: float
    old_side: OldSide | None = None
    instances: Instances | None = None
    weights: Weights | None = None

    @property
    def terminated(self) -> NDArray[np.intp]:
        """Return the targets whose pods end in this disruption: in a rolling update the old ones."""
        return np.flatnonzero(np.isfinite(np.minimum(self.cut_s, self.vanishes_s)))

    @property
    def alb_deleted_s(self) -> Times:
        """Return when each ALB node's load balancer is deleted, shape (alb_nodes,)."""
        deleted_s = np.full(self.registered_from_s.shape[0], np.inf)
        if self.old_side is not None:
            deleted_s[: self.old_side.nodes] = self.old_side.deleted_s
        return deleted_s

    @property
    def split(self) -> Split | None:
        """Return how requests are split between two sets of targets, None if there is one."""
        return self.weights if self.old_side is None else self.old_side

    def in_use(self, row: int) -> list[tuple[float, float]]:
        """Return the intervals in which a row's targets are sent anything.

        Parameters
        ----------
        row
            A row of the arrays by ALB node and target.

        Returns
        -------
        list of tuple of float
            Beginning and end of each, in s since the start of the disruption.
        """
        return [(-np.inf, np.inf)] if self.weights is None else list(self.weights.in_use(row))

    def nodes_of(self, row: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return the ALB nodes, or worker nodes, of rows.

        Parameters
        ----------
        row
            Rows of the arrays by ALB node and target, of any shape.

        Returns
        -------
        numpy.ndarray
            The number of each node, in the shape of `row`.
        """
        return row if self.weights is None else row % np.int16(self.weights.nodes)

    def pods_of(self, target: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the pods of targets, and -1, which stands for no target, unchanged.

        Parameters
        ----------
        target
            Numbers of targets, of any shape.

        Returns
        -------
        numpy.ndarray
            The number of each pod, in the shape of `target`.
        """
        return np.append(self.pod, np.int32(-1))[target]
