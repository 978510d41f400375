"""What a control plane costs beside SimPy alone: the same processes with the same waits, which do nothing in between.

`pytest -n0 -s tests/benchmarks/test_control_plane_speed.py` prints the ratios. Not part of the timed tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import simpy
from albsim_tests.ratios import ratios

from sim.control_plane.aws.aws_client import AwsClient
from sim.control_plane.light_process import LightProcess
from sim.control_plane.world import ControlPlane
from sim.experiment.replications import garbage_collected_rarely
from sim.scenario.loading import load_scenario
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import pytest

    from sim.scenario.actions import Action
    from sim.scenario.specs import Scenario

GREE = load_scenario("scenarios/gree-200-pods.yaml")


@dataclass
class Script:
    """What one process did, in turn: it waited for so many seconds, or started another process."""

    does: list[float | Script] = field(default_factory=list)


@dataclass
class Recorded:
    """The processes that no process started, with all that they started, and how many waits there were."""

    first: list[Script] = field(default_factory=list)
    current: Script | None = None
    n_waits: int = 0
    n_processes: int = 0

    def written(self, env: simpy.Environment, generator: Generator[simpy.Event]) -> Generator[simpy.Event, Any, Any]:
        """Return the same process, whose waits are written down."""
        script = Script()
        self.n_processes += 1
        (self.first if self.current is None else self.current.does).append(script)
        return self._waits(env, generator, script)

    def _waits(
        self, env: simpy.Environment, generator: Generator[simpy.Event], script: Script
    ) -> Generator[simpy.Event, Any, Any]:
        value: Any = None
        while True:
            outer, self.current = self.current, script
            try:
                event = generator.send(value)
            except StopIteration as end:
                return end.value
            finally:
                self.current = outer
            began_s = env.now
            value = yield event
            self.n_waits += 1
            script.does.append(env.now - began_s)


def recorded(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Run a control plane and write down what its processes waited for."""
    run, process, light = Recorded(), simpy.Environment.process, LightProcess.__init__
    with monkeypatch.context() as patch:
        patch.setattr(simpy.Environment, "process", lambda env, does: process(env, run.written(env, does)))
        patch.setattr(LightProcess, "__init__", lambda self, env, does: light(self, env, run.written(env, does)))
        patch.setattr(AwsClient, "calls", _calls_that_wake)
        n_events(scenario)
    return run


def n_events(scenario: Scenario) -> int:
    """Run a control plane and return how many events it had."""
    control_plane = ControlPlane(scenario, Streams(scenario.seed, 0))
    control_plane.trace(scenario.pod)
    return next(control_plane._env._eid)  # SimPy numbers its events


def _calls_that_wake(client: AwsClient, actions: Sequence[Action], reconcile: int) -> Generator[simpy.Event]:
    """Make calls so that their goroutine waits for each attempt, as a process of SimPy's would."""
    for action in actions:
        yield from client.call(action, reconcile)


def simpy_alone(run: Recorded) -> None:
    """Let SimPy's own processes wait as long and as often as the recorded ones."""
    env = simpy.Environment()

    def process(script: Script) -> Generator[simpy.Event]:
        for does in script.does:
            if isinstance(does, Script):
                env.process(process(does))
            else:
                yield env.timeout(does)

    for script in run.first:
        env.process(process(script))
    env.run()


def timeouts(n_waits: int) -> None:
    """Let one process wait so many times."""
    env = simpy.Environment()

    def process() -> Generator[simpy.Event]:
        for _ in range(n_waits):
            yield env.timeout(1.0)

    env.process(process())
    env.run()


def test_a_control_plane_takes_at_most_so_many_times_simpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded(GREE, monkeypatch)
    print(f"\n{n_events(GREE)} events; {run.n_processes} processes with {run.n_waits} waits")  # noqa: T201
    with garbage_collected_rarely():
        alone, *_ = ratios(
            lambda: ControlPlane(GREE, Streams(GREE.seed, 0)).trace(GREE.pod),
            {
                "SimPy's processes with the same waits": lambda: simpy_alone(run),
                "one SimPy process with as many waits": lambda: timeouts(run.n_waits),
            },
        )
    assert alone <= 3
