"""The data plane again, slowly: one request after another, in plain Python, written from model.md and facts/alb.

It shares the draws of `sim.data_plane` and nothing else: no arrays, no blocks, no intervals worked out beforehand. What
is in an ALB node's rotation is asked of the timeline's definitions at every moment when anything changes there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request before anyone has routed it; `choice` points at a target when routing is random."""

    arrival_s: float
    service_s: float
    node: int
    choice: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A request and what became of it; `finish_s`: when its pod would have answered."""

    arrival_s: float
    node: int
    target: int | None
    outcome: str
    answered_s: float
    finish_s: float


def drawn(traffic: TrafficSpec, streams: Streams, nodes: int, *, before: bool) -> Iterator[Drawn]:
    """Draw requests one by one: from t = 0 on, or from t = 0 backwards."""
    arrivals = streams.generator(Stream.ARRIVALS_BEFORE if before else Stream.ARRIVALS)
    service = streams.generator(Stream.SERVICE_TIMES_BEFORE if before else Stream.SERVICE_TIMES)
    which_node = streams.generator(Stream.ALB_NODE_BEFORE if before else Stream.ALB_NODE)
    choice = streams.generator(Stream.ROUTING_BEFORE if before else Stream.ROUTING)
    phase = streams.generator(Stream.ARRIVALS).random()
    elapsed = 0.0
    for k in count():
        if traffic.arrivals == "poisson":
            elapsed += arrivals.standard_exponential()
        else:
            elapsed = k + 1 - phase if before else k + phase
        arrival_s = (-elapsed if before else elapsed) / traffic.arrival_rate_rps
        service_s = float(traffic.service_time_s.sample(service, 1)[0])
        yield Drawn(arrival_s, service_s, int(which_node.random() * nodes), choice.random())


class Node:
    """One ALB node: its rotation as time goes on, and whose turn it is."""

    def __init__(self, timeline: Timeline, number: int, streams: Streams) -> None:
        targets = timeline.cut_s.size
        self._place = streams.generator(Stream.RING_ORDER, number).random(targets)
        self._registered = list(
            zip(timeline.registered_from_s[number], timeline.registered_until_s[number], strict=True)
        )
        self._healthy = list(zip(timeline.healthy_from_s[number], timeline.healthy_until_s[number], strict=True))
        moments = {time for interval in self._registered + self._healthy for time in interval}
        self._moments = sorted(float(time) for time in moments if math.isfinite(time))
        self._changes = tuple(self._moments)
        self.ring: list[int] = []
        self._open: dict[int, list[float]] = {target: [] for target in range(targets)}
        self.idle_from_s: dict[int, list[float]] = {target: [] for target in range(targets)}
        self._sent_to = dict.fromkeys(range(targets), -1)
        self._turns = 0
        self._turn: int | None = None
        self.left_s: dict[int, float] = {}
        self._change(-math.inf)

    def registered_until_s(self, target: int) -> float:
        """When this node hears of the target's deregistration."""
        return float(self._registered[target][1])

    def advance(self, now_s: float) -> None:
        """Go through everything that changes until now."""
        while self._moments and self._moments[0] <= now_s:
            self._change(self._moments.pop(0))

    def next_in_turn(self) -> int | None:
        """Round robin: give the turn's target and pass the turn on."""
        target = self._turn
        if target is not None:
            self._turn = self.ring[(self.ring.index(target) + 1) % len(self.ring)]
        return target

    def chosen(self, choice: float) -> int | None:
        """Random: give the target the draw points at."""
        return self.ring[int(choice * len(self.ring))] if self.ring else None

    def fewest_open(self, now_s: float) -> int | None:
        """Least outstanding requests; of those with as few the one that was sent a request the longest ago."""

        def rank(target: int) -> tuple[int, int]:
            return sum(answered_s > now_s for answered_s in self._open[target]), self._sent_to[target]

        return min(self.ring, key=rank) if self.ring else None

    def sent(self, target: int, answered_s: float) -> None:
        """Note that a request was sent, and when its answer will come."""
        self._open[target].append(answered_s)
        self._note_turn(target)

    def _note_turn(self, target: int) -> None:
        self._sent_to[target] = self._turns
        self._turns += 1

    def _change(self, now_s: float) -> None:
        rotation = self._rotation(now_s)
        self._turn = self._first_that_stays(rotation)
        self.left_s.update({target: now_s for target in self.ring if target not in rotation})
        self.ring = [target for target in self.ring if target in rotation]
        newcomers = rotation.difference(self.ring)
        if now_s == -math.inf:
            self.ring = sorted(newcomers, key=lambda target: self._place[target])
            self._turn = self.ring[0] if self.ring else None
            for target in self.ring:
                self._note_turn(target)
        else:
            for target in sorted(newcomers):
                self._join(target)
                self._note_turn(target)

    def _join(self, newcomer: int) -> None:
        """Let this many have their turns before the newcomer has its first: any number is equally likely."""
        ahead = int(self._place[newcomer] * (len(self.ring) + 1))
        at = (self.ring.index(self._turn) if self._turn is not None else 0) + ahead
        self.ring.insert(at - len(self.ring) if at > len(self.ring) else at, newcomer)
        if ahead == 0:
            self._turn = newcomer

    def healthy_again_s(self, from_s: float) -> float:
        """The first moment from then on at which some target is healthy; if none ever is, that moment itself."""
        moments = [from_s, *(change_s for change_s in self._changes if change_s > from_s)]
        return next((now_s for now_s in moments if self._healthy_ones(now_s)), from_s)

    def _rotation(self, now_s: float) -> set[int]:
        return self._healthy_ones(now_s) or self._known_ones(now_s)

    def _known_ones(self, now_s: float) -> set[int]:
        return {i for i, (from_s, until_s) in enumerate(self._registered) if from_s <= now_s < until_s}

    def _healthy_ones(self, now_s: float) -> set[int]:
        healthy = {i for i, (from_s, until_s) in enumerate(self._healthy) if from_s <= now_s < until_s}
        return healthy & self._known_ones(now_s)

    def _first_that_stays(self, rotation: set[int]) -> int | None:
        """Whose turn it is after those not in `rotation` have left: the next one around the ring."""
        if self._turn is None:
            return None
        at = self.ring.index(self._turn)
        around = self.ring[at:] + self.ring[:at]
        return next((target for target in around if target in rotation), None)


class Twin:
    """One replication of the data plane."""

    def __init__(
        self, timeline: Timeline, traffic: TrafficSpec, pod: PodSpec, target_group: TargetGroupSpec, streams: Streams
    ) -> None:
        self._timeline = timeline
        self._traffic = traffic
        self._pod = pod
        self._target_group = target_group
        self._streams = streams
        self._n_nodes, n_targets = timeline.registered_from_s.shape
        self.nodes = [Node(timeline, number, streams) for number in range(self._n_nodes)]
        self._finishes_s: list[list[float]] = [[] for _ in range(n_targets)]
        self._free_s = [[-math.inf] * (pod.concurrency or 0) for _ in range(n_targets)]
        # A worker node's kube-proxy chooses among the pods at random, whatever the ALB does among worker nodes.
        self._routing = "random" if target_group.target_type == "instance" else target_group.routing
        self._reuses = target_group.connection_reuse
        self._serves_idle = self._reuses and timeline.drains and pod.idle_connections_at_sigterm == "serve"

    def run(self) -> tuple[list[Ended], float]:
        """Give the window's requests in the order of arrival, and its end."""
        past = self._past()
        future = [self._end(request, self._route(request)) for request in self._until(self._latest_s())]
        until_s = self._window_until_s()
        return past + [request for request in future if request.arrival_s < until_s], until_s

    def _until(self, until_s: float) -> Iterator[Drawn]:
        for request in drawn(self._traffic, self._streams, self._n_nodes, before=False):
            if request.arrival_s >= until_s:
                break
            yield request

    def _past(self) -> list[Ended]:
        """Those accepted before t = 0 and not answered then, in the order of arrival."""
        ended = [self._end(request, target) for request, target in reversed(list(self._sent_before()))]
        idle_s = self._target_group.idle_timeout_s
        return [
            of
            for of in ended
            if of.target is not None and of.outcome != "keep_alive_race" and min(of.finish_s, of.arrival_s + idle_s) > 0
        ]

    def _sent_before(self) -> Iterator[tuple[Drawn, int | None]]:
        """Those that matter of the requests from before t = 0, latest first, with targets where they do not choose."""
        turns = [0] * self._n_nodes
        for request in drawn(self._traffic, self._streams, self._n_nodes, before=True):
            if request.arrival_s <= -self._oldest_s():
                break
            ring = self.nodes[request.node].ring
            turns[request.node] -= 1
            turn = turns[request.node] % max(1, len(ring))
            if self._routing == "random":
                # The draw runs through the ring backwards too.
                turn = len(ring) - 1 - int(request.choice * len(ring))
            yield request, ring[turn] if ring else None

    def _oldest_s(self) -> float:
        """Before this nothing matters at t = 0: a request, a queue (a minute to fill) or an idle connection."""
        idle_s = self._target_group.idle_timeout_s
        oldest_s = min(idle_s, float(self._traffic.service_time_s.ppf(1 - 1e-12)))
        if self._pod.concurrency:
            oldest_s = idle_s + 60
        if self._reuses:
            oldest_s += min(idle_s, self._pod.keep_alive_timeout_s or math.inf)
        return oldest_s

    def _route(self, request: Drawn) -> int | None:
        node = self.nodes[request.node]
        node.advance(request.arrival_s)
        match self._routing:
            case "random":
                return node.chosen(request.choice)
            case "round_robin":
                return node.next_in_turn()
            case "least_outstanding_requests":
                return None  # chosen when it is sent

    def _end(self, request: Drawn, target: int | None) -> Ended:
        node, now_s = self.nodes[request.node], request.arrival_s
        if self._routing == "least_outstanding_requests":
            target = node.fewest_open(now_s)
        if target is None:
            at_instances = self._target_group.target_type == "instance"
            outcome = "connect_refused" if at_instances else "no_registered_targets"
            return Ended(now_s, request.node, None, outcome, now_s, math.inf)
        outcome, answered_s, finish_s = self._at(request, target)
        node.sent(target, answered_s)
        return Ended(now_s, request.node, target, outcome, answered_s, finish_s)

    def _at(self, request: Drawn, target: int) -> tuple[str, float, float]:
        now_s = request.arrival_s
        way = self._way(request, target)
        if now_s >= self._timeline.listener_closed_s[target]:
            on_a_connection = self._serves_idle and way != "new" and now_s < self._timeline.cut_s[target]
            if not on_a_connection:
                return *self._not_accepted(request, target), now_s + request.service_s
        if way == "raced":
            return "keep_alive_race", now_s, now_s + request.service_s
        return self._accepted(request, target, way)

    def _way(self, request: Drawn, target: int) -> str:
        """On the connection that was used last, if there is one; lost if the pod is just closing it."""
        if not self._reuses:
            return "new"
        keep_alive_s = self._pod.keep_alive_timeout_s or math.inf
        half_a_trip_s = 0.001 / 2
        longest_s = min(self._target_group.idle_timeout_s, keep_alive_s + half_a_trip_s)
        pool = self.nodes[request.node].idle_from_s[target]
        idle = [since_s for since_s in pool if 0 <= request.arrival_s - since_s < longest_s]
        if not idle:
            return "new"
        last_s = max(idle)
        pool.remove(last_s)
        return "raced" if request.arrival_s - last_s >= keep_alive_s - half_a_trip_s else "pooled"

    def _accepted(self, request: Drawn, target: int, way: str) -> tuple[str, float, float]:
        now_s, closed_s = request.arrival_s, float(self._timeline.listener_closed_s[target])
        start_s = max([now_s, *sorted(self._free_s[target])[:1]])
        finish_s = start_s + request.service_s
        if self._pod.accept == "prefork" and way == "new" and start_s >= closed_s:
            cut_s = closed_s
        else:
            cut_s = float(self._timeline.cut_s[target])
            self._finishes_s[target].append(finish_s)
            if self._free_s[target]:
                self._free_s[target].remove(min(self._free_s[target]))
                self._free_s[target].append(finish_s)
        outcome, answered_s = self._first(request, target, finish_s, cut_s)
        if outcome == "ok":
            self.nodes[request.node].idle_from_s[target].append(answered_s)
        return outcome, answered_s, finish_s

    def _first(self, request: Drawn, target: int, finish_s: float, cut_s: float) -> tuple[str, float]:
        deadline_s = float(self._timeline.drain_deadline_s[target])
        if deadline_s <= request.arrival_s:
            deadline_s = self.nodes[request.node].registered_until_s(target)
        ends = [
            ("ok", finish_s),
            ("closed_in_flight", cut_s),
            ("deregistration_delay_elapsed", deadline_s),
            ("idle_timeout", request.arrival_s + self._target_group.idle_timeout_s),
        ]
        return min(ends, key=lambda end: end[1])

    def _not_accepted(self, request: Drawn, target: int) -> tuple[str, float]:
        if request.arrival_s < self._gone_s(target):
            return "connect_refused", request.arrival_s
        if self._pod.after_teardown == "host_unreachable":
            return "host_unreachable", request.arrival_s + 3.1
        return "connect_timeout", request.arrival_s + 10

    def _gone_s(self, target: int) -> float:
        """When the pod's network is gone: its process has ended and its sandbox is torn down."""
        ended_s = float(self._timeline.cut_s[target])
        if self._timeline.drains and not self._serves_idle:
            last_s = max([float(self._timeline.listener_closed_s[target]), *self._finishes_s[target]])
            ended_s = min(ended_s, last_s)
        return ended_s + self._pod.sandbox_teardown_s

    def _old(self) -> list[int]:
        return [target for target, cut_s in enumerate(self._timeline.cut_s) if math.isfinite(cut_s)]

    def _latest_s(self) -> float:
        """A time by which the window has ended, whatever the requests do."""
        timeline = self._timeline
        times = [*timeline.cut_s, *timeline.registered_until_s.ravel()]
        times += [*timeline.registered_from_s.ravel(), *timeline.healthy_from_s.ravel()]
        latest_s = max([self._timeline.rollout_complete_s, *(time for time in times if math.isfinite(time))])
        return float(latest_s) + self._pod.sandbox_teardown_s

    def _window_until_s(self) -> float:
        for node in self.nodes:
            node.advance(math.inf)
        left = [node.left_s.get(target, -math.inf) for node in self.nodes for target in self._old()]
        over_s = max([self._timeline.rollout_complete_s, *left])
        healthy_again_s = max([over_s, *(node.healthy_again_s(over_s) for node in self.nodes)])
        return max([healthy_again_s, *(self._gone_s(target) for target in self._old())])
