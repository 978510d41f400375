"""The ingress controller of the rolled cluster.

Source: LBC is kubernetes-sigs/aws-load-balancer-controller (v1: aws-alb-ingress-controller).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from sim.scenario.api_throttle import FORMAT, parse_throttle
from sim.scenario.distributions import Constant, DistributionField, Uniform
from sim.scenario.fields import WHOLE, CallsPerSecond, Count, PositiveSeconds, Seconds, Spec, complaint
from sim.scenario.problems import shown
from sim.scenario.releases import RELEASES, V1_VERSIONS, LoadBalancerControllerRelease, first, release_of

if TYPE_CHECKING:
    from sim.scenario.deployment import DeploymentSpec
    from sim.scenario.pod import PodSpec
    from sim.scenario.releases import Release
    from sim.scenario.releases.release import Mark

FIXED_LAG = "fixed_lag"
_LEAST_SYNC_PERIOD_S = 1.0
VERSIONS = (*V1_VERSIONS, FIXED_LAG)
"""Versions by name, for suggestions. The pattern accepts the form of every release of v2 and v3."""

Version = Annotated[
    str,
    Field(
        pattern=r"^(v1\.1\.[0-9]|(v2\.1?|v3\.)[0-9](\.[0-9]{1,2})?|fixed_lag)$",
        examples=list(VERSIONS),
        json_schema_extra={"$comment": "'v1.1.0' to 'v1.1.9', 'v2.0' to 'v2.19', 'v3.0' to 'v3.9', or 'fixed_lag'"},
    ),
]


def _release(version: str | None) -> Release | None:
    """Return the release of a version, or None for `fixed_lag` and for an invalid version."""
    return None if version is None or version == FIXED_LAG else release_of(version)


def _lag_by_default(given: dict[str, Any]) -> Constant | None:
    return Constant(value=0.0) if given.get("version") == FIXED_LAG else None


def _workers_by_default(given: dict[str, Any]) -> int:
    release = _release(given.get("version"))
    return 1 if release is None else release.workers


def _caps_backoff(release: Release | None) -> bool:
    return _limits_itself(release) and release is not None and not release.shares_requeue_bucket


def _limits_itself(release: Release | None) -> bool:
    return isinstance(release, LoadBalancerControllerRelease)


class ControllerSpec(Spec):
    """The ingress controller."""

    version: Version = V1_VERSIONS[-1]
    """The controller's release: v1.1.0 to v1.1.9 of aws-alb-ingress-controller, or v2.0 and later of
    aws-load-balancer-controller. With `fixed_lag` there is no controller: each target is registered and deregistered a
    given time after its pod. Default: the last release of v1."""
    aws_max_retries: Annotated[int, Field(ge=0, le=1000), WHOLE] = 10
    """`--aws-max-retries`: how often a throttled call is repeated before the reconcile fails. From v2.9 on it is how
    often the call is attempted, and 0 means without end. Default: LBC's."""
    max_concurrent_reconciles: Count = Field(default_factory=_workers_by_default, json_schema_extra={"default": 1})
    """Workers: `--max-concurrent-reconciles`, and from v2.0 on `--targetgroupbinding-max-concurrent-reconciles`.
    Default: LBC's, 1 from v1.1.3 on and 3 from v2.0 on. Up to v1.1.2 there is one, and no such flag."""
    max_backoff_s: PositiveSeconds | None = None
    """`--targetgroupbinding-max-exponential-backoff-delay`, from v2.2.1 on: how long a TargetGroupBinding waits at most
    after its reconcile has failed. The first wait is 5 ms, and each failure in a row doubles it. null: LBC's default,
    1000 s."""
    aws_api_throttle: str | None = None
    """`--aws-api-throttle`, from v2.0 on: the limits that the controller puts on its own calls. The syntax is the
    flag's, `serviceID:operationRegex=rate:burst` with commas between. A rule for a service replaces that service's
    defaults. null: LBC's defaults, which differ by version (pkg/aws/throttle/defaults.go). From v2.4.4 on they allow
    RegisterTargets and DeregisterTargets 4 calls a second with a burst of 20."""
    restart_at_s: Seconds | None = None
    """When, after the rollout's start, the controller's process ends and another one takes over (a leader change, an
    eviction). What the process had queued, remembered and not yet sent is lost. The successor reconciles everything.
    null: the process does not end."""
    restart_takes_s: DistributionField = Uniform(low=13, high=22)
    """From that end until the successor has listed everything. Default: a standby replica waits until the lease of
    15 s is over, which it has seen renewed every 2 s. The standby tries every 2 to 4.4 s (client-go leaderelection;
    controller-runtime pkg/manager), so that it takes 17.4 s in the mean. Without a standby it is the start of a pod."""
    sync_period_s: Seconds | None = None
    """`--sync-period`: how often everything is reconciled, whether it has changed or not; at least 1 s. 0 means never.
    null: LBC's default, an hour up to v2.5.3 and ten hours since. From v2.9.1 on what has not changed is passed over.
    An unchanged object is checked 30 to 45 minutes later if its last check is older than a period."""
    node_events_per_s: CallsPerSecond = 0.0
    """How many nodes come or go in this cluster per second. From v1.1.6 on also those that become ready, unready or
    cordoned. For each such event v1 reconciles every ingress (LBC internal/ingress/controller/handlers/node.go), v2
    none."""
    ingresses: Count = 1
    """Ingresses in this cluster, the rolled one included. All Ingresses share the workers."""
    target_groups: Count = 1
    """Target groups of the rolled ingress: distinct pairs of service and port."""
    listeners: Count = 2
    """Listeners of the rolled ingress. Default: HTTP and HTTPS."""
    https_listeners: Annotated[int, Field(ge=0, le=10_000), WHOLE] = 1
    """Listeners with a certificate. Each such listener costs a reconcile one more call."""
    deregistration_lag_s: DistributionField | None = Field(default=None, validate_default=True)
    """From a pod's deletion to the success of DeregisterTargets. Required with `fixed_lag`, and only for it. The time
    that the ALB's nodes take to hear of it, target_group.propagation_s, comes on top."""
    registration_lag_s: DistributionField | None = Field(
        default_factory=_lag_by_default, json_schema_extra={"default": None}
    )
    """From a pod's Ready to the success of RegisterTargets. Only for `fixed_lag`, where the default is 0."""

    rule_lag_s: DistributionField | None = Field(default_factory=_lag_by_default, json_schema_extra={"default": None})
    """From a change of the Ingress's weights to the success of ModifyRule. Only for `fixed_lag`, where the default is
    0."""

    @property
    def forwards_by_weight(self) -> bool:
        """Whether the version knows forward actions with several target groups."""
        return self.release is None or self.release.forwards_by_weight

    @property
    def retries(self) -> int | None:
        """The most repetitions of a throttled call, None if there is no limit. `fixed_lag` makes no call."""
        return 0 if self.release is None else self.release.retries(self.aws_max_retries)

    @property
    def release(self) -> Release | None:
        """The release of the version, None for `fixed_lag`."""
        return _release(self.version)

    @property
    def heeded_marks(self) -> frozenset[Mark]:
        """By which marks a node leaves the target groups of instances. `fixed_lag` heeds all that any release does."""
        releases = RELEASES if self.release is None else [self.release]
        return frozenset().union(*(release.heeds_marks for release in releases))

    def require_readiness_gates(self, pod: PodSpec | None) -> None:
        """Refuse a version without readiness gates for pods, None if they are invalid themselves, that have one."""
        if pod is not None and pod.readiness_gate and self.release is not None and not self.release.has_readiness_gates:
            raise complaint(
                key="version",
                expected=f"a version with readiness gates, {first(lambda later: later.has_readiness_gates)} or later",
                found=shown(self.version),
                hint="or leave out pod.readiness_gate",
            )

    def require_ingresses(self, deployment: DeploymentSpec | None) -> None:
        """Refuse fewer ingresses than Deployments that are rolled at once: each has one of its own."""
        if deployment is not None and self.version != FIXED_LAG and self.ingresses < deployment.rolled_at_once:
            raise complaint(
                key="ingresses",
                expected=f"at least {deployment.rolled_at_once}, deployment.rolled_at_once: each has one of its own",
                found=str(self.ingresses),
            )

    @field_validator("deregistration_lag_s", "registration_lag_s", "rule_lag_s")
    @classmethod
    def _is_of_fixed_lag(cls, lag: Any, info: ValidationInfo) -> Any:  # noqa: ANN401 - a distribution or None
        version = info.data.get("version")
        if version == FIXED_LAG and lag is None:
            raise complaint(expected="a number or a distribution", found="null", hint="fixed_lag needs it")
        if version not in (FIXED_LAG, None) and lag is not None:
            raise complaint(expected="null", found=f"a lag for {version}", hint="it is for fixed_lag only")
        return lag

    @field_validator("sync_period_s")
    @classmethod
    def _is_never_or_seldom(cls, period_s: float | None) -> float | None:
        if period_s is not None and 0 < period_s < _LEAST_SYNC_PERIOD_S:
            hint = "every period reconciles everything"
            raise complaint(expected="0 for never, or at least 1 s", found=shown(period_s), hint=hint)
        return period_s

    @field_validator("max_backoff_s")
    @classmethod
    def _has_the_backoff_flag(cls, longest_s: float | None, info: ValidationInfo) -> float | None:
        version = info.data.get("version")
        if longest_s is not None and version is not None and not _caps_backoff(_release(version)):
            hint = f"{version} has no such flag; {first(_caps_backoff)} brought it"
            raise complaint(expected="null", found=shown(longest_s), hint=hint)
        return longest_s

    @field_validator("aws_api_throttle")
    @classmethod
    def _has_the_syntax(cls, flag: str | None, info: ValidationInfo) -> str | None:
        version = info.data.get("version")
        if flag is not None and version is not None and not _limits_itself(_release(version)):
            hint = f"{version} has no such flag; {first(_limits_itself)} brought it"
            raise complaint(expected="null", found=shown(flag), hint=hint)
        try:
            parse_throttle(flag) if flag is not None else None
        except ValueError as error:
            raise complaint(expected=FORMAT, found=shown(flag), hint=str(error)) from None
        return flag

    @field_validator("https_listeners")
    @classmethod
    def _is_some_of_the_listeners(cls, https: int, info: ValidationInfo) -> int:
        listeners = info.data.get("listeners", https)
        if https > listeners:
            raise complaint(expected=f"at most {listeners}, the number of listeners", found=str(https))
        return https

    @field_validator("max_concurrent_reconciles")
    @classmethod
    def _has_the_flag(cls, workers: int, info: ValidationInfo) -> int:
        release = _release(info.data.get("version"))
        if workers > 1 and release is not None and not release.has_workers_flag:
            since = first(lambda later: later.has_workers_flag)
            hint = f"{info.data['version']} has one worker; {since} brought the flag"
            raise complaint(expected="1", found=str(workers), hint=hint)
        return workers
