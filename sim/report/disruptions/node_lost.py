"""Lost nodes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import PodDeleted, PodFailed
from sim.report.wording import count, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how the loss of a node began and ended."""
    n_pods = len(replication.trace.of(PodFailed))
    deleted_s = replication.trace.of(PodDeleted)[0].time_s
    spec = replication.scenario.node_lost
    yield (
        f"At 0 s a node was lost with {count(n_pods, 'pod')}. The node was NotReady after "
        f"{seconds(deleted_s - spec.toleration_s)}; its pods were deleted and replaced from {seconds(deleted_s)} on."
    )
