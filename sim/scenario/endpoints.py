"""How fast Kubernetes tells the ingress controller of a pod's end.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

from sim.scenario.distributions import DistributionField
from sim.scenario.fields import (
    Spec,
)
from sim.scenario.lognormal import Lognormal


class EndpointsSpec(Spec):
    """The endpoints controller and the watch of the ingress controller."""

    propagation_s: DistributionField = Lognormal(median=0.05, p99=0.5)
    """From a pod's deletion (or Ready) to the ingress controller's seeing it. Default: an assumption between "at once"
    and K8s's SLO of 1 s for an API call (p99); no measurement of a watch is published."""
