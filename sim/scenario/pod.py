"""The pods: how they start, serve and end.

Sources are named in short: K8s is kubernetes/kubernetes, AWS the documentation of Elastic Load Balancing.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.distributions import Constant, DistributionField
from sim.scenario.fields import (
    Count,
    PositiveSeconds,
    Seconds,
    Share,
    Spec,
    complaint,
)
from sim.scenario.problems import shown


class AfterTeardownSpec(Spec):
    """The shares of pods by what a new connection to their addresses meets once these are gone.

    The shares add up to 1.
    """

    connect_refused: Share = 0.0
    """502 at once: another pod has the address, and nothing listens on its port."""
    host_unreachable: Share = 0.0
    """502 after 3.1 s (ICMP)."""
    connect_timeout: Share = 0.0
    """504 after 10 s (silence)."""

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if not math.isclose(sum(self.shares()), 1):
            raise complaint(expected="shares that add up to 1", found=shown(sum(self.shares())))
        return self

    def shares(self) -> tuple[float, float, float]:
        """Return the shares in the order of the keys."""
        return self.connect_refused, self.host_unreachable, self.connect_timeout


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
    cold_factor: Annotated[float, Field(ge=1, le=1000)] = 1.0
    """How many times as long a request takes in a new pod that is cold (no compiled code, empty caches). Default: no
    pod is ever cold."""
    warm_up_s: Seconds = 0.0
    """How long a new pod is cold, from when the first ALB node finds it healthy. A container that restarts is new."""
    concurrency: Count | None = None
    """Requests that a pod serves at once; others wait, first come, first served. null: no limit."""
    accept: Literal["eager", "prefork"] = "eager"
    """`eager`: waiting requests have been accepted (an event loop); `prefork`: they wait in the kernel's backlog and
    are reset when the listener closes (Apache prefork)."""
    keep_alive_timeout_s: PositiveSeconds | None = None
    """How long the server keeps an idle connection open (Apache 5, Node 5, nginx 75). null: longer than the ALB does.
    A request then never meets a closing connection."""
    idle_connections_at_sigterm: Literal["close", "serve"] = "close"
    """What a draining server does with idle connections of the ALB's pool: `serve` answers on them until SIGKILL."""
    sandbox_teardown_s: Seconds = 1.0
    """From the end of the process until the pod's address is gone; until then its port answers RST. Default: an
    assumption; the kubelet relists containers every second (PLEG) before it stops the sandbox."""
    after_teardown: Literal["host_unreachable", "connect_timeout"] | AfterTeardownSpec = "host_unreachable"
    """What a request to an address that is gone gets: 502 after 3.1 s (ICMP) or 504 after 10 s (silence). Where reports
    show both in one rollout, a mixture by address, such as `{connect_refused: 0.2, host_unreachable: 0.5,
    connect_timeout: 0.3}`. Default: what was measured behind an ALB with the VPC CNI (3.07 to 3.19 s)."""

    @property
    def unreachable(self) -> AfterTeardownSpec:
        """Return the shares of `after_teardown`."""
        if isinstance(self.after_teardown, AfterTeardownSpec):
            return self.after_teardown
        return AfterTeardownSpec.model_validate({self.after_teardown: 1})
