"""The keep-alive race of a quiet day: how many requests meet the closing of an idle connection, in closed form.

A server closes a connection that has been idle for its keep-alive K. A request that the ALB sends while that is on its
way, within half a round trip to each side, is lost. A pool of connections to one target is sent λ requests per second.
With random routing P = λ · r · exp(-λ K) of them are lost: the chance that the gap between two requests is K, times the
round trip r. With round robin over n targets each gap is n gaps of the node, and so has Erlang's law.

Modelled: pools that are seldom used by two requests at once, so that each gap counts from the last answer.

Left out: busier pools, whose second and third connections are idle for longer gaps (`sampled` has them).

Sources: docs/facts/alb.md §4; the round trip is an assumption, that of one Region.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

ROUND_TRIP_S = 0.001
"""The round trip between an ALB node and a target: an assumption, of the order of that between two zones."""
MILLION = 1_000_000


def raced_per_million(scenario: Scenario) -> float:
    """Return how many of a million requests meet a closing connection on a day without any disruption."""
    pod, traffic, target_group = scenario.pod, scenario.traffic, scenario.target_group
    keep_alive_s = pod.keep_alive_timeout_s
    if keep_alive_s is None or not target_group.connection_reuse or keep_alive_s > target_group.idle_timeout_s:
        return 0.0
    targets = scenario.deployment.replicas
    node_rps = traffic.arrival_rate_rps / target_group.alb_nodes
    gap_s = keep_alive_s + float(traffic.service_time_s.mean())
    turns = targets if target_group.routing == "round_robin" else 1
    turn_rps = node_rps if target_group.routing == "round_robin" else node_rps / targets
    return MILLION * ROUND_TRIP_S * _erlang_density(turns, turn_rps, gap_s)


def _erlang_density(turns: int, turn_rps: float, gap_s: float) -> float:
    """Return the density of the sum of `turns` gaps of a Poisson stream at `gap_s`, per second."""
    log = turns * math.log(turn_rps) + (turns - 1) * math.log(gap_s) - turn_rps * gap_s - math.lgamma(turns)
    return math.exp(log)
