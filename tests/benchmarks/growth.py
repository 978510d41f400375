"""How the cost of a replication grows with what a scenario has: the table and the picture of docs/performance.md.

    python tests/benchmarks/growth.py docs/performance.png

Seconds of CPU of one replication with its expected requests, the least of three, and the exponent between the two
largest sizes. Seconds are of this machine; exponents should not be.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

import click
from matplotlib.figure import Figure

from sim.experiment.replication import simulate
from sim.experiment.replications import garbage_collected_rarely
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = load_scenario("scenarios/manifest-defaults.yaml")
CLUSTER = {"ingresses": 4, "churn_per_s": 0.05, "controller": {"version": "v1.1.9"}}
TRIES = 3

Change = dict[str, Any]
GROWS: dict[str, tuple[Callable[[int], Change], tuple[int, ...]]] = {
    "pods, v1.1.9": (lambda n: {"deployment.replicas": n}, (10, 100, 1000, 10_000)),
    "pods, v2.7": (lambda n: {"deployment.replicas": n, "controller.version": "v2.7"}, (10, 100, 1000, 10_000)),
    "pods with a gate, v2.7": (
        lambda n: {"deployment.replicas": n, "controller.version": "v2.7", "pod.readiness_gate": True},
        (10, 100, 1000, 10_000),
    ),
    "ALB nodes": (lambda n: {"target_group.alb_nodes": n}, (1, 4, 16, 64)),
    "other clusters": (lambda n: {"aws_api.other_clusters": [CLUSTER] * n}, (1, 4, 16, 64)),
    "target groups": (lambda n: {"controller.target_groups": n}, (1, 4, 16, 64)),
    "ingresses": (lambda n: {"controller.ingresses": n}, (1, 4, 16, 64)),
}


def spent_s(change: Change) -> float:
    """Return the seconds of CPU that a replication takes, the least of some tries."""
    scenario, spent = BASE.with_overrides(change), []
    for _ in range(TRIES):
        began_s = time.process_time()
        simulate(scenario, estimator="expected").figures()
        spent.append(time.process_time() - began_s)
        if spent[-1] > 10:
            break
    return min(spent)


def main() -> None:
    simulate(BASE, estimator="expected").figures()
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    click.echo("| grows with | sizes | seconds of CPU | exponent |\n| :-- | :-- | :-- | --: |")
    for name, (change, sizes) in GROWS.items():
        seconds = [spent_s(change(size)) for size in sizes]
        exponent = math.log(seconds[-1] / seconds[-2]) / math.log(sizes[-1] / sizes[-2])
        listed = ", ".join(f"{size:,}" for size in sizes), ", ".join(f"{taken_s:.2g}" for taken_s in seconds)
        click.echo(f"| {name} | {listed[0]} | {listed[1]} | {exponent:.2f} |")
        axes.plot(sizes, seconds, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="how many", ylabel="seconds of CPU for a replication")
    axes.legend(frameon=False, fontsize="small")
    axes.grid(alpha=0.3)
    figure.savefig(sys.argv[1], dpi=150)
    click.echo(f"\nat most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    with garbage_collected_rarely():
        main()
