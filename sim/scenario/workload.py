"""What the user deploys: the traffic, the Deployment, its pods, and how fast Kubernetes tells of their end.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.distributions import Constant, DistributionField, Lognormal
from sim.scenario.fields import (
    LONGEST_S,
    MOST_PODS,
    WHOLE,
    Count,
    PodsOrAnyPercentage,
    PodsOrPercentage,
    PositiveSeconds,
    Seconds,
    Spec,
    hundredths,
)


class TrafficSpec(Spec):
    """The requests that reach the ALB. They do not slow down when some fail (open loop)."""

    arrival_rate_rps: Annotated[float, Field(gt=0, le=LONGEST_S)]
    """Requests per second, over all ALB nodes. Required."""
    arrivals: Literal["poisson", "even"] = "poisson"
    """`poisson`: independent clients; `even`: equally spaced. Poisson is what many independent users give."""
    service_time_s: DistributionField = Constant(value=0.05)
    """How long a pod takes for a request. Default 50 ms: an assumption, of the order of a small web API."""


class DeploymentSpec(Spec):
    """The Deployment whose pods are replaced."""

    replicas: Annotated[int, Field(ge=1, le=MOST_PODS), WHOLE]
    """Pods of the Deployment. Required."""
    max_surge: PodsOrAnyPercentage = "25%"
    """Pods above `replicas` during the rollout: a number, or a percentage, rounded up. Default: K8s apps/v1."""
    max_unavailable: PodsOrPercentage = "25%"
    """Pods below `replicas`: a number, or a percentage, rounded down. Default: K8s apps/v1."""
    min_ready_s: Seconds = 0.0
    """How long a pod is Ready before it counts as available (minReadySeconds). Default: K8s apps/v1."""
    rolled_at_once: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    """Deployments like this one that are rolled in this cluster at the same moment, this one among them, each with an
    ingress of its own among `controller.ingresses`. They share kube-controller-manager's client, the ingress controller
    and the AWS API; the figures are those of this one. Default: this one alone."""
    pod_replacement_policy: Literal["TerminationStarted", "TerminationComplete"] = "TerminationStarted"
    """When a terminating pod no longer counts among those that max_surge limits (`spec.podReplacementPolicy`):
    at its deletion, or when its phase is terminal; then the rollout is complete when every old pod is gone, too.
    Default: what every release does; the field is KEP-5882, alpha in v1.36 and off there."""
    sync_latency_s: DistributionField = Constant(value=0.1)
    """From a pod's Ready to the Deployment controller's acting on it: the kubelet's status write, the ReplicaSet's, the
    scale write, each followed by a watch event. Default: an assumption; K8s publishes only that a write takes at most
    1 s in 99 % of cases (SLO of mutating API calls)."""

    @property
    def surge(self) -> int:
        """Give maxSurge in pods, rounded up (ResolveFenceposts, K8s deployment_util.go)."""
        return -(-hundredths(self.max_surge, self.replicas) // 100)

    @property
    def unavailable(self) -> int:
        """Give maxUnavailable in pods, rounded down, at most `replicas`; one if both it and the surge are zero."""
        count = min(hundredths(self.max_unavailable, self.replicas) // 100, self.replicas)
        return count if count or self.surge else 1


class PodSpec(Spec):
    """A pod: how it starts, and what it does when it is deleted."""

    startup_s: DistributionField = Constant(value=20.0)
    """From creation to containers ready: scheduling, image, start, readiness probe. Default: an assumption; K8s's SLO
    allows 5 s without image pull and readiness probe (p99)."""
    readiness_gate: bool = False
    """Whether the pod is Ready only once its target is healthy (`target-health.…` condition). Default: the gate is
    opted into, by the pod's manifest (v1.1.6 on) or a label of its namespace (v2)."""
    pre_stop_sleep_s: Seconds = 0.0
    """How long the preStop hook sleeps before SIGTERM; it counts against the grace period. Default: no hook."""
    pre_stop_fails_health_check: bool = False
    """Whether the health check fails from the start of preStop while requests are still served."""
    termination_grace_period_s: Seconds = 30.0
    """From deletion to SIGKILL, preStop included; after preStop the process has at least 2 s (kubelet,
    minimumGracePeriodInSeconds). Default: K8s core/v1 (terminationGracePeriodSeconds)."""
    on_sigterm: Literal["exit", "drain", "ignore"] = "exit"
    """What the server does at SIGTERM. `exit`: ends, in-flight requests are cut; `drain`: refuses new connections and
    finishes what it has; `ignore`: serves until SIGKILL. Default: what a process without a handler does."""
    serve_after_sigterm_s: Seconds = 0.0
    """How long the server goes on accepting after SIGTERM before it does what `on_sigterm` says."""
    concurrency: Count | None = None
    """Requests that a pod serves at once; others wait, first come, first served. null: no limit."""
    accept: Literal["eager", "prefork"] = "eager"
    """`eager`: waiting requests have been accepted (an event loop); `prefork`: they wait in the kernel's backlog and
    are reset when the listener closes (Apache prefork)."""
    keep_alive_timeout_s: PositiveSeconds | None = None
    """How long the server keeps an idle connection open (Apache 5, Node 5, nginx 75). null: longer than the ALB does,
    so that a request never meets a closing connection."""
    idle_connections_at_sigterm: Literal["close", "serve"] = "close"
    """What a draining server does with idle connections of the ALB's pool: `serve` answers on them until SIGKILL."""
    sandbox_teardown_s: Seconds = 1.0
    """From the end of the process until the pod's address is gone; until then its port answers RST. Default: an
    assumption; the kubelet relists containers every second (PLEG) before it stops the sandbox."""
    after_teardown: Literal["host_unreachable", "connect_timeout"] = "host_unreachable"
    """What a request to an address that is gone gets: 502 after 3.1 s (ICMP) or 504 after 10 s (silence). Default: what
    was measured behind an ALB with the VPC CNI (3.07 to 3.19 s)."""


class EndpointsSpec(Spec):
    """The endpoints controller and the watch of the ingress controller."""

    propagation_s: DistributionField = Lognormal(median=0.05, p99=0.5)
    """From a pod's deletion (or Ready) to the ingress controller's seeing it. Default: an assumption between "at once"
    and K8s's SLO of 1 s for an API call (p99); no measurement of a watch is published."""
