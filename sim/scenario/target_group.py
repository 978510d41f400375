"""The load balancer's side: the target group, its health check, and the ALB's nodes.

Sources: AWS is the documentation of Elastic Load Balancing (application load balancers); LBC is
kubernetes-sigs/aws-load-balancer-controller.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationInfo, field_validator

from sim.scenario.distributions import DistributionField, Uniform
from sim.scenario.fields import Count, PositiveSeconds, Seconds, Spec, complaint
from sim.scenario.lognormal import Lognormal
from sim.scenario.problems import shown


class HealthCheckSpec(Spec):
    """The health check that every ALB node makes of every target, each on its own phase (AWS)."""

    interval_s: PositiveSeconds = 15.0
    """From one check to the next. Default: the controllers' (LBC annotations); the API's own is 30. AWS takes 5 to
    300."""
    timeout_s: PositiveSeconds = 5.0
    """How long a check waits for its answer. A check fails so much later where nothing answers (`node_lost`,
    `liveness_failure`), and at once where the port refuses. Default: LBC and AWS; AWS takes 2 to 120."""
    healthy_threshold: Count = 2
    """Passed checks in a row from unhealthy to healthy. A new target needs one (AWS), and a pod that is deleted does
    not recover: only a container that restarts in place does (`crash`, `liveness_failure`). Default: LBC; the API's own
    is 5. AWS takes 2 to 10."""
    unhealthy_threshold: Count = 2
    """Failed checks in a row from healthy to unhealthy. Default: LBC and AWS; AWS takes 2 to 10."""


class TargetGroupSpec(Spec):
    """The target group and the ALB in front of it."""

    target_type: Literal["ip", "instance"] = "ip"
    """What targets are: with `ip` pods, with `instance` worker nodes, where kube-proxy passes requests on. Default:
    what the VPC CNI allows and the incident of the talk used. The controllers' own default is `instance`."""
    instances: Count = 10
    """Worker nodes behind the ALB with target_type `instance`, each with a kube-proxy of its own. Default: an
    assumption."""
    kube_proxy_sync_s: DistributionField = Uniform(dist="uniform", low=0, high=1)
    """From an endpoint's change to a worker node's new rules, with target_type `instance`: a draw for each pod and
    worker node. Default: kube-proxy syncs its rules at most once a second (K8s, iptables.minSyncPeriod 1s)."""
    alb_nodes: Count = 2
    """Nodes of the ALB, each with its own view of the targets. Default: one in each of two zones, the fewest that AWS
    takes."""
    routing: Literal["round_robin", "random", "least_outstanding_requests"] = "round_robin"
    """How a node chooses among its routable targets. Default: AWS (load_balancing.algorithm.type)."""
    slow_start_s: Seconds = 0.0
    """How long a new target's share of the requests grows, linearly, until it is a full one; 0: it has that at once.
    With round_robin and pods as targets. Default: AWS (slow_start.duration_seconds, 30 to 900)."""
    deregistration_delay_s: Seconds = 300.0
    """How long requests in flight may go on after DeregisterTargets. New requests end earlier, whatever it is.
    Default: AWS (deregistration_delay.timeout_seconds, 0 to 3600)."""
    idle_timeout_s: PositiveSeconds = 60.0
    """How long the ALB waits for a response before it answers 504. Default: AWS (idle_timeout.timeout_seconds, 1 to
    4000)."""
    connection_reuse: bool = False
    """Whether the ALB keeps a pool of connections to each target.

    Without a pool every request opens a connection. A connection to a worker node (target_type `instance`) stays with
    the pod that it reached when it was opened.
    """
    propagation_s: DistributionField = Lognormal(median=10, p95=20)
    """From the success of DeregisterTargets until an ALB node sends the target nothing new: a draw for each node and
    target. AWS publishes no figure. Default: users saw 15 to 21 s (LBC issues 905, 2366), assume 10 s (1719), and meet
    tails of a minute. This time is the least known number of the model: vary it."""
    rule_propagation_s: DistributionField | None = None
    """From ModifyRule until an ALB node takes the rule over, one draw for each node and change. null: the law of
    `propagation_s`, as AWS publishes neither."""
    health_check: HealthCheckSpec | None = HealthCheckSpec()
    """The health check. null: there is none, and a registered target is routable at once."""

    @field_validator("slow_start_s")
    @classmethod
    def _starts_in_turn(cls, slow_start_s: float, info: ValidationInfo) -> float:
        routing, target_type = (info.data.get(key) for key in ("routing", "target_type"))
        if slow_start_s and routing in {"random", "least_outstanding_requests"}:
            hint = "AWS refuses slow start with any other algorithm"
            raise complaint(expected=f"0 with routing {shown(routing)}", found=shown(slow_start_s), hint=hint)
        if slow_start_s and target_type == "instance":
            hint = "no worker node is a new target here"
            raise complaint(expected="0 with target_type 'instance'", found=shown(slow_start_s), hint=hint)
        return slow_start_s
