"""The ways by which requests reach pods, each with its rate: what the `expected` estimator adds up over.

With target type `ip` a line is an ALB node; each set of targets in slow start has one of its own. Behind worker nodes
it is a worker node. A target that leaves has a line for each ALB node that sends to it, because each of these stops,
and cuts, at a time of its own.

Modelled: an ALB node sends to each of the n worker nodes in its rotation an n-th of its requests, at every instant
(see `routing`).

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.ends import CUT_AT_INSTANCE
from sim.data_plane.rotation import Rotation, rotations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.data_plane.ends import Ends
    from sim.data_plane.instances import Instances
    from sim.data_plane.slow_start import SlowStart
    from sim.data_plane.timeline import Timeline, Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One way to pods.

    - `rotation`: the pods that it leads to. `node`: the ALB node or worker node whose rotation or rules these are.
    - `change_s`, `rps`: its requests per second are `rps[k]` from `change_s[k - 1]` to `change_s[k]`.
    - `cut_s`, `cut_by`: by target, when requests are cut, and their `Outcome`.
    - `gone_s`: its worker node's machine is gone.
    - `beside`: the rotation whose targets share its requests, those of other lines too.
    - `begins_s`: the slow start of its pods begins, `-inf` if they have none. `slow_start`: of which these are.
    """

    rotation: Rotation
    node: int
    change_s: Times
    rps: Times
    cut_s: Times
    cut_by: NDArray[np.int8]
    beside: Rotation
    gone_s: float = np.inf
    begins_s: float = -np.inf
    slow_start: SlowStart | None = None

    def rps_at(self, at_s: Times) -> Times:
        """Return the requests per second at these times."""
        return np.asarray(self.rps[np.searchsorted(self.change_s, at_s, side="right")])


def lines_of(timeline: Timeline, ends: Ends, arrival_rate_rps: float, slow_starts: Sequence[SlowStart]) -> list[Line]:
    """Return the lines of a replication.

    The rates of lines add up to the arrival rate, or those of each set of targets do where there are two (`split`).
    """
    node_rotations = rotations(timeline)
    if timeline.instances is None:
        nodes = len(node_rotations) if timeline.split is None else timeline.split.nodes
        never_s, rps = np.zeros(0), np.array([arrival_rate_rps / nodes])
        return [
            Line(
                rotation=part,
                node=node,
                change_s=never_s,
                rps=rps,
                cut_s=ends.cut_s[node],
                cut_by=ends.cut_by[node],
                beside=rotation,
                begins_s=begins_s,
                slow_start=slow_starts[node] if slow_starts else None,
            )
            for node, rotation in enumerate(node_rotations)
            for begins_s, part in _alike(rotation, slow_starts[node] if slow_starts else None)
        ]
    return list(_through_instances(timeline.instances, node_rotations, ends, arrival_rate_rps))


def _alike(rotation: Rotation, slow_start: SlowStart | None) -> Iterator[tuple[float, Rotation]]:
    """Yield the parts of a rotation whose targets have one share, each with the beginning of its slow start."""
    if slow_start is None:
        yield -np.inf, rotation
        return
    begins_s = slow_start.of(rotation)
    for begin_s in np.union1d([-np.inf], begins_s).tolist():
        at = begins_s == begin_s
        yield begin_s, Rotation(rotation.target[at], rotation.from_s[at], rotation.until_s[at])


def _through_instances(
    instances: Instances, node_rotations: tuple[Rotation, ...], ends: Ends, arrival_rate_rps: float
) -> Iterator[Line]:
    """Yield a line for each worker node that stays, and one for each that leaves and each ALB node."""
    rate_rps = arrival_rate_rps / len(instances.sent_until_s)
    first_s = np.minimum(instances.trouble_s, instances.sent_until_s).min(axis=0)
    change_s = np.unique(instances.sent_until_s[np.isfinite(instances.sent_until_s)])
    from_s = np.append(-np.inf, change_s)
    sent = instances.sent_until_s[:, None, :] > from_s[None, :, None]
    rps = np.where(sent, rate_rps / np.maximum(sent.sum(axis=2, keepdims=True), 1), 0.0)
    for worker, rotation in enumerate(node_rotations):
        cut_s, cut_by = ends.cut_s[worker], ends.cut_by[worker]
        if first_s[worker] == np.inf:
            total = rps[:, :, worker].sum(axis=0)
            yield Line(
                rotation=rotation,
                beside=rotation,
                node=worker,
                change_s=change_s,
                rps=total,
                cut_s=cut_s,
                cut_by=cut_by,
            )
            continue
        for node, through_s in enumerate(instances.cut_s[:, worker].tolist()):
            yield Line(
                rotation=rotation,
                beside=rotation,
                node=worker,
                change_s=change_s,
                rps=rps[node, :, worker],
                cut_s=np.minimum(cut_s, through_s),
                cut_by=np.where(through_s < cut_s, CUT_AT_INSTANCE, cut_by).astype(np.int8),
                gone_s=float(instances.gone_s[worker]),
            )
