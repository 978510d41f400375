"""What a Dask cluster adds to a sweep: `python tests/benchmarks/dask_overhead.py REPLICATIONS [WORKERS]`.

A real scheduler in this process, workers in others. Seconds are of CPU, so that other programs do not count. One worker
is killed in the middle. Without a cluster: the same replications in this process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import click
import pandas as pd
import psutil
from distributed import Client, LocalCluster

from sim.experiment.replication import simulate
from sim.experiment.sweep import sweep
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

SCENARIO = "scenarios/fixed-lag.yaml"
VARY = {"pod.pre_stop_sleep_s": [0, 10, 20, 30], "deployment.replicas": [2, 4, 6, 8, 10]}
ALONE = 200


def main(replications: int, workers: int = 4) -> None:
    """Print the CPU seconds of the client with the scheduler, and of the workers, for each replication."""
    scenario = load_scenario(SCENARIO)
    points = [{"deployment.replicas": replicas} for replicas in VARY["deployment.replicas"]]
    alone_s = sum(_alone_s(scenario.with_overrides(point)) for point in points) / len(points)
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor(pure=False)
        sweep(scenario, VARY, replications=5, executor=executor)
        pids = list(client.run(os.getpid).values())
        before_s = {pid: _cpu_s(pid) for pid in [os.getpid(), *pids]}
        killed_s = 0.0
        n_rows = len(VARY["pod.pre_stop_sleep_s"]) * len(points) * replications

        def progress(done: int, _total: int) -> None:
            nonlocal killed_s
            if done == n_rows // 2 and pids[0] in psutil.pids():
                killed_s = _cpu_s(pids[0]) - before_s[pids[0]]
                os.kill(pids[0], signal.SIGKILL)

        began_s = time.perf_counter()
        frame = sweep(scenario, VARY, replications=replications, executor=executor, progress=progress)
        wall_s = time.perf_counter() - began_s
        here_s = _cpu_s(os.getpid()) - before_s[os.getpid()]
        living = [pid for pid in client.run(os.getpid).values() if pid in before_s]
        there_s = killed_s + sum(_cpu_s(pid) - before_s[pid] for pid in living)
    assert len(frame) == n_rows
    rows = {
        "alone, control planes not shared": alone_s,
        "client and scheduler": here_s / n_rows,
        "workers that lived through it": there_s / n_rows,
    }
    click.echo(pd.Series({name: f"{1000 * spent_s:.3f} ms" for name, spent_s in rows.items()}).to_string())
    click.echo(f"{n_rows} replications in {wall_s:.0f} s; a worker was killed after half of them")


def _alone_s(scenario: Scenario) -> float:
    simulate(scenario)
    began_s = time.process_time()
    for number in range(ALONE):
        simulate(scenario, replication=number).figures()
    return (time.process_time() - began_s) / ALONE


def _cpu_s(pid: int) -> float:
    spent = psutil.Process(pid).cpu_times()
    return spent.user + spent.system


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
