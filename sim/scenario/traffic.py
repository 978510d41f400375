"""The requests that reach the ALB.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import (
    LONGEST_S,
    PositiveSeconds,
    Spec,
)


class TrafficSpec(Spec):
    """The requests that reach the ALB. Clients do not slow down when some fail (open loop)."""

    arrival_rate_rps: Annotated[float, Field(gt=0, le=LONGEST_S)]
    """Requests per second, over all ALB nodes. Required."""
    arrivals: Literal["poisson", "even"] = "poisson"
    """`poisson`: independent clients; `even`: equally spaced. Poisson is what many independent users give."""
    service_time_s: DistributionField = Constant(value=0.05)
    """How long a pod takes for a request. Default 50 ms: an assumption, of the order of a small web API."""
    client_timeout_s: PositiveSeconds | None = None
    """After how long a client gives up, which the ALB logs as 460 (AWS, HTTP 460). null: not before the ALB does."""
