"""What a TargetGroupBinding without its Ingress tells of its target group: who made it.

Modelled, by the labels that the controller writes (docs/facts/manifests.md §1.3):
- made for an Ingress or a Gateway: the controller's own health check holds, where nothing else is said;
- made for a Service of type LoadBalancer, or for TCP: it is of a Network Load Balancer, which is not simulated;
- without a label: made elsewhere, so that AWS's health check holds.

Left out: TargetGroupConfigurations, and the reconciles of Gateways.

Sources: LBC pkg/deploy/tracking/provider.go (StackLabels), pkg/gateway/model/model_build_target_group.go,
apis/elbv2/v1beta1/targetgroupbinding_types.go@v3.5.0 (targetGroupProtocol, from v2.14.0 on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.network_models import Binding

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.objects import Object

_FOR_INGRESS = {"ingress.k8s.aws/stack-name", "ingress.k8s.aws/stack", "eks.amazonaws.com/stack"}
_FOR_GATEWAY = {"gateway.k8s.aws.alb/stack-name"}
_FOR_NLB = {"service.k8s.aws/stack-name", "gateway.k8s.aws.nlb/stack-name"}
_PROTOCOLS_OF_NLB = {"TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"}
_CHECK = "target_group.health_check"


def is_for_ingress(binding: Object) -> bool:
    """Return whether the controller made it for an Ingress."""
    return bool(binding.labels.keys() & _FOR_INGRESS)


def of_nlb(binding: Object) -> str:
    """Return why a binding is of a Network Load Balancer, empty if it is not."""
    protocol = binding.parsed(Binding).spec.target_group_protocol or ""
    if protocol in _PROTOCOLS_OF_NLB:
        return protocol
    return next((label for label in sorted(_FOR_NLB) if label in binding.labels), "")


def put_binding(draft: Draft, binding: Object) -> None:
    """Write what stands in for an ALB that is not in the input."""
    place = binding.place("spec")
    note = "the ALB of a TargetGroupBinding is not in the input"
    draft.put("controller.listeners", 1, place, "assumed", note)
    draft.put("controller.https_listeners", 1, place, "assumed", note)
    if is_for_ingress(binding):
        text = "the controller made it for an Ingress that is not in the input: the annotations are not known"
        draft.warn("ingress-not-given", _CHECK, text, binding.place("metadata", "labels"))
    elif binding.labels.keys() & _FOR_GATEWAY:
        for key in ("healthy_threshold", "unhealthy_threshold"):
            draft.put(f"{_CHECK}.{key}", 3, place, "assumed", "the controller's default for Gateways")
        text = "the controller made it for a Gateway, whose own calls and TargetGroupConfigurations are not simulated"
        draft.warn("gateway-not-simulated", _CHECK, text, binding.place("metadata", "labels"))
    else:
        draft.put(f"{_CHECK}.interval_s", 30, place, "assumed", "AWS's default")
        draft.put(f"{_CHECK}.healthy_threshold", 5, place, "assumed", "AWS's default")
        text = "the target group was made elsewhere: AWS's defaults stand in; aws elbv2 describe-target-groups tells"
        draft.warn("target-group-made-elsewhere", _CHECK, text, place)
