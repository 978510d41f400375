"""The replications of several scenarios, one row of figures each, from which sweeps and comparisons are made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sim.experiment.provenance import replication_keys
from sim.experiment.tasks import Task, finished
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping
    from concurrent.futures import Executor

    from sim.experiment.estimators import Estimator
    from sim.experiment.grid import Grid
    from sim.experiment.tasks import Row

    Progress = Callable[[int, int], None]
    Kept = MutableMapping[str, Row]


class Rows:
    """The rows of a grid's points simulated so far, in the order of the replications."""

    def __init__(
        self,
        whole: Grid,
        executor: Executor,
        estimator: Estimator,
        *,
        progress: Progress | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.by_point: list[list[Row]] = [[] for _ in whole.points]
        self._grid = whole
        self._executor = executor
        self._estimator = estimator
        self._progress = progress or _silent
        self._kept = {} if kept is None else kept

    def fill(self, points: Iterable[int], replications: int) -> None:
        """Simulate until these points have that many rows."""
        wanted: list[Task] = []
        keys: dict[tuple[int, int], str] = {}
        for point in points:
            scenario, numbers = self._grid.points[point], range(len(self.by_point[point]), replications)
            wanted += [Task(point, number, scenario, self._estimator) for number in numbers]
            named = replication_keys(scenario, numbers, self._estimator)
            keys |= {(point, number): key for number, key in zip(numbers, named, strict=True)}
        missing = [task for task in wanted if keys[task[:2]] not in self._kept]
        before = sum(map(len, self.by_point)) + len(wanted) - len(missing)
        total = before + len(missing)
        self._progress(before, total)
        for done, (task, outcome) in enumerate(finished(missing, self._executor), start=before + 1):
            self._kept[keys[task[:2]]] = self._row(task, outcome)
            self._progress(done, total)
        for task in wanted:
            self.by_point[task.point].append(self._kept[keys[task[:2]]])

    def _row(self, task: Task, outcome: Row | ScenarioError) -> Row:
        if isinstance(outcome, ScenarioError):
            where = ", ".join(filter(None, [self._grid.name(task.point), f"replication {task.number}"]))
            raise ScenarioError(replace(problem, file=where) for problem in outcome.problems)
        return outcome


def _silent(done: int, total: int) -> None:
    """Show nothing."""
