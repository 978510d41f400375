"""What a pod and the ALB's connections to it do with one request, where earlier requests decide: compiled.

A pod serves as many requests at once as it has workers, and queues the others. An ALB node keeps idle connections to a
target and uses them again. A server closes connections that have been idle for its keep-alive.

Modelled:
- `pod.concurrency`: that many servers for each pod, and one queue, first come, first served, for all nodes together.
  Requests that the ALB has given up are served all the same, because the pod does not know.
- `pod.accept: prefork`: requests that no worker has taken when the listener closes were never accepted. They are reset
  then.
- `target_group.connection_reuse`: a node's request takes the idle connection to its target that was used last, else
  opens one. After an `ok` the connection is idle, after any other outcome it is gone. A connection is not used again
  once it has been idle for the ALB's idle timeout.
- `pod.keep_alive_timeout_s` K below that idle timeout: the target closes a connection that has been idle for K. Its FIN
  reaches the node half a round trip later, and a request sent then arrives half a round trip later too. So a request
  is lost if and only if its connection has been idle for K - RTT/2 to K + RTT/2 (`keep_alive_race`). Connections that
  are idle for longer are known to be closed. With requests at rate r on one connection, r exp(-r K) RTT are lost.
- `pod.idle_connections_at_sigterm: serve`: a draining pod answers on its connections until SIGKILL, and so lives until
  then. It refuses only new connections.
- With target type `instance` a pool leads to a worker node. Each connection leads to the pod that it reached when it
  was opened (`kube_proxy_rules`). Connections that a pod closes at its end leave the pool; the others are used on.

Left out: TLS; a limit on connections; the race at the closing of a listener (`close`), where both sides end at once.

Sources: docs/facts/alb.md §4 (keep-alive shorter than the idle timeout gives 502s: AWS,
edit-load-balancer-attributes; some 0.001 % of requests behind Node's 5 s: shuheikagawa.com, 2019). The round trip is an
assumption, that of one Region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.compiled import compiled, replace_first
from sim.data_plane.ends import Met
from sim.data_plane.sent import Way
from sim.scenario.keep_alive import ROUND_TRIP_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.data_plane.ends import Ends
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec

_NEW, _POOLED, _RACED = int(Way.NEW), int(Way.POOLED), int(Way.RACED)


class Pods(NamedTuple):
    """The pods, and what is known of their ends (see `timeline`).

    By target:

    - `closed_s`, `killed_s`, `answers_until_s`, `vanishes_s`: as the timeline has them.
    - `unreachable_s`, `silent_s`: the wait for a connection to an address that is gone, and to one whose machine is.
    - `reset_s`: when a prefork pod resets its backlog.
    - `last_finish_s`: when its last request is finished. The loop updates it.
    - `free_s`: a heap of the times from which each server is free, without columns if there is no limit.

    By node and target: `cut_s`, when requests are cut. `serves_pooled`: a draining pod answers on pooled connections.
    """

    closed_s: Times
    killed_s: Times
    answers_until_s: Times
    vanishes_s: Times
    unreachable_s: Times
    silent_s: Times
    reset_s: Times
    cut_s: Times
    last_finish_s: Times
    free_s: Times
    drains: bool
    serves_pooled: bool
    teardown_s: float
    longest_for_answer_s: float


class Pools(NamedTuple):
    """Idle connections as linked lists of places, one for each ALB node and target, the latest request's first.

    `first` is the head of each list, and `next` leads from place to place. By place: `idle_from_s`, and `pod`, which is
    the target itself except behind a worker node. A connection may be used until it has been idle for `longest_idle_s`;
    a request on one idle for `race_from_s` or more is lost.

    The unused places form a list too, the free list: `unused` holds its head and its length. Opening and closing
    connections only moves places between lists, so the compiled loop allocates nothing.
    """

    first: NDArray[np.int32]
    next: NDArray[np.int32]
    idle_from_s: Times
    pod: NDArray[np.int32]
    unused: NDArray[np.int32]
    reuse: bool
    longest_idle_s: float
    race_from_s: float


def pods_of(timeline: Timeline, ends: Ends, pod: PodSpec, target_group: TargetGroupSpec) -> Pods:
    """Return the pods before any request."""
    targets = timeline.cut_s.size
    return Pods(
        closed_s=timeline.listener_closed_s,
        killed_s=timeline.cut_s,
        answers_until_s=timeline.answers_until_s,
        vanishes_s=timeline.vanishes_s,
        unreachable_s=ends.unaccepted_s[Met.NO_ADDRESS],
        silent_s=ends.unaccepted_s[Met.NO_MACHINE],
        reset_s=ends.reset_s,
        cut_s=ends.cut_s,
        last_finish_s=np.full(targets, -np.inf),
        free_s=np.full((targets, pod.concurrency or 0), -np.inf),
        drains=timeline.drains,
        serves_pooled=timeline.drains and target_group.connection_reuse and pod.idle_connections_at_sigterm == "serve",
        teardown_s=pod.sandbox_teardown_s,
        longest_for_answer_s=ends.for_answer.longest_s,
    )


def pools_of(timeline: Timeline, pod: PodSpec, target_group: TargetGroupSpec) -> Pools:
    """Return the pools before any connection."""
    keep_alive_s = pod.keep_alive_timeout_s if pod.keep_alive_timeout_s is not None else np.inf
    to_pods = timeline.registered_from_s.shape
    to_workers = (target_group.alb_nodes, target_group.instances)
    return Pools(
        first=np.full(to_workers if target_group.target_type == "instance" else to_pods, -1, np.int32),
        next=np.zeros(0, np.int32),
        idle_from_s=np.zeros(0),
        pod=np.zeros(0, np.int32),
        unused=np.array([-1, 0], np.int32),
        reuse=target_group.connection_reuse,
        longest_idle_s=min(target_group.idle_timeout_s, keep_alive_s + ROUND_TRIP_S / 2),
        race_from_s=keep_alive_s - ROUND_TRIP_S / 2,
    )


@compiled
def idle_connection(pods: Pods, pools: Pools, node: int, to: int, now_s: float) -> tuple[int, int]:
    """Take the connection that became idle last, and return its `Way` and its pod. Drop those that are closed.

    If there is none, return the way of a new connection, to a pod that is not known yet (-1).
    """
    best, before_best = -1, -1
    before, place = -1, pools.first[node, to]
    while place >= 0:
        following = pools.next[place]
        if now_s - pools.idle_from_s[place] >= pools.longest_idle_s or closes(pods, pools.pod[place], now_s):
            drop(pools, node, to, before, place)
        else:
            if pools.idle_from_s[place] <= now_s and (best < 0 or pools.idle_from_s[place] > pools.idle_from_s[best]):
                best, before_best = place, before
            before = place
        place = following
    if best < 0:
        return _NEW, -1
    drop(pools, node, to, before_best, best)
    idle_s = now_s - pools.idle_from_s[best]
    return _RACED if idle_s >= pools.race_from_s else _POOLED, int(pools.pod[best])


@compiled
def closes(pods: Pods, pod: int, now_s: float) -> bool:
    """Return whether a pod has closed its connections.

    It does so with its listener, or at its end if it goes on serving them, and never if its node is lost before.
    """
    closes_s = pods.killed_s[pod] if pods.serves_pooled else pods.closed_s[pod]
    lost = pods.vanishes_s[pod] <= closes_s and pods.vanishes_s[pod] < pods.killed_s[pod]
    return bool(closes_s <= now_s and not lost)


@compiled
def drop(pools: Pools, node: int, to: int, before: int, place: int) -> None:
    """Move a place from its list to the free list. `before` is the place in front of it, -1 for none."""
    if before < 0:
        pools.first[node, to] = pools.next[place]
    else:
        pools.next[before] = pools.next[place]
    pools.next[place] = pools.unused[0]
    pools.unused[0] = place
    pools.unused[1] += 1


@compiled
def keep(pools: Pools, node: int, to: int, pod: int, idle_from_s: float) -> None:
    """Put a connection to a pod, idle from `idle_from_s` on, into the pool of a target."""
    place = pools.unused[0]
    pools.unused[0] = pools.next[place]
    pools.unused[1] -= 1
    pools.next[place] = pools.first[node, to]
    pools.first[node, to] = place
    pools.idle_from_s[place] = idle_from_s
    pools.pod[place] = pod


@compiled
def started_s(pods: Pods, target: int, way: int, now_s: float, service_s: float) -> float:
    """Return when a server of the pod takes an accepted request, and keep that server busy until the finish."""
    if pods.free_s.shape[1] == 0:
        return now_s
    start_s = max(now_s, pods.free_s[target, 0])
    if not resets(pods, target, way, start_s):
        replace_first(pods.free_s[target], finished_s(pods, target, start_s + service_s))
    return float(start_s)


@compiled
def resets(pods: Pods, target: int, way: int, start_s: float) -> bool:
    """Return whether a prefork pod resets a request that a worker would take at `start_s`."""
    return bool(way == _NEW and start_s >= pods.reset_s[target])


@compiled
def finished_s(pods: Pods, target: int, finish_s: float) -> float:
    """Return when a request is finished that would be at `finish_s`: never, if the pod does not answer then."""
    return finish_s if finish_s <= pods.answers_until_s[target] else np.inf


@compiled
def not_accepted_until_s(pods: Pods, target: int, now_s: float) -> float:
    """Return when a request to a closed listener is answered."""
    ended_s = pods.killed_s[target]
    if pods.drains and not pods.serves_pooled:
        ended_s = min(ended_s, max(pods.closed_s[target], pods.last_finish_s[target]))
    if now_s >= pods.vanishes_s[target]:
        return float(now_s + pods.silent_s[target])
    return float(now_s if now_s < ended_s + pods.teardown_s else now_s + pods.unreachable_s[target])


@compiled
def served_until_s(
    pods: Pods, node: int, target: int, way: int, now_s: float, start_s: float, finish_s: float, cut_s: float
) -> float:
    """Return when an accepted request is answered, at the latest at `cut_s`."""
    cut_s = min(cut_s, pods.cut_s[node, target])
    if resets(pods, target, way, start_s):
        cut_s = min(cut_s, pods.reset_s[target])
    else:
        pods.last_finish_s[target] = max(pods.last_finish_s[target], finish_s)
    return float(min(finish_s, cut_s, now_s + pods.longest_for_answer_s))


@compiled
def serve(
    pods: Pods, node: int, pod: int, way: int, now_s: float, service_s: float, until_s: float, cut_s: float
) -> tuple[float, float, bool]:
    """Let a pod serve a request.

    Return when a server takes the request, when it is answered, and whether the connection stays open. `node` is the
    node that may not have heard of the pod's removal. An answer comes through until `until_s`; what still runs at
    `cut_s` is cut.
    """
    if way == _NEW and now_s >= pods.closed_s[pod]:
        return now_s, not_accepted_until_s(pods, pod, now_s), False
    if way == _RACED:
        return now_s, now_s, False
    start_s = started_s(pods, pod, way, now_s, service_s)
    finish_s = finished_s(pods, pod, start_s + service_s)
    end_s = served_until_s(pods, node, pod, way, now_s, start_s, finish_s, cut_s)
    if finish_s > until_s and end_s == finish_s:
        return start_s, min(cut_s, pods.cut_s[node, pod], now_s + pods.longest_for_answer_s), False
    return start_s, end_s, end_s == finish_s
