"""When a draining pod's last request is done, naively: the probability by quadrature, the time by root finding.

Written from docs/model.md, "Kubelet, termination".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.integrate import quad
from scipy.optimize import brentq

from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from sim.verification.reference.deployment_twin import Pod
    from sim.verification.reference.side_twin import Side


def last_done_s(plane: Side, pod: Pod, cut_at_s: float) -> float:
    """Return when nothing runs any more in a pod whose listener closes now and whose process is cut at `cut_at_s`."""
    now_s, traffic = plane.agenda.now_s, plane.scenario.traffic
    node_rps = traffic.arrival_rate_rps / plane.scenario.target_group.alb_nodes / plane.scenario.deployment.replicas
    longest_s = float(traffic.service_time_s.ppf(1 - 1e-13))
    chance = plane.draw(Uniform(dist="uniform", low=0, high=1), pod, Stream.LAST_REQUEST)

    def outlives(age_s: float) -> float:
        return float(traffic.service_time_s.sf(age_s))

    def surely_done(at_s: float) -> float:
        """Return how much the probability that all is done by `at_s` exceeds the drawn one."""
        running = 0.0
        for node in range(plane.scenario.target_group.alb_nodes):
            age_s = at_s - min([now_s, *_stopped_s(plane, pod, node)])
            if age_s < longest_s:
                running += node_rps * quad(outlives, age_s, longest_s, epsabs=1e-12, limit=200)[0]
        return math.exp(-running) - (1 - chance)

    if surely_done(now_s) >= 0:
        return now_s
    return cut_at_s if surely_done(cut_at_s) < 0 else float(brentq(surely_done, now_s, cut_at_s, xtol=1e-10))


def _stopped_s(plane: Side, pod: Pod, node: int) -> list[float]:
    """Return when an ALB node stops sending to a pod, as far as noted by now."""
    notes = [*plane.agenda.happened.get("TargetDrained", []), *plane.agenda.happened.get("TargetUnhealthy", [])]
    return [time_s for time_s, number, at_node in notes if (number, at_node) == (pod.number, node)]
