"""One rolling update with real processes behind a real load balancer, on the timeline of a scenario.

The Deployment and the controller are the simulator's own: who is deleted, registered and deregistered, and when, is
taken from its trace. The kubelet is played here again, from the deletions alone: preStop, SIGTERM, SIGKILL. The server
processes, the load balancer, the network and the clients are real.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import socket
import sys
import tempfile
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest

from albsim_tests.live import pods as pods_script
from albsim_tests.live.clock import Clock
from albsim_tests.live.load import poisson, send
from albsim_tests.live.load_balancer import BACKENDS, load_balancer
from albsim_tests.live.network import PREFIX, network
from sim.control_plane.trace import (
    ContainerRestarted,
    PodCreated,
    PodDeleted,
    PodFailed,
    ProcessCut,
    RolloutComplete,
    TargetDeregistered,
    TargetDrained,
    TargetHealthy,
    TargetUnhealthy,
)
from sim.control_plane.trace.traffic import RuleTaken
from sim.control_plane.world import run_control_plane
from sim.data_plane.outcomes import Outcome
from sim.streams import Streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from albsim_tests.live.load import Load
    from albsim_tests.live.load_balancer import LoadBalancer
    from albsim_tests.live.network import Network
    from sim.control_plane.trace import Trace
    from sim.scenario.specs import Scenario

SCALE = 0.1
"""Seconds on the wall for a second of the scenario."""
LATEST_S = 0.04
MOST_ATTEMPTS = 5
MINIMUM_GRACE_PERIOD_S = 2.0
GOLDEN_RATIO = 0.618034
QUEUE_LEAD_S = 20.0
_NEARLY_ALL = 0.9999


@dataclass(frozen=True)
class Measured:
    """What became of a run's requests, and the rig's own fault: how late something was, in seconds on the wall."""

    outcomes: Counter[Outcome]
    latest_s: float


@dataclass(frozen=True)
class Process:
    """A pod's process and its address."""

    pid: int
    address: tuple[str, int]

    def kill(self, number: signal.Signals) -> None:
        """Send a signal; to one that has ended nothing happens (it is not reaped)."""
        os.kill(self.pid, number)

    async def ended(self) -> None:
        """Wait until the process has ended."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        watch = os.pidfd_open(self.pid)
        loop.add_reader(watch, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(watch)
            os.close(watch)


class TooBusyError(Exception):
    """The machine let events happen too late for a measurement, again and again."""


def too_busy(words: str) -> NoReturn:
    """Skip the test, or fail if `TOO_BUSY_FAILS` is set, for whoever repeats on a quieter machine what failed."""
    if os.environ.get("TOO_BUSY_FAILS"):
        pytest.fail(words)
    pytest.skip(words)


def measure_in_time(scenario: Scenario, replication: int, *, routed: bool = False) -> list[int]:
    """Carry one replication out and give its counts by outcome, in the order of `Outcome`.

    A run in which the machine was too busy to let an event happen at its time is repeated, whatever its counts.
    Raises `TooBusyError` when it always was. With `routed`, as `measure`.
    """
    for _ in range(MOST_ATTEMPTS):
        with prompt_scheduling():
            measured = measure(scenario, replication, routed=routed)
        if measured.latest_s < LATEST_S:
            return [measured.outcomes[outcome] for outcome in Outcome]
    raise TooBusyError(f"the machine is too busy: events up to {measured.latest_s:.3f} s late in {MOST_ATTEMPTS} runs")


def measure(scenario: Scenario, replication: int, *, routed: bool = False) -> Measured:
    """Carry one replication out; the same replication has the same control plane and the same requests.

    With `routed`, addresses fall silent because nothing reaches them any more. Raises `NoNetworkError` where the
    machine does not allow it. Without, an address is silent whose accept queue is full.
    """
    trace = run_control_plane(scenario, Streams(scenario.seed, replication))
    pods = scenario.deployment.replicas + len(trace.of(PodCreated)) + len(trace.of(ContainerRestarted))
    with tempfile.TemporaryDirectory() as directory, network(pods) if routed else nullcontext() as own:
        return asyncio.run(_measure(scenario, trace, replication, directory, pods, own))


@contextmanager
def prompt_scheduling() -> Iterator[None]:
    """Let this process, and those it starts, run as soon as they are to, where the system permits it (root)."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


async def _measure(
    scenario: Scenario, trace: Trace, replication: int, directory: str, pods: int, own: Network | None
) -> Measured:
    rng = np.random.default_rng([scenario.seed, replication])
    lead_s = _lead_s(scenario)
    old = scenario.deployment.replicas
    over = asyncio.Event()
    async with (
        _processes(scenario, pods, own) as processes,
        load_balancer(
            [process.address for process in processes],
            scenario.target_group,
            Path(directory),
            ready=old,
            scale=SCALE,
            weighted=scenario.disrupted_by.target_groups > 1,
        ) as balancer,
        asyncio.TaskGroup() as world,
    ):
        clock = Clock(SCALE, lead_s=lead_s + 1 + _check_phase_s(scenario, replication))
        sending = asyncio.create_task(send(poisson(scenario.traffic, rng, -lead_s), balancer.address, clock, over))
        rollout = Rollout(scenario, trace, processes, balancer, clock, own)
        rollout.start(world)
        until_s = await rollout.window_until_s()
        over.set()
        load = await sending
        rollout.stop()
        outcomes = await balancer.outcomes(len(load.sent_s))
    return Measured(
        Counter(outcomes[number] for number in _in_window(load, until_s)), max(load.latest_s, rollout.latest_s)
    )


def _lead_s(scenario: Scenario) -> float:
    """Return how long before the rollout requests begin, so that it finds what it would find in the long run."""
    idle_timeout_s = scenario.target_group.idle_timeout_s
    if scenario.target_group.connection_reuse:
        return idle_timeout_s
    queue_s = QUEUE_LEAD_S if scenario.pod.concurrency else 0.0
    return 1 + queue_s + min(idle_timeout_s, float(scenario.traffic.service_time_s.ppf(_NEARLY_ALL)))


def _check_phase_s(scenario: Scenario, replication: int) -> float:
    """Return how far into the health checks' interval the rollout begins: evenly spread over replications.

    HAProxy spaces the checks of its servers evenly, so that one phase settles those of all.
    """
    check = scenario.target_group.health_check
    return check.interval_s * (replication * GOLDEN_RATIO % 1) if check else 0.0


def _in_window(load: Load, until_s: float) -> list[int]:
    return [number for number, at_s in load.sent_s.items() if at_s < until_s and load.answered_s[number] > 0]


@asynccontextmanager
async def _processes(scenario: Scenario, pods: int, own: Network | None) -> AsyncIterator[list[Process]]:
    """Start every pod of the run, the new ones too: what a start costs must not fall into the run."""
    pod = scenario.pod
    manners = pods_script.Manners(
        pods=pods,
        on_sigterm=pod.on_sigterm,
        serve_after_sigterm_s=pod.serve_after_sigterm_s * SCALE,
        concurrency=pod.concurrency,
        accept=pod.accept,
        idle_connections_at_sigterm=pod.idle_connections_at_sigterm,
        **({"prefix": PREFIX} if own else {}),
    )
    parent = await asyncio.create_subprocess_exec(
        *(own.enter if own else ()),
        *(sys.executable, "-I", pods_script.__file__, json.dumps(asdict(manners))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        told = json.loads(await parent.stdout.readline())
        yield [Process(pid, tuple(address)) for pid, address in told]
    finally:
        parent.stdin.close()
        await parent.wait()


class Rollout:
    """What happens to the pods and their targets, each at its time."""

    def __init__(
        self,
        scenario: Scenario,
        trace: Trace,
        processes: list[Process],
        balancer: LoadBalancer,
        clock: Clock,
        own: Network | None,
    ) -> None:
        self._scenario = scenario
        self._trace = trace
        self._processes = processes
        self._balancer = balancer
        self._clock = clock
        self._network = own
        self._tasks: list[asyncio.Task[None]] = []
        self._gone: list[asyncio.Task[None]] = []
        self.latest_s = 0.0
        """By how much the latest event missed its time, in seconds on the wall."""
        self._held: list[socket.socket] = []
        self._stopped: list[Process] = []

    def start(self, world: asyncio.TaskGroup) -> None:
        """Let everything happen from now on."""
        failed = {record.pod for record in self._trace.of(PodFailed)}
        told = [deleted for deleted in self._trace.of(PodDeleted) if deleted.pod not in failed]
        self._gone = [world.create_task(self._terminate(deleted)) for deleted in told]
        self._gone += [world.create_task(self._fail(record)) for record in self._trace.of(PodFailed)]
        restarts = self._trace.of(ContainerRestarted)
        spare = self._processes[len(self._processes) - len(restarts) :]
        self._gone += [world.create_task(self._restart(*pair)) for pair in zip(restarts, spare, strict=True)]
        targets = [self._register(healthy) for healthy in self._trace.of(TargetHealthy)]
        targets += [self._drain(drained) for drained in self._trace.of(TargetDrained)]
        targets += [self._weigh(taken) for taken in self._trace.of(RuleTaken)]
        targets += [self._cut(deregistered) for deregistered in self._trace.of(TargetDeregistered)]
        self._tasks = [world.create_task(target) for target in targets]

    async def window_until_s(self) -> float:
        """Wait for the window's end: the Deployment complete, each old target out of rotation, each old pod gone."""
        await asyncio.wait(self._gone)
        complete_s = self._trace.of(RolloutComplete)[0].time_s
        until_s = max(self._clock.now_s, complete_s, self._left_rotation_s())
        await self._clock.until(until_s)
        return until_s

    def _left_rotation_s(self) -> float:
        without_share_s = self._without_share_s()
        left_s = {
            drained.pod: min(drained.time_s, without_share_s[drained.node]) for drained in self._trace.of(TargetDrained)
        }
        for unhealthy in self._trace.of(TargetUnhealthy):
            left_s[unhealthy.pod] = min(left_s[unhealthy.pod], unhealthy.time_s)
        return max(left_s.values(), default=0.0)

    def _without_share_s(self) -> list[float]:
        """Return by backend when the last rule took its share of the requests away, `inf` if it has one."""
        rules = self._trace.of(RuleTaken)
        if not rules:
            return [math.inf] * len(BACKENDS)
        return [rules[-1].time_s if rules[-1].weight == weight else math.inf for weight in (100, 0)]

    async def _until(self, time_s: float) -> None:
        self.latest_s = max(self.latest_s, await self._clock.until(time_s))

    def stop(self) -> None:
        """Let nothing happen any more, such as drain deadlines long after the window."""
        for task in self._tasks:
            task.cancel()
        for process in self._stopped:
            process.kill(signal.SIGKILL)

    async def _terminate(self, deleted: PodDeleted) -> None:
        """Play the kubelet, and wait until the pod's address is gone."""
        pod = self._scenario.pod
        process = self._processes[deleted.pod]
        slept_s = min(pod.pre_stop_sleep_s, pod.termination_grace_period_s)
        if pod.pre_stop_fails_health_check:
            await self._until(deleted.time_s)
            process.kill(signal.SIGUSR1)
        await self._until(deleted.time_s + slept_s)
        process.kill(signal.SIGTERM)
        grace_s = max(MINIMUM_GRACE_PERIOD_S, pod.termination_grace_period_s - math.floor(slept_s))
        killing = asyncio.create_task(self._kill(process, deleted.time_s + slept_s + grace_s))
        await process.ended()
        killing.cancel()
        await self._until(self._clock.now_s + pod.sandbox_teardown_s)
        if pod.after_teardown == "connect_timeout":
            self._silence(process)

    async def _fail(self, failed: PodFailed) -> None:
        """Let a process crash, or hang until it is cut, or answer nothing as on a lost node."""
        process = self._processes[failed.pod]
        await self._until(failed.time_s)
        if failed.cause == "crash":
            process.kill(signal.SIGKILL)
            return
        if failed.cause == "node_lost" and self._network:
            self._network.drop(process.address[0])
            return
        process.kill(signal.SIGSTOP)
        self._stopped.append(process)
        if failed.cause == "node_lost":
            await self._balancer.set_address(failed.pod, self._silent_address())
            return
        (cut_s,) = (record.time_s for record in self._trace.of(ProcessCut) if record.pod == failed.pod)
        await self._until(cut_s)
        process.kill(signal.SIGKILL)

    async def _restart(self, restarted: ContainerRestarted, process: Process) -> None:
        """Let another process stand for the container that is back at its address."""
        await self._until(restarted.time_s)
        await self._balancer.set_address(restarted.pod, process.address)

    async def _kill(self, process: Process, at_s: float) -> None:
        await self._until(at_s)
        process.kill(signal.SIGKILL)

    def _silence(self, process: Process) -> None:
        if self._network:
            self._network.drop(process.address[0])
        else:
            self._silent_address(process.address)

    def _silent_address(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> tuple[str, int]:
        """Let an address answer nothing: a full accept queue, to which the kernel adds no connection. Return it."""
        silent = socket.socket()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(address)
        silent.listen(0)
        filling = socket.socket()
        filling.setblocking(False)
        filling.connect_ex(silent.getsockname())
        self._held += [silent, filling]
        host, port = silent.getsockname()
        return host, port

    async def _register(self, healthy: TargetHealthy) -> None:
        await self._until(healthy.time_s)
        await self._balancer.set_ready(healthy.pod, BACKENDS[healthy.node])

    async def _drain(self, drained: TargetDrained) -> None:
        await self._until(drained.time_s)
        await self._balancer.set_drain(drained.pod, BACKENDS[drained.node])

    async def _weigh(self, taken: RuleTaken) -> None:
        await self._until(taken.time_s)
        await self._balancer.set_weight(taken.weight)

    async def _cut(self, deregistered: TargetDeregistered) -> None:
        await self._until(deregistered.drain_deadline_s)
        await self._balancer.cut(deregistered.pod)
