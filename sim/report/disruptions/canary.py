"""A canary in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace import PodDeleted
from sim.control_plane.trace.traffic import RuleModified, RuleTaken, WeightSet
from sim.report.wording import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.replication import Replication


def course(replication: Replication) -> Iterator[str]:
    """Yield lines of text on how a canary began and ended."""
    trace = replication.trace
    asked = [f"{record.weight} % at {seconds(record.time_s)}" for record in trace.of(WeightSet)]
    modified = [f"{record.weight} % at {seconds(record.time_s)}" for record in trace.of(RuleModified)]
    yield f"The Ingress gave the canary's target group {', '.join(asked)}. ModifyRule: {', '.join(modified) or 'none'}."
    taken = trace.of(RuleTaken)
    if taken:
        yield f"The last ALB node took the last rule over {seconds(max(record.time_s for record in taken))} after 0 s."
    n_old = replication.scenario.deployment.replicas
    deleted = [(record.time_s, "new" if record.pod >= n_old else "old") for record in trace.of(PodDeleted)]
    for which in ("old", "new"):
        deleted_s = [time_s for time_s, of in deleted if of == which]
        if deleted_s:
            yield (
                f"The {which} pods were deleted from {seconds(min(deleted_s))} on, the last after "
                f"{seconds(max(deleted_s))}."
            )
