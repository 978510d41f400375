"""The figures of scenarios with `nodes` and `vpc_cni`: pods without a node, and addresses."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.control_plane.trace.nodes import NodeAdded, RolloutStalled, SandboxFailed
from sim.experiment.aggregation import Fraction, Mean, QuantilesOfPods
from sim.experiment.figure import SECONDS, Cell, Figure, Unit

PENDING_PODS = Figure(
    name="capacity.pending_pods",
    of=lambda replication: float(np.count_nonzero(replication.pending_s)),
    over=Mean(),
    label="pods that wait for a node per rollout",
    cells=(Cell("nodes", 2, "pods\nwaiting"),),
    block="nodes",
)
PENDING_S = Figure(
    name="capacity.pending_s",
    of=lambda replication: replication.pending_s,
    over=QuantilesOfPods(),
    label="wait for a node",
    cells=(Cell("nodes", 3, "longest\nwait, s", "max"),),
    unit=SECONDS,
    block="nodes",
)
STALLED = Figure(
    name="capacity.stalled",
    of=lambda replication: float(bool(replication.trace.of(RolloutStalled))),
    over=Fraction(),
    label="rollouts that do not end",
    cells=(Cell("nodes", 1, "no end,\nshare"),),
    unit=Unit("%", 100.0, at_most=1.0),
    block="nodes",
)
NODES_ADDED = Figure(
    name="capacity.nodes_added",
    of=lambda replication: float(len(replication.trace.of(NodeAdded))),
    over=Mean(),
    label="nodes added per rollout",
    cells=(Cell("nodes", 4, "nodes\nadded"),),
    block="nodes",
)
FAILED_SANDBOXES = Figure(
    name="capacity.failed_sandboxes",
    of=lambda replication: float(sum(failed.time_s >= 0 for failed in replication.trace.of(SandboxFailed))),
    over=Mean(),
    label="sandboxes without an address per rollout",
    cells=(Cell("nodes", 7, "without\naddress"),),
    block="vpc_cni",
)
ADDRESSES_HELD = Figure(
    name="capacity.addresses.held",
    of=lambda replication: float(replication.addresses.held),
    over=Mean(),
    label="most addresses that the nodes hold",
    cells=(Cell("nodes", 5, "most\nheld"),),
    block="vpc_cni",
)
ADDRESSES_USED = Figure(
    name="capacity.addresses.used",
    of=lambda replication: float(replication.addresses.used),
    over=Mean(),
    label="most addresses that pods use",
    block="vpc_cni",
)
ADDRESSES_FREE = Figure(
    name="capacity.addresses.free",
    of=lambda replication: float(replication.addresses.free),
    over=Mean(),
    label="fewest free addresses of a subnet",
    cells=(Cell("nodes", 6, "fewest\nfree"),),
    block="vpc_cni",
)
EXHAUSTED = Figure(
    name="capacity.exhausted",
    of=lambda replication: float(replication.addresses.refused_s is not None),
    over=Fraction(),
    label="rollouts in which a subnet refuses addresses",
    unit=Unit("%", 100.0, at_most=1.0),
    block="vpc_cni",
)

CAPACITY: tuple[Figure[Any, Any], ...] = (
    PENDING_PODS,
    PENDING_S,
    STALLED,
    NODES_ADDED,
    FAILED_SANDBOXES,
    ADDRESSES_HELD,
    ADDRESSES_USED,
    ADDRESSES_FREE,
    EXHAUSTED,
)
