"""Replications on any `concurrent.futures.Executor`, as they finish. The result of one does not depend on the executor.

What is handed over is one replication of a few points that share their control plane, which is most of the work. Such a
task is small enough that little is lost when the program is killed. A task is large enough (milliseconds or more) that
handing it over to a process of this machine costs little in comparison. A cluster's scheduler takes a millisecond for
whatever it hands over: it gets as many replications at once as last a second.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from sim.experiment.replication import simulate_alike
from sim.experiment.replications import cancelling
from sim.experiment.sharing import sharing_control_planes
from sim.scenario.problems import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor, Future

    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario

    Row = tuple[float, ...]
    _Done = tuple[list[list[Row | ScenarioError]], float]

_MOST_SUBMITTED = 1000
"""How many tasks are submitted at once: an executor that ships every task (a cluster's) must not get a million."""
_SHIPPED_S = 1.0
"""How many seconds of work a cluster's worker gets at once."""
_MOST_TIMED = 100
"""How many tasks a cluster has at once as long as they are shorter than half of that."""
_MOST_TOGETHER = 10
"""How many points of a task share a control plane: enough to make it cheap, few enough to occupy several processes."""


class Task(NamedTuple):
    """Replication `number` of a grid's point, the scenario that the point is, and how requests are estimated."""

    point: int
    number: int
    scenario: Scenario
    estimator: Estimator


def finished(tasks: Sequence[Task], executor: Executor) -> Iterator[tuple[Task, Row | ScenarioError]]:
    """Yield tasks with their results in the order in which they finish, and cancel at the end those that are left."""
    done: SimpleQueue[Future[_Done]] = SimpleQueue()
    submitted: dict[Future[_Done], list[list[Task]]] = {}
    left = iter(_batches(tasks))
    is_here = isinstance(executor, ProcessPoolExecutor)
    at_once = 1

    def submit(most: int) -> None:
        while len(submitted) < most and (batches := list(islice(left, at_once))):
            work = [([task.scenario for task in batch], batch[0].number, batch[0].estimator) for batch in batches]
            future = executor.submit(_rows_of, work)
            submitted[future] = batches
            future.add_done_callback(done.put)

    with cancelling(submitted):
        submit(_MOST_SUBMITTED if is_here else _MOST_TIMED)
        while submitted:
            future = done.get()
            batches = submitted.pop(future)
            rows, spent_s = future.result()
            if not is_here:
                at_once = max(1, round(_SHIPPED_S * len(batches) / spent_s))
            submit(_MOST_SUBMITTED if is_here or spent_s > _SHIPPED_S / 2 else _MOST_TIMED)
            for batch, of_batch in zip(batches, rows, strict=True):
                yield from zip(batch, of_batch, strict=True)


def _batches(tasks: Sequence[Task]) -> list[list[Task]]:
    """Return batches of tasks: the same replication of points that share their control plane."""
    groups = sharing_control_planes({task.point: task.scenario for task in tasks})
    group_of = {point: number for number, group in enumerate(groups) for point in group}
    alike: dict[tuple[int, int, Estimator], list[Task]] = {}
    for task in tasks:
        alike.setdefault((group_of[task.point], task.number, task.estimator), []).append(task)
    return [
        batch[first : first + _MOST_TOGETHER]
        for batch in alike.values()
        for first in range(0, len(batch), _MOST_TOGETHER)
    ]


def _rows_of(work: Sequence[tuple[Sequence[Scenario], int, Estimator]]) -> _Done:
    """Return the rows of each batch, and how many seconds they took."""
    began_s = time.perf_counter()
    rows = [_rows(*batch) for batch in work]
    return rows, time.perf_counter() - began_s


def _rows(scenarios: Sequence[Scenario], number: int, estimator: Estimator) -> list[Row | ScenarioError]:
    """Return each scenario's row, or the error if its rollout comes to no end."""
    rows: dict[int, Row] = {}
    try:
        for place, replication in simulate_alike(scenarios, replication=number, estimator=estimator):
            rows[place] = replication.figures().row()
    except ScenarioError as error:
        return [rows.get(place, error) for place in range(len(scenarios))]
    return [rows[place] for place in range(len(scenarios))]
