"""The rows of a Gantt chart where no pod is told to end: the way of each new pod to its first requests.

Shown:
- A row for each new pod: starting, Ready but not sent requests, serving.
- When the pod's target was registered, and when the last ALB node, or worker node, began to send to the pod.
- Of many pods: an even sample in the order of creation.

Left out: the old pods, to which nothing happens.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.trace import PodCreated, PodReady, TargetRegistered
from sim.data_plane.rotation import rotations
from sim.report.pictures.canvas import BLACK, GREEN, PALE, SKY_BLUE, YELLOW
from sim.report.pictures.gantt_parts import MOST_PODS, SERVING, bar
from sim.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from sim.experiment.replication import Replication

POD_STARTS, UNKNOWN_TO_ALB = "new pod starting", "Ready, but no node sends to it yet"
REGISTERED, KNOWN_TO_ALL = "RegisterTargets", "the last node sends to it"
OF_NEW_PODS = (POD_STARTS, UNKNOWN_TO_ALB, REGISTERED, KNOWN_TO_ALL)


def new_pods(replication: Replication) -> list[int]:
    """Return at most `MOST_PODS` of the new pods, in the order of creation."""
    created = [record.pod for record in sorted(replication.trace.of(PodCreated), key=lambda one: one.time_s)]
    at = np.linspace(0, len(created) - 1, min(len(created), MOST_PODS)).round().astype(int)
    return [created[place] for place in at.tolist()]


def about_new(replication: Replication, shown: Sequence[int]) -> str:
    """Return what the title says of the new pods that are shown."""
    created = len(replication.trace.of(PodCreated))
    sample = "" if created == len(shown) else f"an even sample of {len(shown)} of "
    return f"{sample}{count(created, 'new pod')}; {count(replication.requests.outcome.size, 'failed request')}"


def draw_new(axes: Axes, replication: Replication, shown: Sequence[int]) -> None:
    """Draw the rows of these new pods."""
    trace, until_s = replication.trace, replication.requests.window_until_s
    created_s = {record.pod: record.time_s for record in trace.of(PodCreated)}
    ready_s = {record.pod: record.time_s for record in trace.of(PodReady)}
    registered_s = {record.pod: record.time_s for record in reversed(trace.of(TargetRegistered))}
    first_s, last_s = _first_sent_to(replication)
    for row, pod in enumerate(shown):
        pod_ready_s = ready_s.get(pod, math.inf)
        stops = (
            (POD_STARTS, PALE, created_s[pod], pod_ready_s),
            (UNKNOWN_TO_ALB, YELLOW, pod_ready_s, first_s[pod]),
            (SERVING, SKY_BLUE, first_s[pod], math.inf),
        )
        for label, color, from_s, stop_s in stops:
            if min(stop_s, until_s) > from_s:
                bar(axes, row, from_s, min(stop_s, until_s), color=color, label=label)
    mark = partial(axes.scatter, y=range(len(shown)), edgecolors=BLACK, linewidths=0.6, s=26)
    if replication.scenario.target_group.target_type == "ip":
        mark([registered_s.get(pod, math.nan) for pod in shown], marker=">", color=GREEN, zorder=5, label=REGISTERED)
    mark([last_s[pod] for pod in shown], marker="D", color="white", zorder=4, label=KNOWN_TO_ALL)
    axes.set_yticks(range(len(shown)), [str(pod) for pod in shown], fontsize="x-small")
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_ylabel("new pods", fontsize="small")


def _first_sent_to(replication: Replication) -> tuple[np.ndarray, np.ndarray]:
    """Return by target when the first ALB node began to send to it, and when the last one did."""
    of_rotations = rotations(replication.timeline)
    begin_s = np.full((len(of_rotations), replication.timeline.cut_s.size), np.inf)
    for from_s, rotation in zip(begin_s, of_rotations, strict=True):
        np.minimum.at(from_s, rotation.target, rotation.from_s)
    return begin_s.min(axis=0), begin_s.max(axis=0)
