"""All rollouts of one scenario, for the commands that show them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.scenario.specs import Scenario


def rollouts_of(scenario: Scenario, estimator: Estimator | None, workers: int | None, *, quiet: bool) -> list[Figures]:
    """Simulate a scenario's replications on several processes, with a progress bar on a terminal."""
    from sim.experiment.replications import executor_of

    with executor_of(workers) as executor:
        return rollouts_on(executor, scenario, estimator, quiet=quiet)


def rollouts_on(
    executor: Executor | None, scenario: Scenario, estimator: Estimator | None, *, quiet: bool
) -> list[Figures]:
    """Simulate a scenario's replications on an executor, or in this process, with a progress bar on a terminal."""
    from sim.cli.progress import progress_of
    from sim.experiment.replications import replicate

    with progress_of(scenario.replications, quiet=quiet) as progress:
        progress.describe(scenario.name)
        return [progress.step(figures) for figures in replicate(scenario, executor, estimator=estimator)]


def worst_of(figures: list[Figures]) -> int:
    """Return the number of the replication with the most 502s, the first of them in a tie."""
    from sim.experiment.figures import RESPONSES

    n_502 = [of_rollout[RESPONSES[502]] for of_rollout in figures]
    return n_502.index(max(n_502))
