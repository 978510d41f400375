"""What a pod does with one request, where earlier requests decide: compiled.

A pod serves as many requests at once as it has workers, and queues the others.

Modelled:
- `pod.concurrency`: that many servers for each pod, and one queue, first come, first served, for all nodes together.
  Requests that the ALB has given up are served all the same, because the pod does not know.
- `pod.accept: prefork`: requests that no worker has taken when the listener closes were never accepted. Such requests
  are reset then.
- `pod.idle_connections_at_sigterm: serve`: a draining pod answers on its connections until SIGKILL, and so lives until
  then. Such a pod refuses only new connections.

Left out: the race at the closing of a listener (`close`), where both sides end at once.

Sources: docs/model.md, "Data plane".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.cold import cold_until_s
from sim.data_plane.compiled import part_of_loop, replace_first
from sim.data_plane.ends import Met
from sim.data_plane.sent import Way

if TYPE_CHECKING:
    from sim.data_plane.ends import Ends
    from sim.data_plane.timeline import Timeline, Times
    from sim.scenario.specs import PodSpec, TargetGroupSpec

_NEW, _RACED = int(Way.NEW), int(Way.RACED)


class Pods(NamedTuple):
    """The pods, and what is known of their ends (see `timeline`).

    By target:

    - `closed_s`, `killed_s`, `answers_until_s`, `vanishes_s`: as the timeline has them.
    - `unreachable_s`, `silent_s`: the wait for a connection to an address that is gone, and to one whose machine is.
    - `reset_s`: when a prefork pod resets its backlog.
    - `cold_until_s`: until then a request takes `cold_factor` times as long.
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
    cold_until_s: Times
    cold_factor: float
    last_finish_s: Times
    free_s: Times
    drains: bool
    serves_pooled: bool
    teardown_s: float
    longest_for_answer_s: float


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
        cold_until_s=cold_until_s(timeline, pod),
        cold_factor=pod.cold_factor,
        last_finish_s=np.full(targets, -np.inf),
        free_s=np.full((targets, pod.concurrency or 0), -np.inf),
        drains=timeline.drains,
        serves_pooled=timeline.drains and target_group.connection_reuse and pod.idle_connections_at_sigterm == "serve",
        teardown_s=pod.sandbox_teardown_s,
        longest_for_answer_s=ends.for_answer.longest_s,
    )


@part_of_loop
def slowed_s(pods: Pods, target: int, now_s: float, service_s: float) -> float:
    """Return how long a request takes in a pod, which may be cold."""
    return service_s * pods.cold_factor if now_s < pods.cold_until_s[target] else service_s


@part_of_loop
def started_s(pods: Pods, target: int, way: int, now_s: float, service_s: float) -> float:
    """Return when a server of the pod takes an accepted request, and keep that server busy until the finish."""
    if pods.free_s.shape[1] == 0:
        return now_s
    start_s = max(now_s, pods.free_s[target, 0])
    if not resets(pods, target, way, start_s):
        replace_first(pods.free_s[target], finished_s(pods, target, start_s + service_s))
    return float(start_s)


@part_of_loop
def resets(pods: Pods, target: int, way: int, start_s: float) -> bool:
    """Return whether a prefork pod resets a request that a worker would take at `start_s`."""
    return bool(way == _NEW and start_s >= pods.reset_s[target])


@part_of_loop
def finished_s(pods: Pods, target: int, finish_s: float) -> float:
    """Return when a request is finished that would be at `finish_s`: never, if the pod does not answer then."""
    return finish_s if finish_s <= pods.answers_until_s[target] else np.inf


@part_of_loop
def not_accepted_until_s(pods: Pods, target: int, now_s: float) -> float:
    """Return when a request to a closed listener is answered."""
    ended_s = pods.killed_s[target]
    if pods.drains and not pods.serves_pooled:
        ended_s = min(ended_s, max(pods.closed_s[target], pods.last_finish_s[target]))
    if now_s >= pods.vanishes_s[target]:
        return float(now_s + pods.silent_s[target])
    return float(now_s if now_s < ended_s + pods.teardown_s else now_s + pods.unreachable_s[target])


@part_of_loop
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


@part_of_loop
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
