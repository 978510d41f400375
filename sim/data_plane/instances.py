"""Worker nodes as the ALB's targets (`target_group.target_type: instance`), and how they leave.

Modelled:
- An ALB node sends to a worker node until it hears that this is deregistered, or its health checks of it fail.
- A worker node whose machine is gone passes nothing on, either way. A new connection to it meets silence. A request in
  flight through it is never answered, although its pod finishes it.
- A deregistered worker node passes everything on as before. The ALB cuts what still runs through it when the
  deregistration delay is over, at the ALB nodes that have heard.

Left out: worker nodes that join during the disruption.

Sources: docs/facts/capacity.md §3; docs/facts/alb.md §1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.data_plane.timeline import Times


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instances:
    """When worker nodes leave. Times are in s since the start of the disruption, `inf` for never.

    Attributes
    ----------
    sent_until_s
        The ALB node sends the worker node nothing new from here on, shape (alb_nodes, instances).
    cut_s
        The ALB node cuts what still runs through it, shape (alb_nodes, instances).
    gone_s
        The instance's machine is gone, shape (instances,).
    """

    sent_until_s: Times
    cut_s: Times
    gone_s: Times

    @property
    def leaving_s(self) -> Times:
        """Return when each worker node that leaves has left every ALB node's rotation, shape (leaving,)."""
        leaves = np.isfinite(self.gone_s) | np.isfinite(self.sent_until_s).any(axis=0)
        return np.asarray(self.sent_until_s.max(axis=0)[leaves])

    @property
    def trouble_s(self) -> Times:
        """Return when the first trouble comes of a request through each worker node, shape (alb_nodes, instances)."""
        return np.minimum(self.cut_s, self.gone_s)


def lasting(alb_nodes: int, instances: int) -> Instances:
    """Return worker nodes that never leave."""
    never_s = np.full((alb_nodes, instances), np.inf)
    return Instances(sent_until_s=never_s, cut_s=never_s, gone_s=never_s[0])
