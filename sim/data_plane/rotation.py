"""Which targets an ALB node sends new requests to, and when.

Every ALB node keeps its own list of registered targets and its own opinion of their health.

Modelled:
- A node's rotation holds the targets that are registered and healthy there.
- While there are none, it holds every target registered there (fail-open), `initial` ones included.
- While none is registered either, it is empty.
- Where two target groups share the requests by weight, a node's rotation of one is empty while its weight is zero.
- With target type `instance` the same holds for each worker node's rules, and an ALB node routes over the worker nodes
  (`instances`).

Assumed: AWS documents fail-open for unhealthy targets, and says nothing of a group with only `initial` and draining
ones. Here the initial ones are sent the requests, as they are registered. LBC issue 1124 saw 502s from such a group.

Left out: stickiness, cross-zone off, minimum healthy targets other than 1.

Sources: docs/facts/alb.md §2; docs/model.md, "Target group and ALB nodes".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.instances import lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import TargetGroupSpec


@dataclass(frozen=True, slots=True)
class Rotation:
    """One node's rotation as spells, none of them empty: `target[k]` is in it during `[from_s[k], until_s[k])`.

    A target's spells neither overlap nor touch. A target has several only if fail-open brings it back.
    """

    target: NDArray[np.int32]
    from_s: Times
    until_s: Times

    def within(self, from_s: Times | float, until_s: Times | float) -> Rotation:
        """Cut each spell to an interval (one for all, or one for each), and drop the spells that become empty."""
        begin_s = np.maximum(self.from_s, from_s)
        end_s = np.minimum(self.until_s, until_s)
        kept = begin_s < end_s
        return Rotation(self.target[kept], begin_s[kept], end_s[kept])


@lru_cache(maxsize=1)
def rotations(timeline: Timeline) -> tuple[Rotation, ...]:
    """Return each node's rotation, in the order of the nodes. Cached, because all estimates of a timeline need them."""
    return tuple(_rotation(timeline, node) for node in range(timeline.registered_from_s.shape[0]))


def alb_rotations(timeline: Timeline, target_group: TargetGroupSpec) -> tuple[Rotation, ...]:
    """Return what each ALB node routes over: its rotation of pods, or the worker nodes that have not left."""
    if target_group.target_type == "ip":
        return rotations(timeline)
    workers = np.arange(target_group.instances, dtype=np.int32)
    ever_s = np.full(workers.size, -np.inf)
    instances = timeline.instances or lasting(target_group.alb_nodes, target_group.instances)
    return tuple(Rotation(workers, ever_s, until_s) for until_s in instances.sent_until_s)


def n_alb_nodes(timeline: Timeline, target_group: TargetGroupSpec) -> int:
    """Return how many ALB nodes share the requests."""
    if timeline.split is not None:
        return timeline.split.nodes
    return target_group.alb_nodes if target_group.target_type == "instance" else timeline.registered_from_s.shape[0]


def left_rotation_s(timeline: Timeline) -> Times:
    """Return when each target has left every rotation, by health check or deregistration, shape (targets,).

    `inf`: the target never leaves. `-inf`: the target never was in a rotation.
    """
    left_s = np.full(timeline.cut_s.size, -np.inf)
    for rotation in rotations(timeline):
        np.maximum.at(left_s, rotation.target, rotation.until_s)
    return left_s


def exposure_s(timeline: Timeline) -> Times:
    """Return how long each terminated target refused connections while in a node's rotation, shape (targets,).

    The time is the longest over the nodes, as clients see errors until the last node has heard. NaN: not terminated.
    """
    exposed_s = np.full(timeline.cut_s.size, np.nan)
    ended = timeline.terminated
    dead_from_s = np.minimum(timeline.listener_closed_s, timeline.answers_until_s)
    by_node = []
    for rotation in rotations(timeline):
        dead = rotation.within(dead_from_s[rotation.target], np.inf)
        by_node.append(np.bincount(dead.target, dead.until_s - dead.from_s, minlength=timeline.cut_s.size))
    exposed_s[ended] = np.max(by_node, axis=0)[ended]
    return exposed_s


def _rotation(timeline: Timeline, node: int) -> Rotation:
    targets = np.arange(timeline.cut_s.size, dtype=np.int32)
    listed = Rotation(targets, timeline.registered_from_s[node], timeline.registered_until_s[node])
    healthy = listed.within(timeline.healthy_from_s[node], timeline.healthy_until_s[node])
    parts = [healthy, *(listed.within(*gap) for gap in _gaps(healthy))]
    nothing = listed.within(np.inf, np.inf)
    return _joined([nothing, *(part.within(*interval) for part in parts for interval in timeline.in_use(node))])


def _gaps(rotation: Rotation) -> Iterator[tuple[float, float]]:
    """Yield the intervals in which the rotation is empty.

    Sorted by beginning, the spells cover everything up to the running maximum of their ends. A gap lies wherever the
    next spell begins later than that.
    """
    order = np.argsort(rotation.from_s)
    begin_s = np.append(rotation.from_s[order], np.inf)
    covered_until_s = np.append(-np.inf, np.maximum.accumulate(rotation.until_s[order]))
    real = covered_until_s < begin_s
    return zip(covered_until_s[real].tolist(), begin_s[real].tolist(), strict=True)


def _joined(parts: list[Rotation]) -> Rotation:
    """Put disjoint spells together. Touching spells of one target become one, so that the target keeps its place."""
    target = np.concatenate([part.target for part in parts])
    from_s = np.concatenate([part.from_s for part in parts])
    until_s = np.concatenate([part.until_s for part in parts])
    order = np.lexsort((from_s, target))
    target, from_s, until_s = target[order], from_s[order], until_s[order]
    apart = (target[1:] != target[:-1]) | (from_s[1:] > until_s[:-1])
    first = np.append(True, apart)[: target.size]
    last = np.append(apart, True)[: target.size]
    return Rotation(target[first], from_s[first], until_s[last])
