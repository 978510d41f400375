"""How the benchmarks measure: ratios of CPU time, as medians over runs that alternate within one process."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RUNS = 9


def ratios(work: Callable[[], object], others: Mapping[str, Callable[[], object]], *, runs: int = RUNS) -> list[float]:
    """Return the median ratio of the work's CPU time to that of each other one, and print it with its range."""
    spent_s = [(_spent_s(work), *map(_spent_s, others.values())) for _ in range(runs + 1)][1:]
    print(f"{1000 * statistics.median(row[0] for row in spent_s):.1f} ms")  # noqa: T201 - shown with pytest -s
    medians = []
    for place, name in enumerate(others, start=1):
        quotients = sorted(row[0] / row[place] for row in spent_s)
        medians.append(statistics.median(quotients))
        other_s = statistics.median(row[place] for row in spent_s)
        print(  # noqa: T201
            f"{medians[-1]:.2f} times {name} ({1000 * other_s:.1f} ms; {quotients[0]:.2f} to {quotients[-1]:.2f}"
            f" in {runs} runs)"
        )
    return medians


def _spent_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s
