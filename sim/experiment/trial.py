"""A scenario tried out: what counts when settings are chosen, replication by replication.

A trial says of each rollout how many 502s it had and why, how long it took, how many pods it needed at once, and how
long a pod would have had to go on serving after its deletion so that no request met it dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.control_plane.trace import PodCreated, PodDeleted, ProcessCut
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.replication import simulate
from sim.experiment.statistics import fraction_estimate
from sim.experiment.trace_to_timeline import timeline_of
from sim.streams import Streams

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.control_plane.trace import Trace
    from sim.data_plane.timeline import Timeline
    from sim.experiment.statistics import Estimate
    from sim.scenario.specs import Scenario


class Rollout(NamedTuple):
    """One replication: 502s by outcome; its duration and when the last old process ended (s); most pods at once."""

    causes: dict[str, int]
    rollout_s: float
    over_s: float
    most_pods: int

    @property
    def n_502(self) -> int:
        """All 502s."""
        return sum(self.causes.values())


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario's replications."""

    scenario: Scenario
    rollouts: tuple[Rollout, ...]

    def below(self, target_502: float) -> Estimate:
        """Estimate the fraction of rollouts with fewer 502s than the target."""
        return fraction_estimate(sum(rollout.n_502 < target_502 for rollout in self.rollouts), len(self.rollouts))

    def mean_502(self) -> float:
        """Return the mean of 502s per rollout."""
        return float(np.mean([rollout.n_502 for rollout in self.rollouts]))

    def mean_causes(self) -> dict[str, float]:
        """Return the mean of 502s per rollout by outcome, those that occur, the largest first."""
        names = self.rollouts[0].causes
        means = {name: float(np.mean([rollout.causes[name] for rollout in self.rollouts])) for name in names}
        return {name: mean for name, mean in sorted(means.items(), key=lambda item: -item[1]) if mean}


def try_out(scenario: Scenario, executor: Executor, *, first: int = 0) -> Trial:
    """Simulate a scenario's replications, from the `first` on; raises ScenarioError if a rollout comes to no end."""
    numbers = range(first, first + scenario.replications)
    return Trial(scenario, tuple(executor.map(partial(_rollout, scenario), numbers)))


def needed_s(scenario: Scenario, executor: Executor) -> NDArray[np.float64]:
    """Say for each replication how long its slowest pod stays in rotation after its deletion, while it serves (s).

    It is read from the control plane's trace alone. A target leaves by its deregistration, and by a failing health
    check only where preStop makes it fail: that a dead pod fails it too saves no request. Where nothing but that check
    depends on the preStop sleep, neither does this.
    """
    return np.array([*executor.map(partial(_needed_s, scenario), range(scenario.replications))])


def _rollout(scenario: Scenario, number: int) -> Rollout:
    replication = simulate(scenario, replication=number)
    counts = replication.requests.counts
    return Rollout(
        causes={outcome.name.lower(): int(counts[outcome]) for outcome in Outcome if outcome.status == 502},  # noqa: PLR2004
        rollout_s=replication.timeline.rollout_complete_s,
        over_s=max((record.time_s for record in replication.trace.of(ProcessCut)), default=0.0),
        most_pods=_most_pods(replication.trace, scenario.deployment.replicas),
    )


def _most_pods(trace: Trace, n_old: int) -> int:
    """Count the pods at the moment when there are most, those on their way out among them."""
    changes = [(record.time_s, 1) for record in trace.of(PodCreated)]
    changes += [(record.time_s, -1) for record in trace.of(ProcessCut)]
    steps = [step for _, step in sorted(changes)]
    return n_old + int(np.max(np.cumsum(steps), initial=0))


def _needed_s(scenario: Scenario, number: int) -> float:
    trace = run_control_plane(scenario, Streams(scenario.seed, number))
    timeline = timeline_of(trace, scenario)
    left_s = _left_while_serving_s(timeline, by_health_check=scenario.pod.pre_stop_fails_health_check)
    return max((float(left_s[deleted.pod]) - deleted.time_s for deleted in trace.of(PodDeleted)), default=0.0)


def _left_while_serving_s(timeline: Timeline, *, by_health_check: bool) -> NDArray[np.float64]:
    left_s = timeline.registered_until_s
    if by_health_check:
        left_s = np.minimum(left_s, timeline.healthy_until_s)
    return np.asarray(left_s.max(axis=0))
