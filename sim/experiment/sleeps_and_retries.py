"""The 502s of a scenario at other preStop sleeps and retry limits: a grid, computed before anyone asks.

- The first rollouts of the scenario, with the same draws at each setting.
- Settings that share a control plane are simulated from one: it is most of the work.
- A sleep that is not the scenario's own comes with the grace period and the deregistration delay that it needs, as in
  `recommend`.
- The number of rollouts is so chosen that the grid takes about `MOST_S` of one core.

The cost of a rollout is a model of measurements on one core:
- a control plane costs what `sim.scenario.cost` says;
- each pod whose requests are expected ones costs 40 µs;
- each request that is drawn costs 0.3 µs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sim.experiment.figures import ANY_502, RESPONSES
from sim.experiment.replication import simulate_alike
from sim.experiment.rules import RETRIES
from sim.experiment.sharing import sharing_control_planes
from sim.experiment.with_sleep import WithSleep
from sim.scenario.controller import FIXED_LAG
from sim.scenario.cost import replication_at_most_s, rolled_pods

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario

SLEEPS_S = (0, 10, 20, 30, 45, 60, 90, 120, 180, 300)
RETRY_LIMITS = (0, 2, 4, 6, 10)
MOST_ROLLOUTS, FEWEST_ROLLOUTS = 40, 10
MOST_S = 40.0
_EXPECTED_S_PER_POD, _DRAWN_S_PER_REQUEST = 40e-6, 0.3e-6


class Setting(NamedTuple):
    """A preStop sleep (s) and an `--aws-max-retries`."""

    sleep_s: float
    retries: int


class Of(NamedTuple):
    """What one rollout gives with one setting: its 502s, and whether, or with what probability, it has any."""

    n_502: float
    any_502: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepsAndRetries:
    """The grid: the setting of the scenario, and of each setting its rollouts, in the order of the replications."""

    given: Setting
    rollouts: dict[Setting, list[Of]]

    @property
    def sleeps_s(self) -> list[float]:
        """Return the sleeps (s), the shortest first."""
        return sorted({setting.sleep_s for setting in self.rollouts})

    @property
    def retry_limits(self) -> list[int]:
        """Return the retry limits, the smallest first."""
        return sorted({setting.retries for setting in self.rollouts})


def settings_of(scenario: Scenario) -> dict[Setting, Scenario]:
    """Return the settings of the grid with their scenarios. A fixed lag has no retries to vary."""
    given = _given(scenario)
    limits = {given.retries} if scenario.controller.version == FIXED_LAG else {given.retries, *RETRY_LIMITS}
    with_sleep = {sleep_s: WithSleep(scenario)(sleep_s) for sleep_s in SLEEPS_S} | {given.sleep_s: scenario}
    return {
        Setting(sleep_s, retries): changed if retries == given.retries else changed.with_overrides({RETRIES: retries})
        for sleep_s, changed in sorted(with_sleep.items())
        for retries in sorted(limits)
    }


def affordable_rollouts(scenario: Scenario, estimator: Estimator, n_requests: float) -> int:
    """Return how many rollouts of each setting take about `MOST_S`, at most `MOST_ROLLOUTS` and the scenario's own.

    Return 0 if that is too few to tell anything. `n_requests`: the requests of one rollout.
    """
    grid = settings_of(scenario)
    each_s = _EXPECTED_S_PER_POD * rolled_pods(scenario)
    if estimator == "sampled":
        each_s = _DRAWN_S_PER_REQUEST * n_requests
    cost_s = len(sharing_control_planes(grid)) * replication_at_most_s(scenario) + len(grid) * each_s
    wanted = min(MOST_ROLLOUTS, scenario.replications)
    n = min(wanted, int(MOST_S / cost_s))
    return n if n >= min(FEWEST_ROLLOUTS, wanted) else 0


def sleeps_and_retries(
    scenario: Scenario,
    replications: int,
    estimator: Estimator,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SleepsAndRetries:
    """Simulate the first replications of a scenario at every setting of the grid.

    Parameters
    ----------
    scenario
        The scenario as it is.
    replications
        How many rollouts each setting gets.
    estimator
        How requests are counted.
    executor
        Where to compute; by default in this process. The result does not depend on it.
    progress
        Is called with how many pieces of work are done, and of how many.

    Returns
    -------
    SleepsAndRetries
        The rollouts of each setting.

    Raises
    ------
    ScenarioError
        If a rollout comes to no end with one of the settings.
    """
    grid = settings_of(scenario)
    groups = [[(setting, grid[setting]) for setting in group] for group in sharing_control_planes(grid)]
    rollouts: dict[Setting, list[Of]] = {setting: [] for setting in grid}
    tasks = [(group, number) for number in range(replications) for group in groups]
    work = partial(_rollouts_of, estimator)
    results = (executor.map if executor else map)(work, tasks)
    for done, ((group, _), of_group) in enumerate(zip(tasks, results, strict=True), start=1):
        for (setting, _), of in zip(group, of_group, strict=True):
            rollouts[setting].append(of)
        if progress is not None:
            progress(done, len(tasks))
    return SleepsAndRetries(given=_given(scenario), rollouts=rollouts)


def _given(scenario: Scenario) -> Setting:
    return Setting(scenario.pod.pre_stop_sleep_s, scenario.controller.aws_max_retries)


def _rollouts_of(estimator: Estimator, task: tuple[Sequence[tuple[Setting, Scenario]], int]) -> list[Of]:
    group, number = task
    found = dict(simulate_alike([scenario for _, scenario in group], replication=number, estimator=estimator))
    return [Of(RESPONSES[502].of(found[place]), ANY_502.of(found[place])) for place in range(len(group))]
