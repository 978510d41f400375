"""Every request of a replication with its answer, as an access log would show it, also before and after the rollout.

The requests of the window are those of `sampled`, with the same outcomes. Where requests depend on each other (queues,
pools) a longer past may leave others in flight at t = 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.data_plane.arrivals import RequestSource
from sim.data_plane.ends import ends_of
from sim.data_plane.latency import Waits
from sim.data_plane.rotation import n_alb_nodes, rotations
from sim.data_plane.sampled import Servers
from sim.data_plane.sending import Past, block_size, sender_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.data_plane.classify import Answers
    from sim.data_plane.sent import Sent
    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams


def every_request(
    timeline: Timeline,
    *,
    traffic: TrafficSpec,
    pod: PodSpec,
    target_group: TargetGroupSpec,
    streams: Streams,
    before_s: float,
    after_s: float,
) -> Iterator[tuple[Sent, Answers]]:
    """Yield requests block by block, from `before_s` before the rollout until `after_s` after the window's end."""
    node_rotations = rotations(timeline)
    ends = ends_of(timeline, traffic, pod, target_group)
    servers = Servers(timeline, ends, pod, target_group)
    sender = sender_of(timeline, node_rotations, ends, pod, target_group, streams)
    nodes, split = n_alb_nodes(timeline, target_group), timeline.split
    past = Past(traffic, ends, pod, target_group, nodes=nodes, streams=streams, split=split, all_since_s=before_s)
    sent = servers.answering(sender.at_work(past, Waits(traffic, pod, ends.for_answer.longest_s)))
    servers.take(sent)
    sent = sent[sent.arrival_s > -before_s]
    yield _by_pod(sent, timeline), servers.answers(sent)
    source = RequestSource(traffic, nodes=nodes, streams=streams, split=split)
    now_s = 0.0
    while now_s < servers.window_until_s() + after_s:
        size = block_size(now_s, servers.window_until_s() + after_s, traffic.arrival_rate_rps)
        sent = servers.answering(sender.send(source.take(size)))
        servers.take(sent)
        now_s = float(sent.arrival_s[-1])
        inside = sent[sent.arrival_s < servers.window_until_s() + after_s]
        yield _by_pod(inside, timeline), servers.answers(inside)


def _by_pod(sent: Sent, timeline: Timeline) -> Sent:
    return replace(sent, node=timeline.nodes_of(sent.node), target=timeline.pods_of(sent.target))
