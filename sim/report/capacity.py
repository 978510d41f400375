"""Where the pods of a replication had their places, and what they waited for, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import RolloutStalled
from sim.experiment.waits_for_nodes import pending_s
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def is_stalled(replication: Replication) -> bool:
    """Return whether the disruption did not go on, as pods waited for room that does not come."""
    return bool(replication.trace.of(RolloutStalled))


def stall_of(replication: Replication) -> Iterator[str]:
    """Yield what is to be said of a disruption that does not go on."""
    for stalled in replication.trace.of(RolloutStalled):
        waits = "waits" if stalled.pending == 1 else "wait"
        yield (
            f"This does not end: {count(stalled.pending, 'pod')} still {waits} for a node, and nothing is left that "
            f"could make room. Its progress deadline passed at {seconds(stalled.time_s)}."
        )


def room_for(replication: Replication) -> Iterator[str]:
    """Yield what is to be said of the nodes and of the pods that waited for them; nothing without nodes."""
    room = replication.scenario.room
    if room is None:
        return
    waited_s = pending_s(replication)
    waited_s = waited_s[waited_s > 0]
    yield (
        f"{count(room.nodes, 'node')} took {count(room.per_node, 'pod')} each, limited by {room.limited_by}: "
        f"{count(room.places, 'place')}."
    )
    if waited_s.size:
        yield (
            f"{count(waited_s.size, 'pod')} waited for a node, half of them {seconds(float(np.median(waited_s)))}, the "
            f"longest {seconds(float(waited_s.max()))}."
        )
    else:
        yield "No pod waited for a node."
