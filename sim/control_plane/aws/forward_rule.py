"""A listener's rule that forwards to two target groups by weight: what the Ingress asks for, and what the ALB does.

Modelled:
- The Ingress asks for a weight of the second target group, in percent; the first one has the rest. The ingress
  controller's watch sees a change after `endpoints.propagation_s`.
- The controller modifies the rule of each listener (`modify`). All requests come through the last listener.
- Each ALB node takes the rule over a while after ModifyRule, by a draw of its own for each change. A newer rule is
  never replaced by an older one.
- With `fixed_lag` the rule is modified `rule_lag_s` after the Ingress.

Left out: stickiness between target groups; more than two of them.

Sources: docs/facts/controller.md §7. How fast a rule reaches the nodes is published nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.control_plane.trace.traffic import RuleModified, RuleTaken, WeightSet
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import simpy

    from sim.control_plane.simulation import Simulation
    from sim.scenario.specs import Scenario


class ForwardRule:
    """The rule of an Ingress on each of its listeners. At first the second target group has no weight.

    `wanted` is the weight that the controller's watch has seen last, `weights` what the API holds, by listener.
    `watchers` are called when `wanted` changes.
    """

    def __init__(self, simulation: Simulation, scenario: Scenario) -> None:
        self._env = simulation.env
        self._trace = simulation.trace
        streams = simulation.streams
        law_s = scenario.target_group.rule_propagation_s or scenario.target_group.propagation_s
        self._seen_after_s = streams.draws(scenario.endpoints.propagation_s, Stream.RULE_SEEN)
        self._propagation_s = [
            streams.draws(law_s, Stream.RULE_PROPAGATION, node) for node in range(scenario.target_group.alb_nodes)
        ]
        lag_s = scenario.controller.rule_lag_s
        self._lag_s = None if lag_s is None else streams.draws(lag_s, Stream.RULE_LAG)
        self._asked_for = 0
        self.wanted = 0
        self.weights = [0] * scenario.controller.listeners
        self.watchers: list[Callable[[], None]] = []

    def set_weight(self, weight: int) -> None:
        """Ask for another weight, as who patches the Ingress does."""
        if weight == self._asked_for:
            return
        self._asked_for = weight
        self._trace.record(WeightSet(self._env.now, weight))
        self._env.process(self._tell() if self._lag_s is None else self._modify_later(next(self._lag_s)))

    def _tell(self) -> Generator[simpy.Event]:
        yield self._env.timeout(next(self._seen_after_s))
        self.wanted = self._asked_for
        for watcher in self.watchers:
            watcher()

    def _modify_later(self, lag_s: float) -> Generator[simpy.Event]:
        yield self._env.timeout(lag_s)
        for listener in range(len(self.weights)):
            self.modify(listener, self._asked_for)

    def modify(self, listener: int, weight: int) -> None:
        """Take over a successful ModifyRule."""
        if self.weights[listener] == weight:
            return
        self.weights[listener] = weight
        if listener == len(self.weights) - 1:
            self._trace.record(RuleModified(self._env.now, weight))
            for node, propagation_s in enumerate(self._propagation_s):
                self._trace.record(RuleTaken(self._env.now + next(propagation_s), weight, node))

    @property
    def is_in_force(self) -> bool:
        """Return whether the API shows the weight that is asked for, on the listener that takes the traffic."""
        return self.weights[-1] == self._asked_for
