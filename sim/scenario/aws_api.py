"""The AWS API: its token buckets, its latency, and everything else in the account that calls it.

Sources: LBC is kubernetes-sigs/aws-load-balancer-controller (v1: aws-alb-ingress-controller), AWS the documentation of
each service.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from sim.scenario.controller import FIXED_LAG, ControllerSpec
from sim.scenario.distributions import DistributionField
from sim.scenario.fields import CallsPerSecond, Count, Seconds, Spec, complaint
from sim.scenario.lognormal import Lognormal
from sim.scenario.problems import shown
from sim.scenario.releases import first
from sim.scenario.retryers import RetryerName

PUBLISHED_WAITS = 7


class BucketSpec(Spec):
    """A token bucket. Each attempt takes a token, and is throttled if there is none."""

    # Not in a scenario, where each bucket has a default for both.
    model_config = ConfigDict(json_schema_extra=lambda schema: schema.pop("required"))

    capacity: Annotated[float, Field(ge=1, le=1e6)]
    """The most tokens that it holds: the burst that passes at once."""
    refill_per_s: Annotated[float, Field(gt=0, le=1e6)]
    """Tokens that come back per second: the rate that passes in the long run."""


class BucketsSpec(Spec):
    """The account's token buckets in this Region. If one of a bucket's two keys is given, the other has its default."""

    elbv2_describe: BucketSpec = BucketSpec(capacity=40, refill_per_s=10)
    """ELBv2 Describe*. Default: AWS (elb-api-throttling) until March 2026; 200 and 50 since."""
    elbv2_register: BucketSpec = BucketSpec(capacity=20, refill_per_s=4)
    """RegisterTargets and DeregisterTargets. Default: AWS (elb-api-throttling)."""
    elbv2_modify: BucketSpec = BucketSpec(capacity=20, refill_per_s=3)
    """Other mutating ELBv2 calls. Here, where no resource drifts, a controller makes such a call (ModifyRule) for the
    weights of a `canary` alone. What `background_calls_per_s` takes from it takes from `elbv2_account` too. Default:
    AWS (elb-api-throttling)."""
    elbv2_account: BucketSpec = BucketSpec(capacity=40, refill_per_s=10)
    """All ELBv2 calls together. Default: AWS (elb-api-throttling); whether it binds since March 2026 is not known."""
    waf_regional: BucketSpec = BucketSpec(capacity=1, refill_per_s=1)
    """WAFRegional GetWebACLForResource. Default: one per second (LBC issue 1131, pull request 1128)."""
    wafv2: BucketSpec = BucketSpec(capacity=1, refill_per_s=1)
    """WAFV2 GetWebACLForResource. Default: what LBC v2 allows itself (pkg/aws/throttle/defaults.go)."""
    ec2: BucketSpec = BucketSpec(capacity=100, refill_per_s=20)
    """EC2 Describe*, filtered or paginated. Each action has such a bucket of its own. Default: AWS (EC2 API
    throttling)."""
    tagging: BucketSpec = BucketSpec(capacity=15, refill_per_s=15)
    """GetResources. Default: 15 per second (AWS, tag-editor user guide, reference); the burst is assumed to be as
    much."""

    ec2_interfaces: BucketSpec = BucketSpec(capacity=100, refill_per_s=5)
    """Calls of the VPC CNI that change interfaces and their addresses; each action has such a bucket of its own.
    Default: AWS (EC2 API throttling); for attach, detach and unassign an assumption."""

    @field_validator("*", mode="before")
    @classmethod
    def _fill_up(cls, given: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(given, dict):
            return given
        return cls.model_fields[str(info.field_name)].default.model_dump() | given


BucketName = Literal[
    "elbv2_describe",
    "elbv2_register",
    "elbv2_modify",
    "elbv2_account",
    "waf_regional",
    "wafv2",
    "ec2",
    "tagging",
    "ec2_interfaces",
]


class OtherClusterSpec(Spec):
    """Another cluster of the account, whose controller backs off too when it is throttled."""

    ingresses: Count = 1
    """Ingresses in that cluster."""
    churn_per_s: CallsPerSecond = 0.0
    """Pods that come or go per second in that cluster."""
    controller: ControllerSpec | None = ControllerSpec()
    """That cluster's controller.

    The number of `ingresses` is given here instead. null: the same as the rolled cluster's, with its restart and its
    node events.
    """

    @field_validator("controller")
    @classmethod
    def _calls_the_api(cls, controller: ControllerSpec | None) -> ControllerSpec | None:
        if controller is not None and controller.version == FIXED_LAG:
            raise complaint(expected="a version that calls the AWS API", found=shown(controller.version))
        return controller

    @field_validator("controller")
    @classmethod
    def _has_simple_ingresses(cls, controller: ControllerSpec | None) -> ControllerSpec | None:
        if controller is None:
            return None
        if controller.ingresses != 1:
            hint = "give the cluster's ingresses beside its controller"
            raise complaint(key="ingresses", expected="1", found=str(controller.ingresses), hint=hint)
        if controller.target_groups != 1:
            hint = "each ingress of another cluster is simulated with one target group"
            raise complaint(key="target_groups", expected="1", found=str(controller.target_groups), hint=hint)
        return controller


class AwsApiSpec(Spec):
    """The AWS API of the account: what it takes, how long it takes, and who else calls it."""

    retryer: RetryerName | None = None
    """How long a client waits before each retry, here and in other clusters. null: the retryer of the SDK that the
    controller's version pins. `published` has seven waits: 1, 1, 2, 7, 15, 30, 61 s. `published-repeat` then repeats
    the last one, and `published-double` doubles it each time."""
    latency_s: DistributionField = Lognormal(median=0.08, p99=0.5)
    """How long a call takes. Default: an assumption. A DeregisterTargets call took 41 ms (LBC issue 3069), and a
    reconcile of some ten calls 1.2 to 1.9 s (issues 1103, 1359)."""
    buckets: BucketsSpec = BucketsSpec()
    """The account's token buckets."""
    background_calls_per_s: dict[BucketName, CallsPerSecond] = Field(
        default_factory=dict, json_schema_extra={"default": {}}
    )
    """Calls per second of everything else in the account, by bucket: a Poisson stream that does not back off."""
    other_clusters: Annotated[tuple[OtherClusterSpec, ...], Field(strict=False)] = ()
    """Other clusters whose controllers share the account.

    The clusters' order decides which random draws each of them has, and nothing else.
    """
    warm_up_s: Seconds = 300.0
    """How long buckets and other clusters run before the rollout starts, so that a loaded account is loaded by then."""

    def require_waits(self, own: ControllerSpec | None) -> None:
        """Refuse a retryer that has too few waits for a controller: this cluster's, or another one's."""
        controllers = [own, *(cluster.controller for cluster in self.other_clusters)]
        retries = [controller.retries for controller in controllers if controller is not None]
        most = max((math.inf if limit is None else limit for limit in retries), default=0)
        if self.retryer == "published" and most > PUBLISHED_WAITS:
            since = first(lambda later: later.aws_max_retries_counts_attempts)
            without_end = f"retries without end (aws_max_retries 0 from {since} on)"
            raise complaint(
                key="retryer",
                expected=f"a retryer that has waits for {f'{most} retries' if most < math.inf else without_end}",
                found="'published', which has 7",
                hint="'published-repeat' and 'published-double' go on",
            )
