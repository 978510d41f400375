"""When a draining pod has answered its last request: what the control plane knows of requests.

A draining server ends when its last request is done. Some parts wait for the pod to be gone: whoever drains a node, and
a Deployment with `podReplacementPolicy: TerminationComplete`.

Modelled:
- The control plane draws no requests, so it draws the end of the last one.
- Requests reach the pod as a Poisson stream, its share of the ALB's rate. Requests stop when each ALB node has stopped
  sending to the pod, at the latest when its listener closes.
- Each request is served independently. So the number still running at t is Poisson with mean R(t), the integral of the
  service time's survival function.
- The last request is done by t with probability exp(-R(t)), and in any case at SIGKILL.

Left out:
- agreement with the requests that the data plane draws: these end at another moment of the same law;
- a queue in the pod (`pod.concurrency`);
- a pod's share above 1 / replicas while other pods are missing, and fail-open.

Sources: Poisson thinning (M/G/infinity), as in `sim.data_plane.draining`; docs/model.md, "Kubelet, termination".
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
    """The requests in flight on draining pods."""

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        traffic = scenario.traffic
        self._law = traffic.service_time_s
        self._rate_rps = traffic.arrival_rate_rps / scenario.deployment.replicas
        self._chance = PodDraws(streams, Uniform(dist="uniform", low=0, high=1), Stream.LAST_REQUEST)

    def last_done_s(self, pod: Pod, closed_s: float, cut_s: float, sent_until_s: Sequence[float]) -> float:
        """Return when a pod's last request is done, in seconds.

        The pod's listener closes at `closed_s`, its process is cut at `cut_s`, and each ALB node stops sending to the
        pod at its `sent_until_s`.
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
        """Return the expected number of requests that still run `after_s` after each node sent its last request."""
        outliving_s = self._law.mean() - self._law.limited_mean(after_s)
        return float(self._rate_rps * np.mean(outliving_s))
