"""The data plane again, slowly: one request after another, as SimPy processes.

Written from docs/model.md and docs/facts/alb.md. The twin shares only the draws with `sim.data_plane`: no arrays, no
blocks, and no answer's time is computed in advance.

- Each request is a process that is sent to a pod, waits for one of its workers and is served.
- Other processes cut a request off if they come first: the pod's end, the drain deadline, the ALB's idle timeout.
- Each pod, each node's rotation and each target's deregistration is a process of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.data_plane.timeline import Unreachable
from sim.streams import Stream
from sim.verification.reference.alb_node_twin import ROUND_TRIP_S, AlbNode, Connection
from sim.verification.reference.clock_twin import At, Clock
from sim.verification.reference.pod_twin import Pod
from sim.verification.reference.request_twin import Drawn, Sent, drawn
from sim.verification.reference.rotation_twin import Rotation, rotation_of
from sim.verification.reference.slow_start_twin import SlowStart, slow_start_of
from sim.verification.reference.window_twin import latest_s, window_until_s
from sim.verification.reference.worker_twin import WorkerNodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams
    from sim.verification.reference.clock_twin import Process
    from sim.verification.reference.old_side_twin import Side

QUEUE_WARM_UP_S = 60
"""How long before the rollout a queue may fill, in addition to the longest time of a request."""
HELD_S = 120
"""How long a request that nobody waits for any more may hold a pod that drains."""


class Twin:
    """One replication of the data plane."""

    def __init__(
        self, timeline: Timeline, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec, streams: Streams
    ) -> None:
        self._timeline = timeline
        self._traffic = traffic
        self._spec = pod
        self._target_group = target_group
        self._streams = streams
        self._keep_alive_s = pod.keep_alive_timeout_s or math.inf
        self._client_s = traffic.client_timeout_s or math.inf
        self._clock = Clock(-self._oldest_s())
        serves_idle = target_group.connection_reuse and timeline.drains and pod.idle_connections_at_sigterm == "serve"
        self._pods = [
            Pod(self._clock, timeline, number, pod, serves_idle=serves_idle) for number in range(timeline.cut_s.size)
        ]
        self._at_instances = target_group.target_type == "instance"
        nodes = range(timeline.registered_from_s.shape[0])
        if self._at_instances:
            self._rules = [rotation_of(timeline, number, None) for number in nodes]
            self._nodes = [self._before_workers(number) for number in range(target_group.alb_nodes)]
        else:
            self._rules = []
            rotations = [rotation_of(timeline, number, self._places(number)) for number in nodes]
            slow_starts = [slow_start_of(timeline, number, target_group) for number in nodes]
            self._nodes = list(map(self._node, rotations, slow_starts))
        self._sent: list[Sent] = []
        self._workers = WorkerNodes(self._clock, self._pods, timeline)

    def _before_workers(self, number: int) -> AlbNode:
        leaving = self._timeline.instances
        never_s = [math.inf] * self._target_group.instances
        known = [(-math.inf, until_s) for until_s in (leaving.sent_until_s[number].tolist() if leaving else never_s)]
        return self._node(Rotation(known, known, self._places(number)))

    def _node(self, rotation: Rotation, slow_start: SlowStart | None = None) -> AlbNode:
        return AlbNode(rotation, self._target_group, self._keep_alive_s, slow_start)

    def _places(self, node: int) -> list[float]:
        targets = max(self._timeline.cut_s.size, self._target_group.instances)
        places: list[float] = self._streams.generator(Stream.RING_ORDER, node).random(targets).tolist()
        return places

    def run(self) -> tuple[list[Sent], float]:
        """Return the window's requests in the order of arrival, and its end."""
        for rotation in [*self._rules, *(node.rotation for node in self._nodes)]:
            self._clock.process(rotation.changes(self._clock))
        for target in range(len(self._pods)):
            for node in range(self._timeline.registered_until_s.shape[0]):
                self._clock.process(self._deregistration(target, node))
        if self._timeline.old_side:
            self._clock.process(self._old_alb_goes(self._timeline.old_side))
        for request, to in reversed(list(self._sent_before())):
            self._clock.process(self._request(request, to))
        for request in self._until(latest_s(self._timeline, self._spec.sandbox_teardown_s)):
            self._clock.process(self._request(request, None))
        self._clock.run()
        until_s = window_until_s(self._timeline, self._rules, self._nodes, self._pods)
        return [sent for sent in self._sent if self._belongs(sent) and sent.arrival_s < until_s], until_s

    def _request(self, request: Drawn, to: int | None) -> Process:
        """Run one request, from its arrival until its pod is done. Before the rollout, `to` is the target."""
        yield self._clock.at(request.arrival_s, At.ARRIVAL)
        node = self._nodes[request.node]
        if to is None:
            to = node.choose(request.choice, self._clock.now)
        sent = Sent(request.arrival_s, request.node, request.node)
        self._sent.append(sent)
        if to is None:
            side = self._timeline.old_side
            no_alb = side is not None and request.node < side.nodes and self._clock.now >= side.deleted_s
            sent.end("old_address_unreachable" if no_alb else "no_registered_targets", self._clock.now)
            return
        node.note_sent(to, sent)
        connection = node.idle_connection(to, self._clock.now) if self._target_group.connection_reuse else None
        sent.node = to if self._at_instances else request.node
        sent.unheard = sent.node in self._workers.without_machine
        pod = connection.pod if connection else self._reached(to, request.pod_choice, sent)
        sent.target = pod.number if pod else None
        if pod is None or (connection is None and not pod.listens):
            self._clock.process(self._client_timeout(sent))
            yield from self._not_accepted(sent, pod)
        elif connection and self._clock.now - connection.idle_since_s >= self._keep_alive_s - ROUND_TRIP_S / 2:
            sent.end("keep_alive_race", self._clock.now)
        else:
            self._clock.process(self._idle_timeout(sent))
            self._clock.process(self._client_timeout(sent))
            yield from pod.serve(sent, request.service_s, pooled=connection is not None)
            if sent.outcome == "ok":
                node.keep(to, Connection(pod, self._clock.now, request.number))

    def _old_alb_goes(self, side: Side) -> Process:
        """Let the old ALB's end cut what runs through it."""
        yield self._clock.at(side.deleted_s, At.CUT_BY_ALB)
        for sent in [sent for pod in self._pods for sent in pod.open]:
            if sent.node < side.nodes:
                sent.end("old_address_unreachable", self._clock.now)

    def _reached(self, to: int, pod_choice: float, sent: Sent) -> Pod | None:
        """Return the pod that a new connection reaches: the target itself, or any in a worker node's rules."""
        if sent.unheard:
            return None
        number = self._rules[to].chosen(pod_choice) if self._at_instances else to
        return None if number is None else self._pods[number]

    def _not_accepted(self, sent: Sent, pod: Pod | None) -> Process:
        if pod is None:
            yield self._clock.timeout(10 if sent.unheard else 0)
            sent.end("connect_timeout" if sent.unheard else "connect_refused", self._clock.now)
            return
        meets = int(self._timeline.unreachable[pod.number])
        if self._clock.now >= self._timeline.vanishes_s[pod.number]:
            yield self._clock.timeout(10)
            sent.end("connect_timeout", self._clock.now)
        elif self._clock.now < pod.address_gone_s or meets == Unreachable.CONNECT_REFUSED:
            sent.end("connect_refused", self._clock.now)
        elif meets == Unreachable.HOST_UNREACHABLE:
            yield self._clock.timeout(3.1)
            sent.end("host_unreachable", self._clock.now)
        else:
            yield self._clock.timeout(10)
            sent.end("connect_timeout", self._clock.now)

    def _client_timeout(self, sent: Sent) -> Process:
        if self._client_s < math.inf:
            yield self._clock.at(sent.arrival_s + self._client_s, At.CLIENT_TIMEOUT)
            sent.end("client_timeout", self._clock.now)

    def _idle_timeout(self, sent: Sent) -> Process:
        yield self._clock.at(sent.arrival_s + self._target_group.idle_timeout_s, At.IDLE_TIMEOUT)
        sent.end("idle_timeout", self._clock.now)

    def _deregistration(self, target: int, node: int) -> Process:
        """Let a node that knows of the deregistration cut what still runs when the deregistration delay is over."""
        heard_s = float(self._timeline.registered_until_s[node, target])
        yield self._clock.at(max(heard_s, float(self._timeline.drain_deadline_s[target])), At.CUT_BY_ALB)
        for sent in self._pods[target].open:
            if sent.node == node:
                sent.end("deregistration_delay_elapsed", self._clock.now)

    def _drawn(self, *, before: bool) -> Iterator[Drawn]:
        return drawn(self._traffic, self._streams, len(self._nodes), self._timeline.old_side, before=before)

    def _until(self, until_s: float) -> Iterator[Drawn]:
        for request in self._drawn(before=False):
            if request.arrival_s >= until_s:
                break
            yield request

    def _sent_before(self) -> Iterator[tuple[Drawn, int | None]]:
        """Yield the requests from before t = 0 that matter, latest first, with targets unless routing chooses."""
        turns = [0] * len(self._nodes)
        for request in self._drawn(before=True):
            if request.arrival_s <= -self._oldest_s():
                break
            ring = self._nodes[request.node].rotation.ring
            turns[request.node] -= 1
            turn = turns[request.node] % max(1, len(ring))
            if self._target_group.routing == "random":
                # Before t = 0 the draw runs through the ring backwards too.
                turn = len(ring) - 1 - int(request.choice * len(ring))
            chooses = self._target_group.routing == "least_outstanding_requests"
            yield request, ring[turn] if ring and not chooses else None

    def _oldest_s(self) -> float:
        """Return the time before which no request, queue or idle connection matters at t = 0."""
        idle_s = self._target_group.idle_timeout_s
        patience_s = min(idle_s, self._client_s)
        longest_s = float(self._traffic.service_time_s.ppf(1 - 1e-12))
        oldest_s = min(patience_s + (HELD_S if self._timeline.drains else 0), longest_s)
        if self._spec.concurrency:
            oldest_s = max(oldest_s, patience_s + QUEUE_WARM_UP_S)
        if self._target_group.connection_reuse:
            oldest_s += min(idle_s, self._keep_alive_s)
        return oldest_s

    def _belongs(self, sent: Sent) -> bool:
        """Return whether a request came after t = 0, or was accepted before and not answered by then."""
        if sent.arrival_s >= 0:
            return True
        patience_s = min(self._target_group.idle_timeout_s, self._client_s)
        answered_s = min(sent.finish_s, sent.arrival_s + patience_s)
        return sent.target is not None and sent.outcome != "keep_alive_race" and answered_s > 0
