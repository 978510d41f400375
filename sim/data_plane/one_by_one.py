"""Requests one after the other, compiled, for settings in which a request's fate depends on earlier requests.

These settings are `least_outstanding_requests`, a pod's `concurrency`, and the ALB's pools (`idle_connections`).
Otherwise requests are independent, and `sampled` needs no loop. Requests through worker nodes (`kube_proxy_rules`)
always take the loop.

Everything starts empty, long enough before t = 0: a request from then can do nothing more at t = 0, and a queue has had
a minute to fill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.changes import Changes, all_changes
from sim.data_plane.compiled import compiled, part_of_loop
from sim.data_plane.idle_connections import Pools, idle_connection, keep, pools_of
from sim.data_plane.kube_proxy_rules import Rules, answered_until_s, cut_through_s, reached, rules_of
from sim.data_plane.least_outstanding import Open, fewest_open, note_sent, nothing_open, with_room
from sim.data_plane.rotation import alb_rotations
from sim.data_plane.sent import Sent, Way
from sim.data_plane.serving import Pods, pods_of, serve, slowed_s

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.arrivals import Block
    from sim.data_plane.ends import Ends
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec
    from sim.streams import Streams

    Ints = NDArray[np.int64]
    Targets = NDArray[np.int32]

_NEW = int(Way.NEW)


class OneByOne:
    """Sends requests and lets pods serve them. Blocks must come in order, those before t = 0 first."""

    def __init__(
        self,
        node_rotations: tuple[Rotation, ...],
        timeline: Timeline,
        ends: Ends,
        pod: PodSpec,
        target_group: TargetGroupSpec,
        streams: Streams,
    ) -> None:
        """Start without open requests, queues and connections."""
        self._pods = pods_of(timeline, ends, pod, target_group)
        self._pools = pools_of(timeline, pod, target_group)
        self._rules = rules_of(node_rotations, timeline.cut_s.size, target_group, timeline.instances)
        routed_over = alb_rotations(timeline, target_group)
        self._changes = all_changes(routed_over)
        targets = target_group.instances if target_group.target_type == "instance" else timeline.cut_s.size
        self._open = nothing_open(routed_over, targets, streams)
        self._chooses = target_group.routing == "least_outstanding_requests"

    def send(self, block: Block, target: Targets, choice: Times) -> Sent:
        """Send requests: to these targets, or with `least_outstanding_requests` to those that this object chooses.

        `choice` is a uniform draw for each request, which selects the pod where a worker node has to choose.
        """
        if self._chooses:
            self._open = with_room(self._open, block.node.size)
        if self._pools.reuse:
            self._pools = _with_room(self._pools, block.node.size)
        start_s, service_s = block.arrival_s.copy(), block.service_s.copy()
        # Integers of one size and arrays of one layout, so that each part of the loop is compiled once.
        way = np.zeros(block.node.size, np.int64)
        node, to = block.node.astype(np.int64), target.astype(np.int64)
        one_by_one(
            np.ascontiguousarray(block.arrival_s),
            service_s,
            np.ascontiguousarray(choice),
            node,
            to,
            start_s,
            way,
            self._pods,
            self._pools,
            self._rules,
            self._changes,
            self._open,
            self._chooses,
        )
        return Sent(
            block.arrival_s,
            start_s + service_s,
            node.astype(np.int16),
            to.astype(np.int32),
            start_s,
            way.astype(np.int8),
            block.node,
        )


def _with_room(pools: Pools, requests: int) -> Pools:
    """Return pools with room for their connections and this many more."""
    size, more = pools.next.size, requests - int(pools.unused[1])
    if more <= 0:
        return pools
    following = np.append(np.arange(size + 1, size + more, dtype=np.int64), pools.unused[0])
    pools.unused[:] = size, requests
    return pools._replace(
        next=np.concatenate((pools.next, following)),
        idle_from_s=np.concatenate((pools.idle_from_s, np.zeros(more))),
        pod=np.concatenate((pools.pod, np.zeros(more, np.int64))),
    )


@part_of_loop
def connection(
    pods: Pods, pools: Pools, rules: Rules, node: int, to: int, now_s: float, choice: float
) -> tuple[int, int, int]:
    """Return a request's `Way`, the node whose rotation or rules led to the pod, and the pod (-1 for none).

    The connection comes from the pool, or is new if the pool has none.
    """
    row = to if rules.size.size > 0 else node
    if pools.reuse:
        way, pod = idle_connection(pods, pools, node, to, now_s)
        if way != _NEW:
            return way, row, pod
    return _NEW, row, reached(rules, to, now_s, choice)


@compiled
def one_by_one(
    arrival_s: Times,
    service_s: Times,
    choice: Times,
    node: Ints,
    target: Ints,
    start_s: Times,
    way: Ints,
    pods: Pods,
    pools: Pools,
    rules: Rules,
    changes: Changes,
    open_: Open,
    chooses: bool,  # noqa: FBT001 - numba knows no keywords
) -> None:
    """Fill `start_s`, `way`, and in `target` the pod; worker nodes take the ALB nodes' place in `node`.

    `service_s` grows where the pod is cold. `target` holds the target of each request, unless this function `chooses`.
    Requests with the way `direct` need no connection.
    """
    direct = not pools.reuse and rules.size.size == 0
    for k in range(arrival_s.size):
        now_s, at = arrival_s[k], node[k]
        to = fewest_open(open_, changes, at, now_s) if chooses else target[k]
        target[k] = to
        if to < 0:
            continue
        if not direct:
            way[k], node[k], target[k] = connection(pods, pools, rules, at, to, now_s, choice[k])
        answered_s = now_s
        if target[k] >= 0:
            until_s, cut_s = answered_until_s(rules, to), cut_through_s(rules, at, to)
            service_s[k] = slowed_s(pods, target[k], now_s, service_s[k])
            start_s[k], answered_s, stays = serve(pods, node[k], target[k], way[k], now_s, service_s[k], until_s, cut_s)
            if pools.reuse and stays:
                keep(pools, at, to, target[k], answered_s)
        elif now_s >= answered_until_s(rules, to):
            answered_s = now_s + pods.silent_s[0]
        if chooses:
            note_sent(open_, at, to, now_s, answered_s)
