"""The panels of a Gantt chart on worker nodes: the new pods that waited, and the addresses of the subnets.

Shown:
- A row for each new pod that waited: without a node, without an address, starting. Of many such pods, those that waited
  longest.
- The addresses that the nodes held and the pods used, in all zones together, and all that the subnets have.
- When nodes became Ready, and when machines ended.

Left out: the nodes, one by one.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

from sim.control_plane.trace import PodReady
from sim.control_plane.trace.nodes import NodeAdded, NodeTerminated, SandboxFailed
from sim.experiment.capacity import use_of_subnets, waits
from sim.report.pictures.canvas import BLACK, BLUE, GREEN, ORANGE
from sim.report.pictures.gantt_parts import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.experiment.capacity import Wait
    from sim.experiment.replication import Replication

MOST_WAITING = 20
MARKS_ACROSS = 100
ADDRESSES_HEIGHT = 1.0
PENDING, WITHOUT_ADDRESS, STARTING = "Pending: no node has room", "has a node, but no address", "starting"
NO_SANDBOX = "sandbox failed for want of an address"
HELD, USED = "addresses held by nodes", "addresses used by pods"
NODE_READY, MACHINE_ENDED = "node added, Ready", "machine terminated"
_STYLES: dict[str, dict[str, Any]] = {
    PENDING: {"facecolor": "white", "edgecolor": BLACK, "linewidth": 0.5, "hatch": "////"},
    WITHOUT_ADDRESS: {"color": ORANGE},
    STARTING: {"color": GREEN},
}
CAPACITY_LEGEND = (PENDING, WITHOUT_ADDRESS, STARTING, NO_SANDBOX, HELD, USED, NODE_READY, MACHINE_ENDED)


def heights_of_capacity(replication: Replication, of_row: float) -> list[float]:
    """Return the panels' heights in inches, none if there is nothing to show. `of_row` is that of a pod's row."""
    waiting = longest_waits(replication)
    heights = [of_row * max(len(waiting), 4)] if waiting else []
    return [*heights, ADDRESSES_HEIGHT] if _has_addresses(replication) else heights


def draw_capacity(panels: Sequence[Axes], replication: Replication) -> None:
    """Draw the panels for which `heights_of_capacity` asks."""
    waiting = longest_waits(replication)
    if waiting:
        draw_waits(panels[0], replication, waiting)
    if _has_addresses(replication):
        draw_addresses(panels[-1], replication)
    for axes in panels[-1:]:
        draw_nodes(axes, replication)


def _has_addresses(replication: Replication) -> bool:
    return "vpc_cni" in replication.scenario.simulated_blocks


def longest_waits(replication: Replication) -> list[Wait]:
    """Return at most `MOST_WAITING` of the pods that waited, the longest waits, in the order of creation."""
    until_s = replication.requests.window_until_s

    def length_s(wait: Wait) -> float:
        return min(wait.addressed_s, until_s) - wait.created_s

    found = [wait for wait in waits(replication.trace) if length_s(wait) > 0]
    return sorted(sorted(found, key=length_s, reverse=True)[:MOST_WAITING])


def draw_waits(axes: Axes, replication: Replication, shown: list[Wait]) -> None:
    """Draw the new pods that waited, until they were Ready."""
    until_s = replication.requests.window_until_s
    ready_s = {ready.pod: ready.time_s for ready in replication.trace.of(PodReady)}
    for row, wait in enumerate(shown):
        stops = (
            (PENDING, wait.created_s, wait.scheduled_s),
            (WITHOUT_ADDRESS, wait.scheduled_s, wait.addressed_s),
            (STARTING, wait.addressed_s, ready_s.get(wait.pod, math.inf)),
        )
        for label, from_s, stop_s in stops:
            if min(stop_s, until_s) > from_s:
                bar(axes, row, from_s, min(stop_s, until_s), **_STYLES[label], label=label)
        failed_s = [failed.time_s for failed in replication.trace.of(SandboxFailed) if failed.pod == wait.pod]
        if failed_s:
            at_s = _apart(failed_s, until_s / MARKS_ACROSS)
            axes.scatter(at_s, [row] * len(at_s), marker="|", color=BLACK, s=20, linewidths=0.7, label=NO_SANDBOX)
    axes.set_yticks(range(len(shown)), [str(wait.pod) for wait in shown], fontsize="x-small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_ylabel("new pods\nthat waited", fontsize="small")


def draw_addresses(axes: Axes, replication: Replication) -> None:
    """Draw the addresses that nodes held and pods used."""
    steps = use_of_subnets(replication.trace)
    times_s = [*(step.time_s for step in steps), replication.requests.window_until_s]
    of_each = ((HELD, BLUE, [step.held for step in steps]), (USED, ORANGE, [step.used for step in steps]))
    for label, color, addresses in of_each:
        if addresses:
            axes.step(times_s, [*addresses, addresses[-1]], where="post", color=color, label=label)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("addresses", fontsize="small")


def draw_nodes(axes: Axes, replication: Replication) -> None:
    """Mark, on the lower edge, when nodes came and machines went."""
    lower = axes.get_ylim()[0]
    for kind, label, marker, color in (
        (NodeAdded, NODE_READY, "^", GREEN),
        (NodeTerminated, MACHINE_ENDED, "v", BLACK),
    ):
        at_s = [record.time_s for record in replication.trace.of(kind)]
        if at_s:
            mark = partial(axes.scatter, at_s, [lower] * len(at_s), marker=marker, color=color, s=30)
            mark(zorder=4, clip_on=False, label=label)


def _apart(times_s: list[float], least_s: float) -> list[float]:
    """Return those of ascending times that are at least so far apart."""
    kept: list[float] = []
    for time_s in times_s:
        if not kept or time_s >= kept[-1] + least_s:
            kept.append(time_s)
    return kept
