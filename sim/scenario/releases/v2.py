"""The releases of aws-load-balancer-controller, v2 and v3.

Each target group is reconciled by its TargetGroupBinding; the ingress's own reconcile only reads.

Sources:
- at each tag: go.mod, pkg/aws/throttle/defaults.go, pkg/aws/aws_config.go, pkg/config, pkg/targetgroupbinding and the
  files that `ingress_reconciler_v2` names (docs/facts/controller.md §2, §4, §6);
- user agents and logs: docs/facts/logs.md §2 and §3. Logs of 2021 and 2022 have seconds since 1970, those from 2023 on
  ISO times. At which release that changed is not known: v2.5 is assumed;
- annotations and classes: docs/facts/manifests.md §1.2 and §1.4.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sim.scenario.actions import Action
from sim.scenario.releases.release import HOUR_S, WEB_ACLS_S, LoadBalancerControllerRelease
from sim.scenario.releases.v1 import WAF_REGIONAL, WAFV2
from sim.scenario.sequences import Call, Each, ForEach, Step, Tags

if TYPE_CHECKING:
    from sim.scenario.sequences import Sequence

WAF_RULES = ",".join(
    f"{service}:{rule}"
    for service in ("WAF Regional", "WAFV2")
    for rule in ("^AssociateWebACL|DisassociateWebACL=0.5:1", "^GetWebACLForResource|ListResourcesForWebACL=1:1")
)
ELBV2_TARGETS = "Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=4:20"
ELBV2_ALL = "Elastic Load Balancing v2:.*=10:40"
ELBV2_OTHERS = "Elastic Load Balancing v2:^Describe.*=50:200,Elastic Load Balancing v2:^Modify.*=3:20"


def _model(
    first: Sequence, each_listener: tuple[Call, ...], last: Sequence, *, has_tagged_rules: bool = True
) -> Sequence:
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
        *((Tags.LISTENERS,) if has_tagged_rules else ()),
        ForEach(Each.LISTENER, each_listener),
        ForEach(
            Each.LISTENER,
            (Call(Action.DESCRIBE_RULES), *((Tags.RULES,) if has_tagged_rules else ()), Step.MODIFY_RULE),
        ),
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
        keeps_answers_s=WEB_ACLS_S,
        sequence=_model((), (CERTIFICATES,), (WAFV2, WAF_REGIONAL), has_tagged_rules=False),
        names_sdk_in_user_agent=True,
        names_itself_in_user_agent=True,
        reads_annotations=frozenset({"group.name"}),
        heeds_marks=frozenset({"label"}),
        aws_api_throttle=WAF_RULES,
        throttles_attempts=True,
        binding_sequence=(Step.READ_TARGETS, Step.SEE_TO_NETWORK, Step.DEREGISTER, Step.REGISTER),
        deregisters_without_network=False,
        passes_over_unchanged=False,
        remembers_checks=False,
        polls_steadily=False,
        has_priority_queue=False,
        hears_of_gated_pods=False,
        logs_times_as_iso=False,
        logs_targets_after_call=False,
        lets_class_set_target_type=False,
    )
]
V2.append(replace(V2[-1], since="v2.1", sdk="aws-sdk-go 1.35.18"))
V2.append(replace(V2[-1], since="v2.1.1", heeds_marks=frozenset({"label", "cluster_autoscaler_taint"})))
V2.append(
    replace(
        V2[-1],
        since="v2.2",
        sequence=_model((), (CERTIFICATES,), (WAFV2, WAF_REGIONAL)),
        reads_annotations=V2[-1].reads_annotations | {"ssl-redirect"},
    )
)
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
V2.append(
    replace(
        V2[-1],
        since="v2.3.1",
        binding_sequence=(Step.READ_TARGETS, Step.SEE_TO_NETWORK, Step.DEREGISTER, Step.READ_VPC, Step.REGISTER),
    )
)
V2.append(replace(V2[-1], since="v2.4", sdk="aws-sdk-go 1.42.27"))
V2.append(replace(V2[-1], since="v2.4.4", aws_api_throttle=f"{WAF_RULES},{ELBV2_TARGETS},{ELBV2_ALL}"))
V2.append(replace(V2[-1], since="v2.4.6", sdk="aws-sdk-go 1.44.137"))
V2.append(replace(V2[-1], since="v2.5", sdk="aws-sdk-go 1.44.184", logs_times_as_iso=True))
V2.append(replace(V2[-1], since="v2.5.4", sync_period_s=10 * HOUR_S, resyncing_informers=2))
V2.append(replace(V2[-1], since="v2.6", sdk="aws-sdk-go 1.44.294"))
V2.append(replace(V2[-1], since="v2.6.2", deregisters_without_network=True))
V2.append(replace(V2[-1], since="v2.7", sdk="aws-sdk-go 1.50.8"))
V2.append(
    replace(V2[-1], since="v2.7.1", keeps_answers_s=MappingProxyType({Action.DESCRIBE_TAGS: 1200.0, **WEB_ACLS_S}))
)
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
V2.append(
    replace(
        V2[-1],
        since="v2.10",
        sdk="aws-sdk-go-v2 1.32.3",
        reads_annotations=V2[-1].reads_annotations | {"multi-cluster-target-group"},
    )
)
V2.append(replace(V2[-1], since="v2.10.1", sequence=_model((Step.FIND_BACKEND_GROUP,), (CERTIFICATES, ATTRIBUTES), ())))
V2.append(replace(V2[-1], since="v2.11", sdk="aws-sdk-go-v2 1.32.5"))
V2.append(replace(V2[-1], since="v2.12", sdk="aws-sdk-go-v2 1.36.3"))
V2.append(replace(V2[-1], since="v2.13", logs_targets_after_call=True, lets_class_set_target_type=True))
V2.append(replace(V2[-1], since="v2.13.3", remembers_checks=True))
V2.append(replace(V2[-1], since="v2.14.1", sdk="aws-sdk-go-v2 1.39.2"))
V2.append(replace(V2[-1], since="v2.15", sdk="aws-sdk-go-v2 1.39.6"))
V2.append(replace(V2[-1], since="v2.16", sdk="aws-sdk-go-v2 1.40.0"))
V2.append(
    replace(
        V2[-1],
        since="v3.2",
        aws_api_throttle=f"{WAF_RULES},{ELBV2_TARGETS},{ELBV2_OTHERS}",
        has_priority_queue=True,
    )
)
V2.append(replace(V2[-1], since="v3.3", sdk="aws-sdk-go-v2 1.41.1", names_sdk_in_user_agent=False))
V2.append(replace(V2[-1], since="v3.4", hears_of_gated_pods=True))
V2.append(replace(V2[-1], since="v3.4.3", sdk="aws-sdk-go-v2 1.41.12"))
NEWEST = "v3.5.0"
"""The newest release that docs/facts cover."""
