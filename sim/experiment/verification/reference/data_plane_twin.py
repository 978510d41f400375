"""The data plane again, slowly: one request after another, as SimPy processes, written from model.md and facts/alb.

It shares the draws of `sim.data_plane` and nothing else: no arrays, no blocks, no time of an answer worked out before
it comes. Each request is a process that is sent to a pod, waits for one of its workers and is served; others cut it off
if they come first: the pod's end, the drain deadline, the ALB's idle timeout. Each pod, each node's rotation and each
target's deregistration is a process of its own.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum
from heapq import heappush
from itertools import count
from typing import TYPE_CHECKING

import simpy
from simpy.events import EventPriority

from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from sim.data_plane.timeline import Timeline
    from sim.scenario.specs import PodSpec, TargetGroupSpec, TrafficSpec
    from sim.streams import Streams

    Process = Generator[simpy.Event]
    Interval = tuple[float, float]

ROUND_TRIP_S = 0.001
"""Between an ALB node and a target."""
QUEUE_WARM_UP_S = 60
"""How long before the rollout a queue may fill, over and above what a request can take."""


class At(IntEnum):
    """What comes first of what happens at one instant; as it is in half-open intervals, and in the table of outcomes.

    What SimPy itself sets off (a worker is free, a request is done) has the priorities 0 and 1.
    """

    LISTENER_CLOSES = -1
    KILLED = 2
    CUT_BY_ALB = 3
    IDLE_TIMEOUT = 4
    CHANGE = 5
    ARRIVAL = 6


class Moment(simpy.Event):
    """An event that comes by itself, as SimPy's own `Timeout` does."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._ok = True
        self._value = None


class Clock(simpy.Environment):
    """A SimPy environment with events at a time, not after a delay: `now + (time - now)` may be another number."""

    def at(self, time_s: float, what: At) -> Moment:
        """Give an event at this time."""
        moment = Moment(self)
        heappush(self._queue, (time_s, EventPriority(what), next(self._eid), moment))
        return moment


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request before anyone has routed it.

    `choice` points at a target when routing is random, `pod_choice` at a pod in a worker node's rules.
    """

    number: int
    arrival_s: float
    service_s: float
    node: int
    choice: float
    pod_choice: float


@dataclass(slots=True, eq=False)
class Sent:
    """A request on its way and what becomes of it; `finish_s`: when its pod has, or would have, answered.

    `node`: the one whose rotation, or rules, led to the pod.
    """

    arrival_s: float
    node: int
    target: int | None = None
    outcome: str = ""
    answered_s: float = math.inf
    finish_s: float = math.inf

    def end(self, outcome: str, now_s: float) -> None:
        """Give the client its answer, if it has none yet."""
        if not self.outcome:
            self.outcome, self.answered_s = outcome, now_s


@dataclass(slots=True, eq=False)
class Connection:
    """An idle connection of an ALB node's pool: to which pod, since when, and after which request."""

    pod: Pod
    idle_since_s: float
    request: int


def drawn(traffic: TrafficSpec, streams: Streams, nodes: int, *, before: bool) -> Iterator[Drawn]:
    """Draw requests one by one: from t = 0 on, or from t = 0 backwards."""

    def stream(forwards: Stream, backwards: Stream) -> np.random.Generator:
        return streams.generator(backwards if before else forwards)

    arrivals = stream(Stream.ARRIVALS, Stream.ARRIVALS_BEFORE)
    service = stream(Stream.SERVICE_TIMES, Stream.SERVICE_TIMES_BEFORE)
    which_node = stream(Stream.ALB_NODE, Stream.ALB_NODE_BEFORE)
    choice = stream(Stream.ROUTING, Stream.ROUTING_BEFORE)
    pod_choice = stream(Stream.KUBE_PROXY_CHOICE, Stream.KUBE_PROXY_CHOICE_BEFORE)
    phase = streams.generator(Stream.ARRIVALS).random()
    elapsed = 0.0
    for k in count():
        if traffic.arrivals == "poisson":
            elapsed += arrivals.standard_exponential()
        else:
            elapsed = k + 1 - phase if before else k + phase
        yield Drawn(
            number=-1 - k if before else k,
            arrival_s=(-elapsed if before else elapsed) / traffic.arrival_rate_rps,
            service_s=float(traffic.service_time_s.sample(service, 1)[0]),
            node=int(which_node.random() * nodes),
            choice=choice.random(),
            pod_choice=pod_choice.random(),
        )


class Pod:
    """A pod: its listener, its workers with their queue, its process, its address."""

    def __init__(self, clock: Clock, timeline: Timeline, number: int, spec: PodSpec, *, serves_idle: bool) -> None:
        self._clock = clock
        self._closed_s = float(timeline.listener_closed_s[number])
        self._cut_s = float(timeline.cut_s[number])
        self._ends_when_idle = timeline.drains and not serves_idle
        self._serves_idle = serves_idle
        self._teardown_s = spec.sandbox_teardown_s
        self._prefork = spec.accept == "prefork"
        self._workers = simpy.Resource(clock, spec.concurrency or sys.maxsize)
        self._idle = clock.event()
        self._has = 0
        self._backlog: list[Sent] = []
        self.number = number
        self.open: list[Sent] = []
        self.listens = True
        self.ended_s = math.inf
        clock.process(self._life())

    @property
    def keeps_connections(self) -> bool:
        """Whether it answers on connections that it has."""
        return self.listens or (self._serves_idle and self.ended_s == math.inf)

    @property
    def address_gone_s(self) -> float:
        """When nothing answers at its address any more."""
        return self.ended_s + self._teardown_s

    def serve(self, request: Sent, service_s: float, *, pooled: bool) -> Process:
        """Serve a request, whether the ALB still waits for it or not; `outcome` tells if it did."""
        self.open.append(request)
        self._has += 1
        waits_in_kernel = self._prefork and not pooled
        with self._workers.request() as worker:
            if waits_in_kernel:
                self._backlog.append(request)
            yield worker
            if waits_in_kernel and not self._taken(request):
                return
            request.finish_s = self._clock.now + service_s
            yield self._clock.timeout(service_s)
        request.end("ok", self._clock.now)
        self.open.remove(request)
        self._leave()

    def _taken(self, request: Sent) -> bool:
        """Take a request from the kernel's backlog, if it is still there."""
        if request not in self._backlog:
            return False
        self._backlog.remove(request)
        return True

    def _leave(self) -> None:
        self._has -= 1
        if not self._has and not self.listens and not self._idle.triggered:
            self._idle.succeed()

    def _life(self) -> Process:
        if self._closed_s == math.inf:
            return
        yield self._clock.at(self._closed_s, At.LISTENER_CLOSES)
        self.listens = False
        for request in self._backlog:
            request.end("closed_in_flight", self._clock.now)
            self._has -= 1
        self._backlog.clear()
        ends: simpy.Event = self._clock.at(self._cut_s, At.KILLED)
        if self._ends_when_idle:
            if not self._has:
                self._idle.succeed()
            ends |= self._idle
        yield ends
        self.ended_s = self._clock.now
        for request in self.open:
            request.end("closed_in_flight", self._clock.now)


class Rotation:
    """Who is in a node's rotation, or in a worker node's rules, as time goes on, and whose turn it is."""

    def __init__(self, registered: list[Interval], healthy: list[Interval], place: Sequence[float] | None) -> None:
        """By target, when it is registered and healthy; `place`: where newcomers join the ring, None: at its end."""
        self._place = place
        self._registered = registered
        self._healthy = healthy
        moments = {time for interval in registered + healthy for time in interval}
        self._moments = sorted(time for time in moments if math.isfinite(time))
        first = self._members(-math.inf)
        self.ring = sorted(first, key=lambda target: place[target]) if place is not None else sorted(first)
        self._turn = self.ring[0] if self.ring else None
        self.left_s: dict[int, float] = {}
        self.on_join: Callable[[int], object] = lambda _: None

    def changes(self, clock: Clock) -> Process:
        """Change whenever somebody's time has come; who joins is told to `on_join`."""
        for moment_s in self._moments:
            yield clock.at(moment_s, At.CHANGE)
            self._change(moment_s)

    def next_in_turn(self) -> int | None:
        """Round robin: give the turn's target and pass the turn on."""
        target = self._turn
        if target is not None:
            self._turn = self.ring[(self.ring.index(target) + 1) % len(self.ring)]
        return target

    def chosen(self, choice: float) -> int | None:
        """Random: give the target the draw points at."""
        return self.ring[int(choice * len(self.ring))] if self.ring else None

    def _change(self, now_s: float) -> None:
        """Let those leave and then those join whose time it is."""
        members = self._members(now_s)
        self._turn = self._first_that_stays(members)
        self.left_s.update({target: now_s for target in self.ring if target not in members})
        self.ring = [target for target in self.ring if target in members]
        for target in sorted(members.difference(self.ring)):
            self._join(target)
            self.on_join(target)

    def _join(self, newcomer: int) -> None:
        """Let this many have their turns before the newcomer has its first: any number is equally likely."""
        if self._place is None:
            self.ring.append(newcomer)
            return
        ahead = int(self._place[newcomer] * (len(self.ring) + 1))
        at = (self.ring.index(self._turn) if self._turn is not None else 0) + ahead
        self.ring.insert(at - len(self.ring) if at > len(self.ring) else at, newcomer)
        if ahead == 0:
            self._turn = newcomer

    def healthy_again_s(self, from_s: float) -> float:
        """Give the first moment from then on at which some target is healthy; if none ever is, that moment itself."""
        moments = [from_s, *(moment_s for moment_s in self._moments if moment_s > from_s)]
        return next((now_s for now_s in moments if self._healthy_ones(now_s)), from_s)

    def _members(self, now_s: float) -> set[int]:
        return self._healthy_ones(now_s) or self._known_ones(now_s)

    def _known_ones(self, now_s: float) -> set[int]:
        return {i for i, (from_s, until_s) in enumerate(self._registered) if from_s <= now_s < until_s}

    def _healthy_ones(self, now_s: float) -> set[int]:
        healthy = {i for i, (from_s, until_s) in enumerate(self._healthy) if from_s <= now_s < until_s}
        return healthy & self._known_ones(now_s)

    def _first_that_stays(self, members: set[int]) -> int | None:
        """Whose turn it is after the others have left: the next one around the ring."""
        if self._turn is None:
            return None
        at = self.ring.index(self._turn)
        around = self.ring[at:] + self.ring[:at]
        return next((target for target in around if target in members), None)


def rotation_of(timeline: Timeline, number: int, place: Sequence[float] | None) -> Rotation:
    """Give a node's rotation of pods, or a worker node's rules."""

    def intervals(from_s: NDArray[np.float64], until_s: NDArray[np.float64]) -> list[Interval]:
        return list(zip(from_s[number].tolist(), until_s[number].tolist(), strict=True))

    registered = intervals(timeline.registered_from_s, timeline.registered_until_s)
    return Rotation(registered, intervals(timeline.healthy_from_s, timeline.healthy_until_s), place)


class AlbNode:
    """One ALB node: what it routes over, what it has open there, and its pools of idle connections."""

    def __init__(self, rotation: Rotation, target_group: TargetGroupSpec, keep_alive_s: float) -> None:
        self.rotation = rotation
        self._routing = target_group.routing
        self._longest_idle_s = min(target_group.idle_timeout_s, keep_alive_s + ROUND_TRIP_S / 2)
        self._open: defaultdict[int, list[Sent]] = defaultdict(list)
        self._idle: defaultdict[int, list[Connection]] = defaultdict(list)
        self._last_turn: dict[int, int] = {}
        self._turns = count()
        for target in rotation.ring:
            self._note_turn(target)
        rotation.on_join = self._note_turn

    def choose(self, choice: float) -> int | None:
        """Give the target of a request, by the routing algorithm."""
        match self._routing:
            case "round_robin":
                return self.rotation.next_in_turn()
            case "random":
                return self.rotation.chosen(choice)
            case "least_outstanding_requests":
                return min(self.rotation.ring, key=self._rank, default=None)

    def note_sent(self, to: int, sent: Sent) -> None:
        """Count a request as open until it has its answer."""
        self._open[to].append(sent)
        self._note_turn(to)

    def idle_connection(self, to: int, now_s: float) -> Connection | None:
        """Take the connection that became idle last; of several at one instant, the latest request's."""
        usable = [
            connection
            for connection in self._idle[to]
            if now_s - connection.idle_since_s < self._longest_idle_s and connection.pod.keeps_connections
        ]
        self._idle[to] = usable
        if not usable:
            return None
        last = max(usable, key=lambda connection: (connection.idle_since_s, connection.request))
        usable.remove(last)
        return last

    def keep(self, to: int, connection: Connection) -> None:
        """Put a connection into its pool."""
        self._idle[to].append(connection)

    def _note_turn(self, target: int) -> None:
        self._last_turn[target] = next(self._turns)

    def _rank(self, target: int) -> tuple[int, int]:
        """Rank the fewest open first; of equals, the one whose last turn is the longest ago."""
        self._open[target] = [sent for sent in self._open[target] if not sent.outcome]
        return len(self._open[target]), self._last_turn[target]


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
            self._nodes = [self._node(rotation_of(timeline, number, self._places(number))) for number in nodes]
        self._sent: list[Sent] = []

    def _before_workers(self, number: int) -> AlbNode:
        always = [(-math.inf, math.inf)] * self._target_group.instances
        return self._node(Rotation(always, always, self._places(number)))

    def _node(self, rotation: Rotation) -> AlbNode:
        return AlbNode(rotation, self._target_group, self._keep_alive_s)

    def _places(self, node: int) -> list[float]:
        targets = max(self._timeline.cut_s.size, self._target_group.instances)
        places: list[float] = self._streams.generator(Stream.RING_ORDER, node).random(targets).tolist()
        return places

    def run(self) -> tuple[list[Sent], float]:
        """Give the window's requests in the order of arrival, and its end."""
        for rotation in self._rotations():
            self._clock.process(rotation.changes(self._clock))
        for target in range(len(self._pods)):
            self._clock.process(self._deregistration(target))
            for node in range(self._timeline.registered_until_s.shape[0]):
                self._clock.process(self._removal(target, node))
        for request, to in reversed(list(self._sent_before())):
            self._clock.process(self._request(request, to))
        for request in self._until(self._latest_s()):
            self._clock.process(self._request(request, None))
        self._clock.run()
        until_s = self._window_until_s()
        return [sent for sent in self._sent if self._belongs(sent) and sent.arrival_s < until_s], until_s

    def _rotations(self) -> list[Rotation]:
        """Those that lead to pods."""
        return self._rules or [node.rotation for node in self._nodes]

    def _request(self, request: Drawn, to: int | None) -> Process:
        """One request, from its arrival until its pod has done with it. `to`: before the rollout, where it goes."""
        yield self._clock.at(request.arrival_s, At.ARRIVAL)
        node = self._nodes[request.node]
        if to is None:
            to = node.choose(request.choice)
        sent = Sent(request.arrival_s, request.node)
        self._sent.append(sent)
        if to is None:
            sent.end("no_registered_targets", self._clock.now)
            return
        node.note_sent(to, sent)
        connection = node.idle_connection(to, self._clock.now) if self._target_group.connection_reuse else None
        pod = connection.pod if connection else self._reached(to, request.pod_choice)
        sent.node = to if self._at_instances else request.node
        sent.target = pod.number if pod else None
        if pod is None:
            sent.end("connect_refused", self._clock.now)
        elif connection is None and not pod.listens:
            yield from self._not_accepted(sent, pod)
        elif connection and self._clock.now - connection.idle_since_s >= self._keep_alive_s - ROUND_TRIP_S / 2:
            sent.end("keep_alive_race", self._clock.now)
        else:
            self._clock.process(self._idle_timeout(sent))
            yield from pod.serve(sent, request.service_s, pooled=connection is not None)
            if sent.outcome == "ok":
                node.keep(to, Connection(pod, self._clock.now, request.number))

    def _reached(self, to: int, pod_choice: float) -> Pod | None:
        """Give the pod that a new connection reaches: the target itself, or any in a worker node's rules."""
        number = self._rules[to].chosen(pod_choice) if self._at_instances else to
        return None if number is None else self._pods[number]

    def _not_accepted(self, sent: Sent, pod: Pod) -> Process:
        if self._clock.now < pod.address_gone_s:
            sent.end("connect_refused", self._clock.now)
        elif self._spec.after_teardown == "host_unreachable":
            yield self._clock.timeout(3.1)
            sent.end("host_unreachable", self._clock.now)
        else:
            yield self._clock.timeout(10)
            sent.end("connect_timeout", self._clock.now)

    def _idle_timeout(self, sent: Sent) -> Process:
        yield self._clock.at(sent.arrival_s + self._target_group.idle_timeout_s, At.IDLE_TIMEOUT)
        sent.end("idle_timeout", self._clock.now)

    def _deregistration(self, target: int) -> Process:
        """When the deregistration delay has elapsed, the ALB cuts what still runs."""
        yield self._clock.at(float(self._timeline.drain_deadline_s[target]), At.CUT_BY_ALB)
        for sent in self._pods[target].open:
            sent.end("deregistration_delay_elapsed", self._clock.now)

    def _removal(self, target: int, node: int) -> Process:
        """Let a node that hears of the deregistration only after the delay cut what it has sent meanwhile."""
        yield self._clock.at(float(self._timeline.registered_until_s[node, target]), At.CUT_BY_ALB)
        if self._clock.now >= self._timeline.drain_deadline_s[target]:
            for sent in self._pods[target].open:
                if sent.node == node:
                    sent.end("deregistration_delay_elapsed", self._clock.now)

    def _until(self, until_s: float) -> Iterator[Drawn]:
        for request in drawn(self._traffic, self._streams, len(self._nodes), before=False):
            if request.arrival_s >= until_s:
                break
            yield request

    def _sent_before(self) -> Iterator[tuple[Drawn, int | None]]:
        """Those that matter of the requests from before t = 0, latest first, with targets where they do not choose."""
        turns = [0] * len(self._nodes)
        for request in drawn(self._traffic, self._streams, len(self._nodes), before=True):
            if request.arrival_s <= -self._oldest_s():
                break
            ring = self._nodes[request.node].rotation.ring
            turns[request.node] -= 1
            turn = turns[request.node] % max(1, len(ring))
            if self._target_group.routing == "random":
                # The draw runs through the ring backwards too.
                turn = len(ring) - 1 - int(request.choice * len(ring))
            chooses = self._target_group.routing == "least_outstanding_requests"
            yield request, ring[turn] if ring and not chooses else None

    def _oldest_s(self) -> float:
        """Before this nothing matters at t = 0: a request, a queue or an idle connection."""
        idle_s = self._target_group.idle_timeout_s
        oldest_s = min(idle_s, float(self._traffic.service_time_s.ppf(1 - 1e-12)))
        if self._spec.concurrency:
            oldest_s = idle_s + QUEUE_WARM_UP_S
        if self._target_group.connection_reuse:
            oldest_s += min(idle_s, self._keep_alive_s)
        return oldest_s

    def _belongs(self, sent: Sent) -> bool:
        """Whether a request came after t = 0 or was then accepted and not yet answered."""
        if sent.arrival_s >= 0:
            return True
        answered_s = min(sent.finish_s, sent.arrival_s + self._target_group.idle_timeout_s)
        return sent.target is not None and sent.outcome != "keep_alive_race" and answered_s > 0

    def _old(self) -> list[int]:
        return [target for target, cut_s in enumerate(self._timeline.cut_s) if math.isfinite(cut_s)]

    def _latest_s(self) -> float:
        """Give a time by which the window has ended, whatever the requests do."""
        timeline = self._timeline
        times = [*timeline.cut_s, *timeline.registered_until_s.ravel()]
        times += [*timeline.registered_from_s.ravel(), *timeline.healthy_from_s.ravel()]
        latest_s = max([self._timeline.rollout_complete_s, *(time for time in times if math.isfinite(time))])
        return float(latest_s) + self._spec.sandbox_teardown_s

    def _window_until_s(self) -> float:
        left = [rotation.left_s.get(target, -math.inf) for rotation in self._rotations() for target in self._old()]
        gone = [self._pods[target].address_gone_s for target in self._old()]
        over_s = max([self._timeline.rollout_complete_s, *left])
        return max([over_s, *(rotation.healthy_again_s(over_s) for rotation in self._rotations()), *gone])
