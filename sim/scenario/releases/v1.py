"""The releases of aws-alb-ingress-controller, v1.1: whatever changes, the whole ingress is reconciled.

Sources: internal/alb/**, internal/ingress/controller/handlers, cmd/options.go and go.mod at each tag
(docs/facts/controller.md §1 to §3).
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.scenario.actions import Action
from sim.scenario.releases.release import HOUR_S, WEB_ACLS_S, IngressControllerRelease
from sim.scenario.sequences import Call, Each, ForEach, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.sequences import Sequence

NOTHING: Mapping[Action, float] = MappingProxyType({})
SDK_CACHE_S = MappingProxyType(
    dict.fromkeys((action for action in Action if action.is_read), 300.0) | {Action.GET_RESOURCES: HOUR_S}
)
"""ticketmaster/aws-sdk-go-cache as v1 sets it up: 5 minutes, and an hour for tag:GetResources."""


def _ingress(
    first: Sequence,
    web_acls: Sequence,
    target_group: tuple[Call | Step, ...],
    last: Sequence,
    rules: tuple[Step, ...] = (),
) -> Sequence:
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
            (Call(Action.DESCRIBE_LISTENER_CERTIFICATES, for_https=True), Call(Action.DESCRIBE_RULES), *rules),
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
WEIGHTS = (Step.MODIFY_RULE,)
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
        names_sdk_in_user_agent=True,
        names_itself_in_user_agent=False,
        reads_annotations=frozenset(),
        heeds_marks=frozenset(),
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
    replace(
        V1[-1],
        since="v1.1.5",
        sdk="aws-sdk-go 1.27.3",
        retryer="aws-sdk-go-1.23.22",
        keeps_answers_s=WEB_ACLS_S,
        sequence=_ingress((SUBNETS, GROUP_BY_NAME), (WAF_REGIONAL,), TARGET_GROUP, INTERFACES, WEIGHTS),
    )
)
V1.append(
    replace(
        V1[-1],
        since="v1.1.6",
        has_readiness_gates=True,
        enqueues_namespace=False,
        enqueues_on_cordon=True,
        heeds_marks=frozenset({"cordon", "label"}),
    )
)
V1.append(
    replace(
        V1[-1],
        since="v1.1.7",
        enqueues_on_containers_ready=True,
        sequence=_ingress((SUBNETS, GROUP_BY_NAME), (WAF_REGIONAL, WAFV2), TARGET_GROUP, INTERFACES, WEIGHTS),
    )
)
