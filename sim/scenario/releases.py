"""The releases of the ingress controller: what each does, and how it differs from the one before.

Modelled: the table of docs/facts/controller.md §1 to §4, with a row for each release at which anything changes, oldest
first. A row holds until the next one. What a row does not name is as in the row before. Controllers, retryers,
`albsim check` and docs/controllers.md know releases from here alone.

Left out: releases before v1.1.0, and what `sim.control_plane.controllers` leaves out.

Sources: tags of kubernetes-sigs/aws-load-balancer-controller (LBC):
- go.mod for the SDK;
- v1: internal/alb/**, internal/ingress/controller/handlers and cmd/options.go;
- v2, v3: pkg/aws/throttle/defaults.go, pkg/aws/aws_config.go, pkg/config, pkg/targetgroupbinding and the files that
  `ingress_reconciler_v2` names;
- for 0 as `--aws-max-retries`: aws/retry/middleware.go of aws-sdk-go-v2 (`maxAttempts > 0 && …`), whose `NewStandard`
  puts no default in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.scenario.actions import Action
from sim.scenario.sequences import Call, Each, ForEach, Step, Tags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.scenario.retryers import RetryerName
    from sim.scenario.sequences import Sequence

HOUR_S = 3600.0
NOTHING: Mapping[Action, float] = MappingProxyType({})
SDK_CACHE_S = MappingProxyType(
    dict.fromkeys((action for action in Action if action.is_read), 300.0) | {Action.GET_RESOURCES: HOUR_S}
)
"""ticketmaster/aws-sdk-go-cache as v1 sets it up: 5 minutes, and an hour for tag:GetResources."""
WEB_ACLS_S = MappingProxyType(
    {Action.WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE: 600.0, Action.WAFV2_GET_WEB_ACL_FOR_RESOURCE: 600.0}
)

WAF_RULES = ",".join(
    f"{service}:{rule}"
    for service in ("WAF Regional", "WAFV2")
    for rule in ("^AssociateWebACL|DisassociateWebACL=0.5:1", "^GetWebACLForResource|ListResourcesForWebACL=1:1")
)
ELBV2_TARGETS = "Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=4:20"
ELBV2_ALL = "Elastic Load Balancing v2:.*=10:40"
ELBV2_OTHERS = "Elastic Load Balancing v2:^Describe.*=50:200,Elastic Load Balancing v2:^Modify.*=3:20"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """A release, and those after it up to the next one of `RELEASES`.

    - `aws_max_retries_counts_attempts`: the flag counts the first attempt too.
    - `resyncing_informers`: how many informers enqueue everything every `sync_period_s`.
    - `shares_requeue_bucket`, `pauses_worker`: what happens after a failed reconcile.
    - `keeps_answers_s`: for how long the answer to a call of `sequence`, the reconcile of an ingress, is kept.
    """

    since: str
    sdk: str
    retryer: RetryerName
    aws_max_retries_counts_attempts: bool
    has_readiness_gates: bool
    has_workers_flag: bool
    workers: int
    shares_requeue_bucket: bool
    pauses_worker: bool
    sync_period_s: float
    resyncing_informers: int
    keeps_answers_s: Mapping[Action, float]
    sequence: Sequence

    def retries(self, aws_max_retries: int) -> int | None:
        """Return the most repetitions of a throttled call with this `--aws-max-retries`, None if there is no limit."""
        if not self.aws_max_retries_counts_attempts:
            return aws_max_retries
        return aws_max_retries - 1 if aws_max_retries else None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressControllerRelease(_Release):
    """A release of aws-alb-ingress-controller, v1. `enqueues_…` says what enqueues an ingress, or all ingresses."""

    enqueues_namespace: bool
    enqueues_on_containers_ready: bool
    enqueues_on_cordon: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancerControllerRelease(_Release):
    """A release of aws-load-balancer-controller, v2 or v3.

    - `binding_sequence`: the reconcile of a TargetGroupBinding.
    - `deregisters_without_network`: a reconcile goes on to DeregisterTargets even if the network step fails.
    - `aws_api_throttle`: the flag's default. `throttles_attempts`: the flag limits each attempt, not the call.
    - `passes_over_unchanged`: a binding is passed over while its endpoints are those of its last reconcile.
    - `polls_steadily`: the controller looks at a closed readiness gate every 15 s, without a growing backoff.
    """

    aws_api_throttle: str
    throttles_attempts: bool
    binding_sequence: tuple[Step, ...]
    deregisters_without_network: bool
    passes_over_unchanged: bool
    polls_steadily: bool


Release = IngressControllerRelease | LoadBalancerControllerRelease

# v1: whatever changes, the whole ingress is reconciled.


def _ingress(first: Sequence, web_acls: Sequence, target_group: tuple[Call | Step, ...], last: Sequence) -> Sequence:
    return (
        *first,
        Call(Action.DESCRIBE_LOAD_BALANCERS),
        Call(Action.DESCRIBE_TAGS, "load balancer"),
        Call(Action.DESCRIBE_LOAD_BALANCER_ATTRIBUTES),
        *web_acls,
        ForEach(Each.TARGET_GROUP, target_group),
        Call(Action.DESCRIBE_LISTENERS),
        ForEach(
            Each.LISTENER,
            (Call(Action.DESCRIBE_LISTENER_CERTIFICATES, for_https=True), Call(Action.DESCRIBE_RULES)),
        ),
        Call(Action.GET_RESOURCES, "target groups"),
        *last,
    )


SUBNETS = Call(Action.DESCRIBE_SUBNETS, shared=True)
SUBNETS_BY_TAG = tuple(Call(Action.GET_RESOURCES, f"subnets, {of}", shared=True) for of in ("elb", "internal-elb"))
WAF_REGIONAL = Call(Action.WAF_REGIONAL_GET_WEB_ACL_FOR_RESOURCE)
WAFV2 = Call(Action.WAFV2_GET_WEB_ACL_FOR_RESOURCE)
READ_TARGET_GROUP = (
    Call(Action.DESCRIBE_TARGET_GROUPS),
    Call(Action.DESCRIBE_TAGS),
    Call(Action.DESCRIBE_TARGET_GROUP_ATTRIBUTES),
    Step.READ_ENDPOINTS,
)
VPC = Call(Action.DESCRIBE_VPCS, shared=True)
CHANGE_TARGETS = (Call(Action.DESCRIBE_TARGET_HEALTH), Step.COMPARE_TARGETS, Step.REGISTER, Step.DEREGISTER)
TARGET_GROUP = (*READ_TARGET_GROUP, VPC, *CHANGE_TARGETS)
GROUPS = tuple(Call(Action.DESCRIBE_SECURITY_GROUPS, f"of the {whose}") for whose in ("load balancer", "instances"))
INSTANCES = (*GROUPS, Call(Action.DESCRIBE_INSTANCES, shared=True), Call(Action.DESCRIBE_NETWORK_INTERFACES))
GROUP_BY_NAME = Call(Action.DESCRIBE_SECURITY_GROUPS, "by name")
INTERFACES = (
    Call(Action.DESCRIBE_SECURITY_GROUPS, "attached"),
    Call(Action.DESCRIBE_NETWORK_INTERFACES, addresses_each=199),
    *GROUPS,
)

V1 = [
    IngressControllerRelease(
        since="v1.1.0",
        sdk="aws-sdk-go 1.16.11",
        retryer="aws-sdk-go-1.12",
        aws_max_retries_counts_attempts=False,
        has_readiness_gates=False,
        has_workers_flag=False,
        workers=1,
        shares_requeue_bucket=True,
        pauses_worker=True,
        sync_period_s=HOUR_S,
        resyncing_informers=2,
        keeps_answers_s=SDK_CACHE_S,
        sequence=_ingress(
            (*SUBNETS_BY_TAG, SUBNETS), (WAF_REGIONAL,), (*READ_TARGET_GROUP, *CHANGE_TARGETS), INSTANCES
        ),
        enqueues_namespace=True,
        enqueues_on_containers_ready=False,
        enqueues_on_cordon=False,
    )
]
V1.append(
    replace(
        V1[-1],
        since="v1.1.2",
        sdk="aws-sdk-go 1.16.35",
        keeps_answers_s=NOTHING,
        sequence=_ingress((*SUBNETS_BY_TAG, SUBNETS), (WAF_REGIONAL,), TARGET_GROUP, INSTANCES),
    )
)
V1.append(
    replace(
        V1[-1],
        since="v1.1.3",
        sdk="aws-sdk-go 1.23.21",
        retryer="aws-sdk-go-1.23.13",
        has_workers_flag=True,
        sequence=_ingress((SUBNETS, GROUP_BY_NAME), (WAF_REGIONAL,), TARGET_GROUP, INTERFACES),
    )
)
V1.append(
    replace(V1[-1], since="v1.1.5", sdk="aws-sdk-go 1.27.3", retryer="aws-sdk-go-1.23.22", keeps_answers_s=WEB_ACLS_S)
)
V1.append(replace(V1[-1], since="v1.1.6", has_readiness_gates=True, enqueues_namespace=False, enqueues_on_cordon=True))
V1.append(
    replace(
        V1[-1],
        since="v1.1.7",
        enqueues_on_containers_ready=True,
        sequence=_ingress((SUBNETS, GROUP_BY_NAME), (WAF_REGIONAL, WAFV2), TARGET_GROUP, INTERFACES),
    )
)

# v2 and v3: each target group is reconciled by its TargetGroupBinding; the ingress's own reconcile only reads.


def _model(first: Sequence, each_listener: tuple[Call, ...], last: Sequence) -> Sequence:
    listed = (Call(Action.DESCRIBE_LOAD_BALANCERS), Tags.LOAD_BALANCERS)
    return (
        *listed,
        *first,
        Call(Action.DESCRIBE_SECURITY_GROUPS, "by their tags"),
        Call(Action.DESCRIBE_SECURITY_GROUPS, "by their legacy tags"),
        Call(Action.DESCRIBE_TARGET_GROUPS),
        Tags.TARGET_GROUPS,
        ForEach(Each.TARGET_GROUP, (Call(Action.DESCRIBE_TARGET_GROUP_ATTRIBUTES),)),
        *listed,
        Call(Action.DESCRIBE_LOAD_BALANCER_ATTRIBUTES),
        Call(Action.DESCRIBE_LISTENERS),
        Tags.LISTENERS,
        ForEach(Each.LISTENER, each_listener),
        ForEach(Each.LISTENER, (Call(Action.DESCRIBE_RULES), Tags.RULES)),
        *last,
    )


CERTIFICATES = Call(Action.DESCRIBE_LISTENER_CERTIFICATES, for_https=True)
ATTRIBUTES = Call(Action.DESCRIBE_LISTENER_ATTRIBUTES)

V2 = [
    LoadBalancerControllerRelease(
        since="v2.0",
        sdk="aws-sdk-go 1.35.4",
        retryer="aws-sdk-go-1.23.22",
        aws_max_retries_counts_attempts=False,
        has_readiness_gates=True,
        has_workers_flag=True,
        workers=3,
        shares_requeue_bucket=True,
        pauses_worker=True,
        sync_period_s=HOUR_S,
        resyncing_informers=1,
        keeps_answers_s=MappingProxyType({Action.DESCRIBE_TAGS: 1200.0, **WEB_ACLS_S}),
        sequence=_model((), (CERTIFICATES,), (WAFV2, WAF_REGIONAL)),
        aws_api_throttle=WAF_RULES,
        throttles_attempts=True,
        binding_sequence=(Step.READ_TARGETS, Step.SEE_TO_NETWORK, Step.DEREGISTER, Step.REGISTER),
        deregisters_without_network=False,
        passes_over_unchanged=False,
        polls_steadily=False,
    )
]
V2.append(replace(V2[-1], since="v2.1", sdk="aws-sdk-go 1.35.18"))
V2.append(replace(V2[-1], since="v2.2.1", shares_requeue_bucket=False))
V2.append(replace(V2[-1], since="v2.2.2", sdk="aws-sdk-go 1.40.10"))
V2.append(
    replace(
        V2[-1],
        since="v2.3",
        sdk="aws-sdk-go 1.41.0",
        pauses_worker=False,
        sequence=_model((Step.FIND_BACKEND_GROUP,), (CERTIFICATES,), (WAFV2, WAF_REGIONAL)),
    )
)
V2.append(replace(V2[-1], since="v2.4", sdk="aws-sdk-go 1.42.27"))
V2.append(replace(V2[-1], since="v2.4.4", aws_api_throttle=f"{WAF_RULES},{ELBV2_TARGETS},{ELBV2_ALL}"))
V2.append(replace(V2[-1], since="v2.4.6", sdk="aws-sdk-go 1.44.137"))
V2.append(replace(V2[-1], since="v2.5", sdk="aws-sdk-go 1.44.184"))
V2.append(replace(V2[-1], since="v2.5.4", sync_period_s=10 * HOUR_S, resyncing_informers=2))
V2.append(replace(V2[-1], since="v2.6", sdk="aws-sdk-go 1.44.294"))
V2.append(replace(V2[-1], since="v2.6.2", deregisters_without_network=True))
V2.append(replace(V2[-1], since="v2.7", sdk="aws-sdk-go 1.50.8"))
V2.append(replace(V2[-1], since="v2.8.2", sequence=_model((Step.FIND_BACKEND_GROUP,), (CERTIFICATES,), ())))
V2.append(
    replace(
        V2[-1],
        since="v2.9",
        sdk="aws-sdk-go-v2 1.30.5",
        retryer="aws-sdk-go-v2",
        aws_max_retries_counts_attempts=True,
        throttles_attempts=False,
    )
)
V2.append(replace(V2[-1], since="v2.9.1", passes_over_unchanged=True, polls_steadily=True))
V2.append(replace(V2[-1], since="v2.10", sdk="aws-sdk-go-v2 1.32.3"))
V2.append(replace(V2[-1], since="v2.10.1", sequence=_model((Step.FIND_BACKEND_GROUP,), (CERTIFICATES, ATTRIBUTES), ())))
V2.append(replace(V2[-1], since="v2.11", sdk="aws-sdk-go-v2 1.32.5"))
V2.append(replace(V2[-1], since="v2.12", sdk="aws-sdk-go-v2 1.36.3"))
V2.append(replace(V2[-1], since="v2.14.1", sdk="aws-sdk-go-v2 1.39.2"))
V2.append(replace(V2[-1], since="v2.15", sdk="aws-sdk-go-v2 1.39.6"))
V2.append(replace(V2[-1], since="v2.16", sdk="aws-sdk-go-v2 1.40.0"))
V2.append(replace(V2[-1], since="v3.2", aws_api_throttle=f"{WAF_RULES},{ELBV2_TARGETS},{ELBV2_OTHERS}"))
V2.append(replace(V2[-1], since="v3.3", sdk="aws-sdk-go-v2 1.41.1"))
V2.append(replace(V2[-1], since="v3.4.3", sdk="aws-sdk-go-v2 1.41.12"))

RELEASES: tuple[Release, ...] = (*V1, *V2)


def version_number(version: str) -> tuple[int, int, int]:
    """Return the numbers of `v2.4.7` or `v2.4`. Raises `ValueError` if that is no version from v1.1.0 on."""
    parts = re.fullmatch(r"v(\d+)\.(\d+)(?:\.(\d+))?", version)
    major, minor, patch = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    if (major, minor, patch) < (1, 1, 0):
        raise ValueError(f"'version' must be a controller version from v1.1.0 on, such as v1.1.4 (got {version!r})")
    return major, minor, patch


def first(does: Callable[[Release], bool]) -> str:
    """Return the name of the first release for which the condition is true."""
    return next(release.since for release in RELEASES if does(release))


@cache
def release_of(version: str) -> Release:
    """Return the row of a version such as `v2.4.7`. Raises `ValueError` if that is no version from v1.1.0 on."""
    number = version_number(version)
    return [release for release in RELEASES if version_number(release.since) <= number][-1]
