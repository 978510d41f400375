"""When a draining pod has answered its last request: what the control plane knows of requests.

The real thing: a draining server ends when its last request is done. Whoever waits for the pod to be gone (who drains
a node; a Deployment with `podReplacementPolicy: TerminationComplete`) waits for that.
Modelled: the control plane draws no requests, so it draws that end. Requests come to the pod as a Poisson stream, its
share of the ALB's rate, until each ALB node has stopped sending to it, at the latest until its listener closes. Each is
served on its own, so that the number of those still running at t is Poisson with mean R(t), the integral of the service
time's survival function; the last one is done by t with probability exp(-R(t)). At SIGKILL it ends in any case.
Left out: that the requests which the data plane draws end at another moment of the same law; a queue in the pod
(`pod.concurrency`); that a pod's share is more than 1 / replicas while others are not there yet, and fail-open.
Source: Poisson thinning (M/G/infinity), as in `sim.data_plane.draining`; docs/model.md, "Kubelet, termination".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.control_plane.kubernetes.pod import Pod, PodDraws
from sim.scenario.distributions import Uniform
from sim.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario.specs import Scenario
    from sim.streams import Streams

_HALVINGS = 60


class InFlight:
    """The requests in flight on pods that drain."""

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        traffic = scenario.traffic
        self._law = traffic.service_time_s
        self._rate_rps = traffic.arrival_rate_rps / scenario.deployment.replicas
        self._chance = PodDraws(streams, Uniform(dist="uniform", low=0, high=1), Stream.LAST_REQUEST)

    def last_done_s(self, pod: Pod, closed_s: float, cut_s: float, sent_until_s: Sequence[float]) -> float:
        """Return when a pod's last request is done, whose listener closes at `closed_s` and which is cut at `cut_s`.

        `sent_until_s`: when each ALB node stops sending to it.
        """
        until_s = np.minimum(sent_until_s, closed_s)
        left = -math.log1p(-self._chance[pod])
        early_s, late_s = closed_s, cut_s
        if self._running(early_s - until_s) <= left:
            return early_s
        for _ in range(_HALVINGS):
            middle_s = (early_s + late_s) / 2
            if self._running(middle_s - until_s) > left:
                early_s = middle_s
            else:
                late_s = middle_s
        return late_s

    def _running(self, after_s: np.ndarray) -> float:
        """Return how many requests run still, so long after each node sent its last."""
        outliving_s = self._law.mean() - self._law.limited_mean(after_s)
        return float(self._rate_rps * np.mean(outliving_s))
