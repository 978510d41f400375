"""A scenario tried out: the results that matter when settings are chosen, replication by replication.

A trial says for each rollout how many requests failed and why, how long it took, and how many pods it needed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.control_plane.trace import PodCreated, ProcessCut
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.experiment.least_sleep import slowest_pod
from sim.experiment.replication import simulate
from sim.experiment.statistics import fraction_estimate
from sim.streams import Streams

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sim.control_plane.trace import Trace
    from sim.experiment.statistics import Estimate
    from sim.scenario.specs import Scenario


class Rollout(NamedTuple):
    """One replication of a trial.

    Attributes
    ----------
    failures
        The number of requests that ended in each outcome but `ok`.
    rollout_s
        How long the disruption took, in s.
    over_s
        When the last old process ended, in s since the start of the disruption.
    most_pods
        The most pods at one moment, terminating pods included.
    """

    failures: dict[str, int]
    rollout_s: float
    over_s: float
    most_pods: int

    @property
    def n_failed(self) -> int:
        """The number of failed requests: 502s, 503s and 504s."""
        return sum(self.failures.values())

    def responses(self, status: int) -> int:
        """Return how many requests were answered with an HTTP status.

        Parameters
        ----------
        status
            An HTTP status of failed requests: 460, 502, 503 or 504.

        Returns
        -------
        int
            The number of requests.
        """
        return sum(n for name, n in self.failures.items() if Outcome[name.upper()].status == status)


@dataclass(frozen=True, slots=True)
class Trial:
    """A scenario's replications.

    Attributes
    ----------
    scenario
        What was simulated.
    rollouts
        The trial's replications, in their order.
    """

    scenario: Scenario
    rollouts: tuple[Rollout, ...]

    def with_at_most(self, n_failed: int) -> Estimate:
        """Return the fraction of rollouts with at most `n_failed` failed requests.

        Parameters
        ----------
        n_failed
            How many requests of a rollout may fail.

        Returns
        -------
        Estimate
            A fraction from 0 to 1, with its 95 % interval.
        """
        return fraction_estimate(sum(rollout.n_failed <= n_failed for rollout in self.rollouts), len(self.rollouts))

    def mean(self, status: int) -> float:
        """Return the mean of responses with an HTTP status per rollout.

        Parameters
        ----------
        status
            An HTTP status of failed requests: 460, 502, 503 or 504.

        Returns
        -------
        float
            The mean number of requests.
        """
        return float(np.mean([rollout.responses(status) for rollout in self.rollouts]))

    def mean_failures(self) -> dict[str, float]:
        """Return the mean of failed requests per rollout for each outcome that occurs, the largest first.

        Returns
        -------
        dict
            The mean number of requests, by the name of the outcome.
        """
        names = self.rollouts[0].failures
        means = {name: float(np.mean([rollout.failures[name] for rollout in self.rollouts])) for name in names}
        return {name: mean for name, mean in sorted(means.items(), key=lambda item: -item[1]) if mean}


def try_out(scenario: Scenario, executor: Executor, *, first: int = 0, replications: int | None = None) -> Trial:
    """Return a trial: replications of a scenario from the `first` on, by default as many as the scenario asks for.

    Raises ScenarioError if a rollout comes to no end.
    """
    numbers = range(first, first + (replications or scenario.replications))
    return Trial(scenario, tuple(executor.map(partial(_rollout, scenario), numbers)))


def needed_s(scenario: Scenario, executor: Executor) -> NDArray[np.float64]:
    """Return for each replication how long its slowest pod stays in rotation after its deletion (s)."""
    return np.array([*executor.map(partial(_needed_s, scenario), range(scenario.replications))])


def _rollout(scenario: Scenario, number: int) -> Rollout:
    replication = simulate(scenario, replication=number, estimator="sampled")
    counts = replication.requests.counts
    return Rollout(
        failures={outcome.name.lower(): int(counts[outcome]) for outcome in Outcome if outcome is not Outcome.OK},
        rollout_s=replication.timeline.rollout_complete_s,
        over_s=max((record.time_s for record in replication.trace.of(ProcessCut)), default=0.0),
        most_pods=_most_pods(replication.trace, scenario.deployment.replicas),
    )


def _most_pods(trace: Trace, n_old: int) -> int:
    """Return the largest number of pods at any moment, terminating pods included."""
    changes = [(record.time_s, 1) for record in trace.of(PodCreated)]
    changes += [(record.time_s, -1) for record in trace.of(ProcessCut)]
    steps = [step for _, step in sorted(changes)]
    return n_old + int(np.max(np.cumsum(steps), initial=0))


def _needed_s(scenario: Scenario, number: int) -> float:
    streams = Streams(scenario.seed, number)
    return slowest_pod(run_control_plane(scenario, streams), scenario, streams).stays_s
