"""Worker nodes between the ALB and the pods, by hand and by the law of the chances; the twin has the rest."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from albsim_tests.data_plane import EVER, NEVER, run, specs, timeline

from sim.data_plane.arrivals import Block
from sim.data_plane.ends import ends_of
from sim.data_plane.one_by_one import OneByOne
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import rotations
from sim.data_plane.sent import Sent, Way
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline

LOR = "least_outstanding_requests"


def sent(
    scene: Timeline,
    *requests: tuple[float, float, float],
    workers: tuple[int, ...] = (),
    nodes: tuple[int, ...] = (),
    **at: Any,
) -> Sent:
    """Send requests, each with its arrival, its service time and where it points at in the rules of a worker node.

    Through these worker nodes, and ALB nodes; else all through the first.
    """
    traffic, pod, target_group = specs(target_type="instance", instances=scene.registered_from_s.shape[0], **at)
    arrival_s, service_s, choice = np.array(requests, float).T
    sender = OneByOne(
        rotations(scene), scene, ends_of(scene, traffic, pod, target_group), pod, target_group, Streams(1, 0)
    )
    first = (0,) * len(requests)
    block = Block(arrival_s, service_s, np.array(nodes or first, np.int16))
    return sender.send(block, np.array(workers or first, np.int32), choice)


def refused(scene: Timeline, **at: Any) -> int:
    requests = run(scene, target_type="instance", instances=scene.registered_from_s.shape[0], **at)
    return int(requests.counts[Outcome.CONNECT_REFUSED])


def test_a_new_connection_reaches_a_pod_of_the_rules_of_the_moment() -> None:
    """0, 1 and 2; then 1 leaves at 10 and 3 joins behind the others; then nobody is left, and last 3 is back."""
    scene = timeline(
        4,
        registered_from_s=[EVER, EVER, EVER, 10],
        healthy_from_s=[EVER, EVER, EVER, 10],
        registered_until_s=[20, 10, 20, 20],
    )
    of = sent(scene, (1, 1, 0), (2, 1, 0.34), (3, 1, 0.99), (10, 1, 0.34), (11, 1, 0.99), (21, 1, 0))
    assert of.target.tolist() == [0, 1, 2, 2, 3, -1]


def test_each_worker_node_has_rules_of_its_own() -> None:
    scene = timeline(2, 2, registered_until_s=[[5, NEVER], [NEVER, 5]])
    assert [sent(scene, (6, 1, 0.9), workers=(worker,)).target.tolist() for worker in (0, 1)] == [[1], [0]]
    assert sent(scene, (6, 1, 0.9), workers=(1,)).node.tolist() == [1]


def test_a_pooled_connection_stays_with_its_pod_when_the_rules_have_another() -> None:
    """Pod 0 leaves the rules at 5 and serves until 30: on its connection, but on no new one."""
    scene = timeline(
        2,
        registered_from_s=[EVER, 5],
        healthy_from_s=[EVER, 5],
        registered_until_s=[5, NEVER],
        listener_closed_s=[30, NEVER],
        cut_s=[30, NEVER],
    )
    requests = ((1, 1, 0), (6, 1, 0), (6.5, 1, 0), (31, 1, 0))
    pooled = sent(scene, *requests, connection_reuse=True)
    assert pooled.target.tolist() == [0, 0, 1, 1]
    assert [Way(way).name for way in pooled.way] == ["NEW", "POOLED", "NEW", "POOLED"]
    assert sent(scene, *requests).target.tolist() == [0, 1, 1, 1]


def test_of_two_connections_the_one_whose_pod_lives_is_used() -> None:
    """That to pod 1 became idle last, but it has ended since; and a draining one answers on its connections."""
    ends = {"listener_closed_s": [NEVER, 5], "cut_s": [NEVER, 9]}
    requests = ((1, 1, 0), (1.5, 1, 0.9), (6, 1, 0.9))
    at: dict[str, Any] = {"connection_reuse": True, "idle_connections_at_sigterm": "serve"}
    assert sent(timeline(2, **ends), *requests, **at).target.tolist() == [0, 1, 0]
    assert sent(timeline(2, drains=True, **ends), *requests, **at).target.tolist() == [0, 1, 1]
    late = sent(timeline(2, drains=True, **ends), *requests[:2], (9, 1, 0.9), **at)
    assert late.target.tolist() == [0, 1, 0]


def test_of_two_connections_idle_since_one_instant_the_latest_requests_is_used() -> None:
    requests = ((1, 2, 0), (2, 1, 0.9), (4, 1, 0))
    assert sent(timeline(2), *requests, connection_reuse=True).target.tolist() == [0, 1, 1]


def test_pools_are_each_alb_nodes_own_and_for_each_worker_node() -> None:
    requests = ((1, 1, 0), (3, 1, 0.9), (5, 1, 0.9))
    at: dict[str, Any] = {"connection_reuse": True, "alb_nodes": 2}
    assert sent(timeline(2), *requests, nodes=(0, 1, 0), **at).target.tolist() == [0, 1, 0]
    assert sent(timeline(2, 2), *requests, workers=(0, 1, 0), **at).target.tolist() == [0, 1, 0]


def test_refused_is_the_rules_share_times_the_lag() -> None:
    """Pod 0 of 5 is dead for 10 s in the rules of worker node 0, for 20 s in those of node 1: 50 x (10 + 20)/2/5."""
    dies_s = [10, *[NEVER] * 4]
    scene = timeline(
        5, 2, listener_closed_s=dies_s, cut_s=dies_s, registered_until_s=[[20, *dies_s[1:]], [30, *dies_s[1:]]]
    )
    for routing in ("round_robin", "random"):
        count = sum(
            refused(scene, routing=routing, replication=k, service_time_s=0.01, sandbox_teardown_s=60)
            for k in range(40)
        )
        assert abs(count - 40 * 150) < 4 * math.sqrt(40 * 150)


def test_least_outstanding_requests_counts_those_of_a_worker_node() -> None:
    """One long request at a worker node, whichever pod it is on, and the other has the next ones."""
    nodes = sent(timeline(2, 2), (0, 9, 0), (1, 0.1, 0), (2, 0.1, 0), (3, 0.1, 0), routing=LOR).node.tolist()
    assert Counter(nodes[1:]) == {1 - nodes[0]: 3}


def test_the_black_hole_behind_worker_nodes_is_shallow() -> None:
    """A pod that dies at 10 s is in the rules of one worker node of two until 40 s; the other knows at once.

    The node that refuses a tenth at once has fewer requests open, and so gets more than half of them, but never all.
    """
    dies_s = [10, *[NEVER] * 9]
    never = [NEVER] * 9
    scene = timeline(10, 2, listener_closed_s=dies_s, cut_s=dies_s, registered_until_s=[[40, *never], [10, *never]])
    at: dict[str, Any] = {"arrival_rate_rps": 200.0, "service_time_s": 0.5, "sandbox_teardown_s": 60}
    fair, drawn = (refused(scene, routing=routing, **at) for routing in ("round_robin", LOR))
    assert abs(fair - 200 * 30 / 20) < 4 * math.sqrt(300)
    assert fair < drawn < 1.3 * fair
