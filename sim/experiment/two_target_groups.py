"""The timeline of two target groups behind one listener's rule: which of them each ALB node uses, and when.

- A timeline has the rows of the first target group first, then as many of the second.
- What was never registered in a target group has left it.
- At an ALB node a newer rule is never replaced by an older one, whichever comes first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace.traffic import RuleTaken
from sim.data_plane.weights import Weights

if TYPE_CHECKING:
    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Timeline


def with_weights(timeline: Timeline, trace: Trace, nodes: int) -> Timeline:
    """Return a timeline of two target groups with the weights that each of the ALB's `nodes` has."""
    at_s: list[list[float]] = [[] for _ in range(nodes)]
    share: list[list[float]] = [[0.0] for _ in range(nodes)]
    newest = [-1] * nodes
    taken = trace.of(RuleTaken)
    for number in sorted(range(len(taken)), key=lambda number: taken[number].time_s):
        node = taken[number].node
        if number > newest[node]:
            newest[node] = number
            at_s[node].append(taken[number].time_s)
            share[node].append(taken[number].weight / 100)
    return replace(
        timeline,
        registered_until_s=np.where(np.isposinf(timeline.registered_from_s), -np.inf, timeline.registered_until_s),
        weights=Weights([np.array(times_s) for times_s in at_s], [np.array(shares) for shares in share]),
    )
