"""Failed liveness probes in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import PodFailed
from sim.report.disruptions.crash import restarted, target_went
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how failed liveness probes began and ended."""
    n_pods = len(replication.trace.of(PodFailed))
    yield (
        f"{count(n_pods, 'container')} hung from 0 s on, until the liveness probe had failed and the kubelet ended "
        f"{'it' if n_pods == 1 else 'them'}. {restarted(replication)}"
    )
    yield target_went(replication)
