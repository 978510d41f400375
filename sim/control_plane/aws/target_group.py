"""The target group and the ALB nodes' knowledge of it. Targets are pods, or worker nodes (`instance_targets`).

Modelled:
- A registered target is `initial` at each ALB node until that node's first check of it, at a random phase of the
  check's interval. From then on the target is in rotation. Without a health check it is in rotation at once.
- A deregistered target is `draining` from the API call on. Each node goes on sending it requests until the
  deregistration reaches the node, `propagation_s` later: one draw for each node and target.
- A target whose checks fail leaves a node's rotation at that node's `unhealthy_threshold`-th failing check.
- A draining target's requests may run until `deregistration_delay_s`.
- DescribeTargetHealth takes a target for healthy when it is at every node. DescribeTargetHealth shows `draining` until
  the deregistration delay is over.

Left out:
- slow start, which is the ALB nodes' affair (`data_plane.slow_start`);
- recovery of a terminating pod's target (only a pod whose container restarts in place recovers);
- the delay of RegisterTargets to the data plane. The first check cannot come before it, and is what is measured in
  the field: about 10 s in `initial`.

Sources: docs/facts/alb.md §1 and §2. The propagation is the least known number of the model.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sim.control_plane.aws.health_checks import unhealthy_spell
from sim.control_plane.clock import come_now
from sim.control_plane.kubernetes.outage import Outage
from sim.control_plane.kubernetes.pod import Drawn, PodDraws
from sim.control_plane.trace import TargetDeregistered, TargetDrained, TargetHealthy, TargetRegistered
from sim.scenario.distributions import Constant, Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import simpy

    from sim.control_plane.aws.health_checks import Spell
    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import TargetGroupSpec

T = TypeVar("T")


class Target(Drawn, Protocol):
    """A pod or a worker node. `deregistered` occurs when it is draining."""

    @property
    def number(self) -> int:
        """Its name in the trace."""

    @property
    def deregistered(self) -> simpy.Event:
        """The event that it is draining."""


G = TypeVar("G", bound=Target)


@dataclass(frozen=True, slots=True)
class TargetHealth(Generic[T]):
    """DescribeTargetHealth's answer for the targets in the request: which are in each state.

    `draining` has the end of each one's deregistration delay (s), of which the real answer says nothing.
    """

    initial: set[T]
    healthy: set[T]
    unhealthy: set[T]
    draining: Mapping[T, float]

    @property
    def registered(self) -> set[T]:
        """Return the targets that are not draining: a controller takes a draining target for gone."""
        return self.initial | self.healthy | self.unhealthy


class TargetGroup(Generic[G]):
    """One target group."""

    def __init__(
        self,
        simulation: Simulation,
        spec: TargetGroupSpec,
        registered: Sequence[G],
        fails_checks_s: Callable[[AbstractSet[G]], Mapping[G, float]],
        number: int = 0,
    ) -> None:
        """`fails_checks_s` returns when pods begin to fail their checks: those of these pods for which that is known.

        `number` is 1 for the second target group of a forward action.
        """
        self._env = env = simulation.env
        self._spec = spec
        self._number = number
        self._trace = simulation.trace
        streams = simulation.streams
        check = spec.health_check
        interval = Uniform(dist="uniform", low=0, high=check.interval_s) if check else Constant(value=0)
        nodes = range(spec.alb_nodes)
        self.rows = range(number * spec.alb_nodes, (number + 1) * spec.alb_nodes)
        self._first_check_after_s = [PodDraws(streams, interval, Stream.FIRST_HEALTH_CHECK, node) for node in nodes]
        self._propagation_s = [
            PodDraws(streams, spec.propagation_s, Stream.DEREGISTRATION_PROPAGATION, node) for node in nodes
        ]
        self._fails_checks_s = fails_checks_s
        self._first_checks_s = {pod: self._first_checks_from(env.now, pod) for pod in registered}
        self._healthy_from_s = dict.fromkeys(registered, -math.inf)
        self._unhealthy_from_s: dict[G, float] = {}
        self._draining_until_s: dict[G, float] = {}
        self._drains: deque[tuple[float, G]] = deque()
        self._drained_s: dict[G, list[float]] = {}
        self._registered = env.event()
        self.outages: dict[G, Outage] = {}
        self.changes: list[G] = []
        """The targets that were registered or deregistered, in order."""
        self._before_registration: dict[G, list[Spell]] = {}

    def health(self, of: AbstractSet[G] | None = None) -> TargetHealth[G]:
        """Return the states of these targets, or of all. A target that is not registered has no state."""
        self._forget_drained()
        now_s, healthy_from_s = self._env.now, self._healthy_from_s
        registered = set(healthy_from_s) if of is None else healthy_from_s.keys() & of
        unhealthy = self._unhealthy_somewhere(registered)
        unhealthy.update(pod for pod in self.outages.keys() & registered if self._is_out(pod))
        healthy = {pod for pod in registered if healthy_from_s[pod] <= now_s} - unhealthy
        draining = self._draining_until_s.keys() if of is None else self._draining_until_s.keys() & of
        return TargetHealth(
            initial=registered - unhealthy - healthy,
            healthy=healthy,
            unhealthy=unhealthy,
            draining={pod: self._draining_until_s[pod] for pod in draining},
        )

    def _forget_drained(self) -> None:
        """Forget the targets whose deregistration delay is over.

        The delay is the same for all targets, so the queue of targets is in the order of their ends.
        """
        while self._drains and self._drains[0][0] <= self._env.now:
            until_s, pod = self._drains.popleft()
            if self._draining_until_s.get(pod) == until_s:
                del self._draining_until_s[pod]

    def registered(self) -> set[G]:
        """Return the targets that are not draining."""
        return set(self._healthy_from_s)

    def has_known(self, pod: G) -> bool:
        """Return whether a target is registered, or was."""
        return pod in self._first_checks_s

    @property
    def n_registered(self) -> int:
        """How many targets are registered and not draining."""
        return len(self._healthy_from_s)

    def healthy_from_s(self, pod: G) -> float:
        """Return when a registered target has passed every node's first check."""
        return self._healthy_from_s[pod]

    def first_healthy_s(self) -> float:
        """Return when the first registered target has passed every node's first check; `inf` if there is none."""
        return min(self._healthy_from_s.values(), default=math.inf)

    def unhealthy_from_s(self, pod: G, fails_checks_s: float) -> list[float]:
        """Return when each node takes a target for unhealthy, if its checks fail from `fails_checks_s` on.

        The list is empty for a target that was never registered, or without a health check.
        """
        return [spell.from_s for spell in self.unhealthy_spells(pod, Outage(fails_checks_s, silent=False))]

    def unhealthy_spells(self, pod: G, outage: Outage) -> list[Spell]:
        """Return when each node takes a target for unhealthy in an outage.

        The list is empty for a target that was never registered, or without a health check.
        """
        check = self._spec.health_check
        if check is None:
            return []
        if pod in self._before_registration:
            return self._before_registration[pod]
        return [unhealthy_spell(check, first_s, outage) for first_s in self._first_checks_s.get(pod, ())]

    def until_registered(self, pod: G) -> Generator[simpy.Event]:
        """Wait until a pod's target is registered, and healthy at every node."""
        while pod not in self._healthy_from_s:
            yield self._registered
        yield self._env.timeout(max(0.0, self._healthy_from_s[pod] - self._env.now))

    def sent_until_s(self, pod: G) -> list[float]:
        """Return when each node stops sending to a deleted pod, `inf` as long as that is not certain."""
        never = [math.inf] * len(self._propagation_s)
        drained_s = self._drained_s.get(pod, never)
        fails_checks_s = self._fails_checks_s({pod}).get(pod, math.inf)
        unhealthy_s = self.unhealthy_from_s(pod, fails_checks_s) or never
        return [min(at_node_s) for at_node_s in zip(drained_s, unhealthy_s, strict=True)]

    def _first_checks_from(self, registered_s: float, pod: G) -> list[float]:
        return [registered_s + after_s[pod] for after_s in self._first_check_after_s]

    def _is_out(self, pod: G) -> bool:
        if pod in self._before_registration:
            return False
        spells = self.unhealthy_spells(pod, self.outages[pod])
        return any(from_s <= self._env.now < until_s for from_s, until_s in spells)

    def _unhealthy_somewhere(self, registered: AbstractSet[G]) -> set[G]:
        unhealthy_from_s = self._unhealthy_from_s
        unknown = {pod for pod in registered if pod not in unhealthy_from_s}  # `-` would go through all ended pods
        for pod, fails_checks_s in self._fails_checks_s(unknown).items():
            unhealthy_from_s[pod] = min(self.unhealthy_from_s(pod, fails_checks_s), default=math.inf)
        return {pod for pod in unhealthy_from_s.keys() & registered if unhealthy_from_s[pod] <= self._env.now}

    def register(self, pods: Iterable[G]) -> None:
        """Take over a successful RegisterTargets, which leaves registered targets as they are."""
        now_s = self._env.now
        for pod in sorted(pod for pod in set(pods) if pod not in self._healthy_from_s):
            if pod in self.outages:
                self._before_registration[pod] = self.unhealthy_spells(pod, self.outages[pod])
            self._first_checks_s[pod] = first_checks_s = self._first_checks_from(now_s, pod)
            self._healthy_from_s[pod] = max(first_checks_s)
            self._draining_until_s.pop(pod, None)
            self.changes.append(pod)
            self._trace.record(TargetRegistered(now_s, pod.number, self._number))
            for row, first_check_s in zip(self.rows, first_checks_s, strict=True):
                self._trace.record(TargetHealthy(first_check_s, pod.number, row))
        registered, self._registered = self._registered, self._env.event()
        come_now(registered)

    def deregister(self, pods: Iterable[G]) -> None:
        """Take over a successful DeregisterTargets, which ignores targets that are not registered."""
        now_s = self._env.now
        until_s = now_s + self._spec.deregistration_delay_s
        for pod in sorted(pod for pod in set(pods) if pod in self._healthy_from_s):
            del self._healthy_from_s[pod]
            self._draining_until_s[pod] = until_s
            self._drains.append((until_s, pod))
            self.changes.append(pod)
            self._trace.record(TargetDeregistered(now_s, pod.number, until_s))
            self._drained_s[pod] = [now_s + propagation_s[pod] for propagation_s in self._propagation_s]
            for row, drained_s in zip(self.rows, self._drained_s[pod], strict=True):
                self._trace.record(TargetDrained(drained_s, pod.number, row))
            come_now(pod.deregistered)
