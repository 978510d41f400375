"""The keep-alive race of a quiet day: how many requests meet the closing of an idle connection, in closed form.

A server closes a connection that has been idle for its keep-alive K. A request that the ALB sends while that is on its
way, within half a round trip to each side, is lost. A pool is a stack: a request takes the connection that became idle
last. When n requests are in service, that one is idle since n + 1 last were. So the idle time is a passage time of the
number in service. The chance to lose a request is the density of that time at K, times the round trip r.

Modelled:
- A pool of connections to one target is sent λ requests per second, at random. Services are exponential. Then each
  level n has the density of a birth-and-death process below n + 1, and n has Poisson's law.
- Round robin over m targets sends each m-th request of a node to one target. The gaps of a pool are Erlang's, in m
  phases. The process is one of n and the phase, and the density that of a phase-type law.
- Of many turns within K only some count as phases, as more make gaps hardly more regular.
- The law of random routing stands for all levels but 0 where less than one in a million is lost all the same. The
  same holds where services are too short beside K to follow them. So the figure is at most too high.

Left out: other laws of the service time. Drawn with lognormal ones of the same mean, the counts were no different.

Sources: docs/facts/alb.md §4; the round trip is an assumption, that of one Region.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.poisson import poisson_isf, poisson_pmf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.scenario.specs import Scenario

ROUND_TRIP_S = 0.001
"""The round trip between an ALB node and a target: an assumption, of the order of that between two zones."""
MILLION = 1_000_000
BUSY = 100.0
"""So many in service on average make a pool a busy one."""
FEWEST_PHASES = 24
PHASES_WITHIN = 100
"""As many phases at least are within a keep-alive, if there are as many turns."""
MOST_STEPS = 10_000


def raced_per_million(scenario: Scenario) -> float:
    """Return how many of a million requests meet a closing connection on a day without any disruption."""
    pod, traffic, target_group = scenario.pod, scenario.traffic, scenario.target_group
    keep_alive_s = pod.keep_alive_timeout_s
    if keep_alive_s is None or not target_group.connection_reuse or keep_alive_s > target_group.idle_timeout_s:
        return 0.0
    targets = scenario.deployment.replicas
    rps = traffic.arrival_rate_rps / target_group.alb_nodes / targets
    service_s = float(traffic.service_time_s.mean())
    turns = targets if target_group.routing == "round_robin" else 1
    return MILLION * ROUND_TRIP_S * _density(turns, rps, service_s, keep_alive_s)


def _density(turns: int, rps: float, service_s: float, idle_s: float) -> float:
    """Return the density of the idle time that a request to a pool of `rps` finds, per second."""
    alone = _erlang_density(turns, turns * rps, idle_s + service_s)
    above = alone + _density_beside_others(rps, service_s, idle_s)
    if turns == 1 or service_s == 0 or MILLION * ROUND_TRIP_S * above < 1:
        return above
    phases = min(turns, max(FEWEST_PHASES, math.ceil(PHASES_WITHIN / (rps * idle_s))))
    levels = _levels(rps * service_s)
    if (phases * rps + levels / service_s) * idle_s > MOST_STEPS:
        return above
    return _density_in_turn(phases, levels, rps, service_s, idle_s)


def _levels(mean: float) -> int:
    """Return how many are nearly never in service, where it is Poisson's law: in turn there are fewer."""
    return poisson_isf(1e-9, mean) + 2


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

    mean = rps * service_s
    if mean == 0:
        return 0.0
    lowest = int(mean) if mean > BUSY else 1
    density = 0.0
    for level in range(max(1, lowest), poisson_isf(1e-12, mean) + 2):
        below = np.arange(level + 1)
        rates, vectors = eigh_tridiagonal(-(rps + below / service_s), np.sqrt(rps * below[1:] / service_s))
        passes = rps * float(np.sum(vectors[-1] ** 2 * np.exp(rates * idle_s)))
        density += float(poisson_pmf(level, mean)) * passes
    return density


def _density_in_turn(phases: int, levels: int, rps: float, service_s: float, idle_s: float) -> float:
    """Return the density of the idle time, per second, where every gap has so many phases.

    A connection becomes idle when one of n + 1 services ends, in any phase. A connection is taken when the phases
    are over with n in service, and there were never more meanwhile. All levels n go on together, by uniformisation.
    """
    import numpy as np

    phase_rps, ends_rps = phases * rps, 1 / service_s
    chances = _in_service(phases, levels + 1, rps, service_s)
    ends = np.arange(levels + 1)[:, np.newaxis] * ends_rps
    fastest_rps = phase_rps + levels * ends_rps
    stays = 1 - (phase_rps + ends) / fastest_rps
    reached = np.tri(levels, levels + 1)[:, :, np.newaxis]
    last = np.arange(levels)
    at = np.zeros((levels, levels + 1, phases))
    at[last, last] = chances[1:] * ends[1:]
    steps = np.arange(poisson_isf(1e-12, fastest_rps * idle_s) + 1)
    density = 0.0
    for weight in poisson_pmf(steps, fastest_rps * idle_s):
        if weight > 0:
            density += weight * float(at[last, last, -1].sum())
        then = at * stays
        then[:, :-1] += at[:, 1:] * (ends[1:] / fastest_rps)
        then[:, :, 1:] += at[:, :, :-1] * (phase_rps / fastest_rps)
        then[:, 1:, 0] += at[:, :-1, -1] * (phase_rps / fastest_rps)
        at = then * reached
    return density * phase_rps / rps


def _in_service(phases: int, levels: int, rps: float, service_s: float) -> NDArray[np.float64]:
    """Return the chance of each number in service and phase of the gap, shape (levels, phases)."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import spsolve

    state = np.arange(levels * phases).reshape(levels, phases)
    more = np.concatenate([state[1:, 0], state[-1:, 0]])
    ends = np.repeat(np.arange(1, levels), phases) / service_s
    begins = [state[:, :-1].ravel(), state[:, -1], state[1:].ravel()]
    to = [state[:, 1:].ravel(), more, state[:-1].ravel()]
    rates = [np.full(levels * phases, phases * rps), ends]
    flow = csr_array((np.concatenate(rates), (np.concatenate(to), np.concatenate(begins))), shape=(state.size,) * 2)
    balance = (flow - csr_array(np.diag(flow.sum(axis=0)))).tolil()
    balance[0] = 1
    return np.asarray(spsolve(balance.tocsc(), np.eye(1, state.size).ravel())).reshape(levels, phases)
