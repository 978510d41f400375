"""The ALB's pools of idle connections, where earlier requests decide: compiled.

An ALB node keeps idle connections to a target and uses them again. A server closes connections that have been idle for
its keep-alive.

Modelled:
- `target_group.connection_reuse`: a node's request takes the idle connection to its target that was used last, else
  opens one. After an `ok` the connection is idle, after any other outcome it is gone. A connection is not used again
  once it has been idle for the ALB's idle timeout.
- `pod.keep_alive_timeout_s` K below that idle timeout: the target closes a connection that has been idle for K. The
  target's FIN reaches the node half a round trip later, and a request sent then arrives half a round trip later too. So
  a request is lost if and only if its connection has been idle for K - RTT/2 to K + RTT/2 (`keep_alive_race`).
  Connections that are idle for longer are known to be closed. With requests at rate r on one connection, r exp(-r K)
  RTT are lost.
- With target type `instance` a pool leads to a worker node. Each connection leads to the pod that it reached when it
  was opened (`kube_proxy_rules`). Connections that a pod closes at its end leave the pool; the others are used on.

Left out: TLS; a limit on connections.

Sources: docs/facts/alb.md §4 (keep-alive shorter than the idle timeout gives 502s: AWS,
edit-load-balancer-attributes; some 0.001 % of requests behind Node's 5 s: shuheikagawa.com, 2019). The round trip is an
assumption, that of one Region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.compiled import part_of_loop
from sim.data_plane.sent import Way
from sim.scenario.keep_alive import ROUND_TRIP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.serving import Pods
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec

    Ints = NDArray[np.int64]

_NEW, _POOLED, _RACED = int(Way.NEW), int(Way.POOLED), int(Way.RACED)


class Pools(NamedTuple):
    """Idle connections as linked lists of places, one for each ALB node and target, the latest request's first.

    `first` is the head of each list, and `next` leads from place to place. By place: `idle_from_s`, and `pod`, which is
    the target itself except behind a worker node. A connection may be used until it has been idle for `longest_idle_s`;
    a request on one idle for `race_from_s` or more is lost.

    The unused places form a list too, the free list: `unused` holds its head and its length. Opening and closing
    connections only moves places between lists, so the compiled loop allocates nothing.
    """

    first: Ints
    next: Ints
    idle_from_s: Times
    pod: Ints
    unused: Ints
    reuse: bool
    longest_idle_s: float
    race_from_s: float


def pools_of(timeline: Timeline, pod: PodSpec, target_group: TargetGroupSpec) -> Pools:
    """Return the pools before any connection."""
    keep_alive_s = pod.keep_alive_timeout_s if pod.keep_alive_timeout_s is not None else np.inf
    to_pods = timeline.registered_from_s.shape
    to_workers = (target_group.alb_nodes, target_group.instances)
    return Pools(
        first=np.full(to_workers if target_group.target_type == "instance" else to_pods, -1, np.int64),
        next=np.zeros(0, np.int64),
        idle_from_s=np.zeros(0),
        pod=np.zeros(0, np.int64),
        unused=np.array([-1, 0], np.int64),
        reuse=target_group.connection_reuse,
        longest_idle_s=min(target_group.idle_timeout_s, keep_alive_s + ROUND_TRIP_S / 2),
        race_from_s=keep_alive_s - ROUND_TRIP_S / 2,
    )


@part_of_loop
def idle_connection(pods: Pods, pools: Pools, node: int, to: int, now_s: float) -> tuple[int, int]:
    """Take the connection that became idle last, and return its `Way` and its pod. Drop those that are closed.

    If there is none, return the way of a new connection, to a pod that is not known yet (-1).
    """
    best, before_best, best_from_s = -1, -1, -np.inf
    before, place = -1, pools.first[node, to]
    while place >= 0:
        following, idle_from_s = pools.next[place], pools.idle_from_s[place]
        if now_s - idle_from_s >= pools.longest_idle_s or closes(pods, pools.pod[place], now_s):
            drop(pools, node, to, before, place)
        else:
            if best_from_s < idle_from_s <= now_s:
                best, before_best, best_from_s = place, before, idle_from_s
            before = place
        place = following
    if best < 0:
        return _NEW, -1
    drop(pools, node, to, before_best, best)
    idle_s = now_s - best_from_s
    return _RACED if idle_s >= pools.race_from_s else _POOLED, pools.pod[best]


@part_of_loop
def closes(pods: Pods, pod: int, now_s: float) -> bool:
    """Return whether a pod has closed its connections.

    A pod does so with its listener, or at its end if it goes on serving them, and never if its node is lost before.
    """
    closes_s = pods.killed_s[pod] if pods.serves_pooled else pods.closed_s[pod]
    lost = pods.vanishes_s[pod] <= closes_s and pods.vanishes_s[pod] < pods.killed_s[pod]
    return bool(closes_s <= now_s and not lost)


@part_of_loop
def drop(pools: Pools, node: int, to: int, before: int, place: int) -> None:
    """Move a place from its list to the free list. `before` is the place in front of it, -1 for none."""
    if before < 0:
        pools.first[node, to] = pools.next[place]
    else:
        pools.next[before] = pools.next[place]
    pools.next[place] = pools.unused[0]
    pools.unused[0] = place
    pools.unused[1] += 1


@part_of_loop
def keep(pools: Pools, node: int, to: int, pod: int, idle_from_s: float) -> None:
    """Put a connection to a pod, idle from `idle_from_s` on, into the pool of a target."""
    place = pools.unused[0]
    pools.unused[0] = pools.next[place]
    pools.unused[1] -= 1
    pools.next[place] = pools.first[node, to]
    pools.first[node, to] = place
    pools.idle_from_s[place] = idle_from_s
    pools.pod[place] = pod
