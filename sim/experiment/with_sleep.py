"""A scenario with another preStop sleep, or another delay before old pods go, and with what goes with it.

Grace period and deregistration delay are raised to what the sleep needs, and never lowered.

Sources: docs/facts/alb.md §6 (G ≥ P + longest request + margin; D ≥ longest request, counted from when the last ALB
node has heard: until then it sends new ones).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.experiment.rules import DELAY, GRACE, PRE_STOP

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

LONGEST_DELAY_S = 3600
"""The longest deregistration_delay.timeout_seconds that AWS accepts."""
_LONGEST = 0.999999
"""The quantile of a law that counts as its longest value."""
_SHUTDOWN_S = 2.0
"""The margin between the longest request and SIGKILL: the least time that the kubelet gives after preStop."""


@dataclass(frozen=True, slots=True)
class WithSleep:
    """The scenario with a preStop sleep and the settings that go with it."""

    scenario: Scenario

    @property
    def covered_s(self) -> float:
        """Return how much of a pod's time in rotation something else covers, which is nothing (s)."""
        return 0.0

    def __call__(self, sleep_s: float, /) -> Scenario:
        """Return the scenario with this sleep, grace period and deregistration delay raised for the longest request."""
        scenario = self.scenario
        longest_s = longest_request_s(scenario)
        grace_s = math.ceil(sleep_s + scenario.pod.serve_after_sigterm_s + longest_s + _SHUTDOWN_S)
        delay_s = math.ceil(longest_s + float(scenario.target_group.propagation_s.ppf(_LONGEST)))
        return scenario.with_overrides(
            {
                PRE_STOP: sleep_s,
                GRACE: max(scenario.pod.termination_grace_period_s, grace_s),
                DELAY: max(scenario.target_group.deregistration_delay_s, min(delay_s, LONGEST_DELAY_S)),
            }
        )


@dataclass(frozen=True, slots=True)
class WithDelay:
    """The scenario with another value of `delay_key`, its own preStop sleep, and the settings that go with that."""

    scenario: Scenario
    delay_key: str

    @property
    def covered_s(self) -> float:
        """Return how much of a pod's time in rotation the preStop sleep covers (s)."""
        return self.scenario.pod.pre_stop_sleep_s

    def __call__(self, delay_s: float, /) -> Scenario:
        """Return the scenario with this delay."""
        return WithSleep(self.scenario.with_overrides({self.delay_key: delay_s}))(self.covered_s)


def longest_request_s(scenario: Scenario) -> float:
    """Return how long the longest request takes, in seconds: a high quantile, at most the ALB's own wait."""
    longest = float(scenario.traffic.service_time_s.ppf(_LONGEST))
    return min(longest, scenario.target_group.idle_timeout_s)
