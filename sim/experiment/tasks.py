"""Replications on any `concurrent.futures.Executor`, as they finish; what comes of one does not depend on the executor.

A task is one replication: small enough that little is lost when the program is killed, large enough (milliseconds or
more) that handing it over does not count.
"""

from __future__ import annotations

from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from sim.experiment.columns import row
from sim.experiment.replication import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future

    from sim.experiment.replication import Estimator
    from sim.scenario.specs import Scenario

    Row = tuple[float, ...]

_MOST_SUBMITTED = 1000
"""An executor that ships every task at once (a cluster's) is not sent a million of them."""


class Task(NamedTuple):
    """Replication `number` of a grid's point, the scenario that the point is, and how requests are estimated."""

    point: int
    number: int
    scenario: Scenario
    estimator: Estimator


def finished(tasks: Iterable[Task], executor: Executor) -> Iterator[tuple[Task, Future[Row]]]:
    """Yield tasks with their futures, done, in the order in which they finish; cancel what is left at the end."""
    done: SimpleQueue[Future[Row]] = SimpleQueue()
    submitted: dict[Future[Row], Task] = {}
    left = iter(tasks)

    def submit(count: int) -> None:
        for task in islice(left, count):
            future = executor.submit(_row, task.scenario, task.number, task.estimator)
            submitted[future] = task
            future.add_done_callback(done.put)

    try:
        submit(_MOST_SUBMITTED)
        while submitted:
            future = done.get()
            task = submitted.pop(future)
            submit(1)
            yield task, future
    finally:
        for future in submitted:
            future.cancel()


def _row(scenario: Scenario, number: int, estimator: Estimator) -> Row:
    return row(simulate(scenario, replication=number, estimator=estimator).figures())
