"""The keep-alive race of a quiet day: how many requests meet the closing of an idle connection, in closed form.

A server closes a connection that has been idle for its keep-alive K. A request that the ALB sends while that is on its
way, within half a round trip to each side, is lost. A pool is a stack: a request takes the connection that became idle
last. When n requests are in service, that one is idle since n + 1 last were. So the idle time is a passage time of the
number in service. The chance to lose a request is the density of that time at K, times the round trip r.

Modelled:
- A pool of connections to one target is sent λ requests per second, at random. Services are exponential. Then each
  level n has the density of a birth-and-death process below n + 1, and n has Poisson's law.
- At level 0, where nothing is in service, round robin over m targets has m gaps of the node, and so Erlang's law.
- At the other levels round robin counts as random routing, which is too much: about half of that was drawn.

Left out: other laws of the service time. Drawn with lognormal ones of the same mean, the counts were no different.

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
BUSY = 100.0
"""So many in service on average make a pool a busy one."""


def raced_per_million(scenario: Scenario) -> float:
    """Return how many of a million requests meet a closing connection on a day without any disruption."""
    pod, traffic, target_group = scenario.pod, scenario.traffic, scenario.target_group
    keep_alive_s = pod.keep_alive_timeout_s
    if keep_alive_s is None or not target_group.connection_reuse or keep_alive_s > target_group.idle_timeout_s:
        return 0.0
    targets = scenario.deployment.replicas
    node_rps = traffic.arrival_rate_rps / target_group.alb_nodes
    service_s = float(traffic.service_time_s.mean())
    turns = targets if target_group.routing == "round_robin" else 1
    turn_rps = node_rps if target_group.routing == "round_robin" else node_rps / targets
    alone = _erlang_density(turns, turn_rps, keep_alive_s + service_s)
    return MILLION * ROUND_TRIP_S * (alone + _density_beside_others(node_rps / targets, service_s, keep_alive_s))


def _erlang_density(turns: int, turn_rps: float, gap_s: float) -> float:
    """Return the density of the sum of `turns` gaps of a Poisson stream at `gap_s`, per second."""
    log = turns * math.log(turn_rps) + (turns - 1) * math.log(gap_s) - turn_rps * gap_s - math.lgamma(turns)
    return math.exp(log)


def _density_beside_others(rps: float, service_s: float, idle_s: float) -> float:
    """Return the density of the idle time, per second, of connections that are taken while others are in service.

    At level n the process lives on 0 to n until an arrival finds n. The symmetric form of this process has the return
    density as a sum over eigenvalues. Levels whose chance is below 10^-12 are left out, and of a busy pool those below
    the mean, which are passed at once.
    """
    import numpy as np
    from scipy.linalg import eigh_tridiagonal
    from scipy.stats import poisson

    mean = rps * service_s
    if mean == 0:
        return 0.0
    lowest = int(mean) if mean > BUSY else 1
    density = 0.0
    for level in range(max(1, lowest), int(poisson.isf(1e-12, mean)) + 2):
        below = np.arange(level + 1)
        rates, vectors = eigh_tridiagonal(-(rps + below / service_s), np.sqrt(rps * below[1:] / service_s))
        passes = rps * float(np.sum(vectors[-1] ** 2 * np.exp(rates * idle_s)))
        density += float(poisson.pmf(level, mean)) * passes
    return density
