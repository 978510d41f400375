"""A request in the slow data plane: how it is drawn, one by one, and what becomes of it.

Written from docs/model.md, "Data plane". The twin shares the draws of `sim.data_plane`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sim.streams import Stream
from sim.verification.reference.old_side_twin import share

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from sim.scenario.specs import TrafficSpec
    from sim.streams import Streams
    from sim.verification.reference.old_side_twin import Side


@dataclass(frozen=True, slots=True)
class Drawn:
    """A request before anyone has routed it.

    `choice` selects a target when routing is random, `pod_choice` a pod in a worker node's rules.
    """

    number: int
    arrival_s: float
    service_s: float
    node: int
    choice: float
    pod_choice: float


@dataclass(slots=True, eq=False)
class Sent:
    """A request in flight and what becomes of it. `finish_s` is when the pod has, or would have, answered.

    `node` is the node whose rotation, or rules, led to the pod, `alb_node` the ALB node. `unheard`: the machine of the
    worker node between them is gone, and the pod's answer does not reach the ALB.
    """

    arrival_s: float
    node: int
    alb_node: int
    target: int | None = None
    outcome: str = ""
    answered_s: float = math.inf
    finish_s: float = math.inf
    unheard: bool = False

    def end(self, outcome: str, now_s: float) -> None:
        """Send the client the answer, unless the client has one already."""
        if not self.outcome and not (outcome == "ok" and self.unheard):
            self.outcome, self.answered_s = outcome, now_s


def drawn(traffic: TrafficSpec, streams: Streams, nodes: int, side: Side | None, *, before: bool) -> Iterator[Drawn]:
    """Yield requests one by one: from t = 0 on, or from t = 0 backwards. `nodes` counts those of both ALBs."""
    nodes_of_each = side.nodes if side else nodes

    def stream(forwards: Stream, backwards: Stream) -> np.random.Generator:
        return streams.generator(backwards if before else forwards)

    arrivals = stream(Stream.ARRIVALS, Stream.ARRIVALS_BEFORE)
    service = stream(Stream.SERVICE_TIMES, Stream.SERVICE_TIMES_BEFORE)
    which_node = stream(Stream.ALB_NODE, Stream.ALB_NODE_BEFORE)
    choice = stream(Stream.ROUTING, Stream.ROUTING_BEFORE)
    pod_choice = stream(Stream.KUBE_PROXY_CHOICE, Stream.KUBE_PROXY_CHOICE_BEFORE)
    phase = streams.generator(Stream.ARRIVALS).random()
    which_alb = streams.generator(Stream.WHICH_ALB, int(before))
    elapsed = 0.0
    for k in count():
        if traffic.arrivals == "poisson":
            elapsed += arrivals.standard_exponential()
        else:
            elapsed = k + 1 - phase if before else k + phase
        arrival_s = (-elapsed if before else elapsed) / traffic.arrival_rate_rps
        goes_to_new = side is not None and which_alb.random() >= share(side, arrival_s)
        yield Drawn(
            number=-1 - k if before else k,
            arrival_s=arrival_s,
            service_s=float(traffic.service_time_s.sample(service, 1)[0]),
            node=int(which_node.random() * nodes_of_each) + goes_to_new * nodes_of_each,
            choice=choice.random(),
            pod_choice=pod_choice.random(),
        )
