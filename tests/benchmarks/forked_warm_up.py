"""Would a sweep gain if its points shared the warm-up? `python tests/benchmarks/forked_warm_up.py [SCENARIO]`.

Generators cannot be copied, but a process can. One replication is simulated for seven points, in two ways. First each
point is simulated from the beginning. Then the warm-up is simulated once, in this process, and a fork of it sends back
the trace of each point. The seven points are equal here, as only the cost matters. Seconds are of CPU, those of forks
included.
"""

from __future__ import annotations

import os
import pickle
import resource
import statistics
import sys
import time
from typing import TYPE_CHECKING

import click

from sim.control_plane import world
from sim.control_plane.clock import Clock
from sim.experiment.replications import garbage_collected_rarely
from sim.scenario.loading import load_scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

SCENARIO = "scenarios/gree-200-pods-ours-upgraded.yaml"
POINTS, REPLICATIONS = 7, 9


class WarmedUpError(Exception):
    """Raised at the end of the warm-up, where it is the end of this process's part."""


class ForkingClock(Clock):
    """A clock that forks at the end of the warm-up, once for each point, and collects what the forks send."""

    def __init__(self, initial_time: float) -> None:
        super().__init__(initial_time)
        self.began_s = time.process_time()
        self.warm_up_s = 0.0
        self.answers: list[object] = []
        self.answer_to: int | None = None
        self.timeout(-initial_time).callbacks.append(self._fork)
        clocks.append(self)

    def _fork(self, _event: object) -> None:
        self.warm_up_s = time.process_time() - self.began_s
        for _ in range(POINTS):
            receive, send = os.pipe()
            if os.fork() == 0:
                os.close(receive)
                self.answer_to = send
                return
            os.close(send)
            with os.fdopen(receive, "rb") as answer:
                self.answers.append(pickle.load(answer))  # noqa: S301 - of this program
            os.wait()
        raise WarmedUpError


clocks: list[ForkingClock] = []


def spent_s() -> float:
    """Return the seconds of CPU of this process and of those that it forked."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def one_by_one(scenario: Scenario, replication: int) -> None:
    """Simulate each point from the beginning."""
    for _ in range(POINTS):
        world.run_control_plane(scenario, Streams(scenario.seed, replication))


def forked(scenario: Scenario, replication: int) -> ForkingClock:
    """Simulate the warm-up once, and each point in a fork. Return the clock."""
    world.Clock, original = ForkingClock, world.Clock  # type: ignore[misc]
    try:
        trace = world.run_control_plane(scenario, Streams(scenario.seed, replication))
    except WarmedUpError:
        return clocks[-1]
    finally:
        world.Clock = original  # type: ignore[misc]
    with os.fdopen(clocks[-1].answer_to, "wb") as answer:  # type: ignore[arg-type]
        pickle.dump(trace, answer)
    os._exit(0)


def main(path: str = SCENARIO) -> None:
    """Print how much of the time is the warm-up, and what forking it costs beside simulating it for each point."""
    scenario = load_scenario(path)
    one_by_one(scenario, 0)
    shares, ratios = [], []
    for replication in range(REPLICATIONS):
        began_s = spent_s()
        one_by_one(scenario, replication)
        between_s = spent_s()
        clock = forked(scenario, replication)
        ratios.append((spent_s() - between_s) / (between_s - began_s))
        shares.append(clock.warm_up_s / ((between_s - began_s) / POINTS))
        assert len(clock.answers) == POINTS
    click.echo(f"{path}: the warm-up is {statistics.median(shares):.0%} of a control plane")
    click.echo(f"forked {statistics.median(ratios):.2f} times one by one ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    with garbage_collected_rarely():
        main(*sys.argv[1:])
