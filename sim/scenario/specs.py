"""The schema of a scenario."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sim.scenario.distributions import Constant, DistributionField, Lognormal


class Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrafficSpec(Spec):
    arrival_rate_rps: float
    arrivals: Literal["poisson", "even"] = "poisson"
    service_time_s: DistributionField = Constant(value=0.05)


class DeploymentSpec(Spec):
    replicas: int
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"
    min_ready_s: float = 0.0
    sync_latency_s: DistributionField = Constant(value=0.1)

    @property
    def surge(self) -> int:
        return _count(self.max_surge, self.replicas, math.ceil)

    @property
    def unavailable(self) -> int:
        """maxUnavailable in pods, rounded down; one if both it and the surge are zero (ResolveFenceposts)."""
        count = _count(self.max_unavailable, self.replicas, math.floor)
        return count if count or self.surge else 1


def _count(value: int | str, replicas: int, rounding) -> int:
    if isinstance(value, int):
        return value
    return rounding(float(value.rstrip("%")) * replicas / 100)


class PodSpec(Spec):
    startup_s: DistributionField = Constant(value=20.0)
    readiness_gate: bool = False
    pre_stop_sleep_s: float = 0.0
    pre_stop_fails_health_check: bool = False
    termination_grace_period_s: float = 30.0
    on_sigterm: Literal["exit", "drain", "ignore"] = "exit"
    serve_after_sigterm_s: float = 0.0
    concurrency: int | None = None
    accept: Literal["eager", "prefork"] = "eager"
    keep_alive_timeout_s: float | None = None
    idle_connections_at_sigterm: Literal["close", "serve"] = "close"
    sandbox_teardown_s: float = 1.0
    after_teardown: Literal["host_unreachable", "connect_timeout"] = "host_unreachable"


class EndpointsSpec(Spec):
    propagation_s: DistributionField = Lognormal(dist="lognormal", median=0.05, p99=0.5)


class ControllerSpec(Spec):
    version: str = "v1.1.9"
    aws_max_retries: int = 10
    max_concurrent_reconciles: int = 1
    ingresses: int = 1
    target_groups: int = 1
    listeners: int = 2
    https_listeners: int = 1
    deregistration_lag_s: DistributionField | None = None
    registration_lag_s: DistributionField | None = None


class BucketSpec(Spec):
    capacity: float
    refill_per_s: float


class BucketsSpec(Spec):
    elbv2_describe: BucketSpec = BucketSpec(capacity=40, refill_per_s=10)
    elbv2_register: BucketSpec = BucketSpec(capacity=20, refill_per_s=4)
    elbv2_modify: BucketSpec = BucketSpec(capacity=20, refill_per_s=3)
    elbv2_account: BucketSpec = BucketSpec(capacity=40, refill_per_s=10)
    waf_regional: BucketSpec = BucketSpec(capacity=1, refill_per_s=1)
    wafv2: BucketSpec = BucketSpec(capacity=1, refill_per_s=1)
    ec2_describe: BucketSpec = BucketSpec(capacity=100, refill_per_s=20)
    tagging: BucketSpec = BucketSpec(capacity=15, refill_per_s=15)


class OtherClusterSpec(Spec):
    ingresses: int = 1
    churn_per_s: float = 0.0
    controller: ControllerSpec = ControllerSpec()


class AwsApiSpec(Spec):
    retryer: str | None = None
    latency_s: DistributionField = Lognormal(dist="lognormal", median=0.08, p99=0.5)
    buckets: BucketsSpec = BucketsSpec()
    background_calls_per_s: dict[str, float] = {}
    other_clusters: tuple[OtherClusterSpec, ...] = ()
    warm_up_s: float = 300.0


class HealthCheckSpec(Spec):
    interval_s: float = 15.0
    timeout_s: float = 5.0
    healthy_threshold: int = 2
    unhealthy_threshold: int = 2


class TargetGroupSpec(Spec):
    target_type: Literal["ip", "instance"] = "ip"
    alb_nodes: int = 2
    routing: Literal["round_robin", "random", "least_outstanding_requests"] = "round_robin"
    deregistration_delay_s: float = 300.0
    idle_timeout_s: float = 60.0
    connection_reuse: bool = False
    propagation_s: DistributionField = Lognormal(dist="lognormal", median=10, p95=20)
    health_check: HealthCheckSpec | None = HealthCheckSpec()


class Scenario(Spec):
    name: str
    description: str = ""
    seed: int = 1
    replications: int = 50
    traffic: TrafficSpec
    deployment: DeploymentSpec
    pod: PodSpec = PodSpec()
    endpoints: EndpointsSpec = EndpointsSpec()
    controller: ControllerSpec = ControllerSpec()
    aws_api: AwsApiSpec = AwsApiSpec()
    target_group: TargetGroupSpec = TargetGroupSpec()
    sweep: Annotated[dict[str, tuple[object, ...]], Field()] = {}
