"""Which pod a new connection reaches behind a worker node (`target_group.target_type: instance`).

The ALB connects to a NodePort. That worker node's kube-proxy sends each new connection to a random pod of its rules.
Connection tracking then keeps the connection with that pod, whatever the rules say later.

Modelled:
- Each ALB node routes over the worker nodes that have not left its rotation (`instances`).
- In the timeline a worker node's rules take the place of an ALB node's rotation with target type `ip`.
- A pooled connection stays with its pod until either end closes it (`idle_connections`).
- A new connection is refused where the rules are empty, and meets silence where the machine is gone.

Left out: see `sim.control_plane.kubernetes.kube_proxy`.

Sources: docs/facts/kubernetes.md §2 (rules affect new connections only; established ones stay DNATed to the old pod).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.data_plane.changes import Changes, all_changes
from sim.data_plane.compiled import part_of_loop
from sim.data_plane.instances import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.data_plane.instances import Instances
    from sim.data_plane.rotation import Rotation
    from sim.data_plane.timeline import Times
    from sim.scenario.specs import TargetGroupSpec

    Ints = NDArray[np.int64]


class Rules(NamedTuple):
    """The pods in each worker node's rules, in the order in which they joined: `pod[node, :size[node]]`.

    With target type `ip` there are no worker nodes: `size` is empty. `gone_s` and `cut_s` are those of `instances`.
    """

    pod: Ints
    size: Ints
    changes: Changes
    gone_s: Times
    cut_s: Times


def rules_of(
    node_rotations: Sequence[Rotation], targets: int, target_group: TargetGroupSpec, instances: Instances | None
) -> Rules:
    """Return the rules before the rollout."""
    workers = len(node_rotations) if target_group.target_type == "instance" else 0
    leaving = instances or lasting(target_group.alb_nodes, workers)
    rules = Rules(
        np.zeros((workers, targets), np.int64),
        np.zeros(workers, np.int64),
        all_changes(node_rotations),
        leaving.gone_s,
        leaving.cut_s,
    )
    for worker in range(workers):
        rotation = node_rotations[worker]
        members = rotation.target[np.isneginf(rotation.from_s)]
        rules.pod[worker, : members.size] = members
        rules.size[worker] = members.size
    return rules


@part_of_loop
def follow_changes(rules: Rules, worker: int, now_s: float) -> None:
    """Make the changes of a worker node's rules that are due."""
    changes, pod, size = rules.changes, rules.pod[worker], rules.size[worker]
    at, end = changes.next[worker], changes.end[worker]
    while at < end and changes.at_s[at] <= now_s:
        changed = changes.target[at]
        if changes.joins[at]:
            pod[size] = changed
            size += 1
        else:
            place = 0
            while pod[place] != changed:
                place += 1
            size -= 1
            while place < size:
                pod[place] = pod[place + 1]
                place += 1
        at += 1
    changes.next[worker], rules.size[worker] = at, size


@part_of_loop
def reached(rules: Rules, to: int, now_s: float, choice: float) -> int:
    """Return the pod that a new connection to a target reaches, or -1 if a worker node is gone or its rules empty."""
    if rules.size.size == 0:
        return to
    if now_s >= rules.gone_s[to]:
        return -1
    follow_changes(rules, to, now_s)
    size = rules.size[to]
    if size == 0:
        return -1
    pod: int = rules.pod[to, int(choice * size)]
    return pod


@part_of_loop
def answered_until_s(rules: Rules, to: int) -> float:
    """Return until when an answer comes through a target: always, but for a worker node whose machine goes."""
    return np.inf if rules.size.size == 0 else rules.gone_s[to]


@part_of_loop
def cut_through_s(rules: Rules, node: int, to: int) -> float:
    """Return when an ALB node cuts what still runs through a worker node."""
    return np.inf if rules.size.size == 0 else rules.cut_s[node, to]
