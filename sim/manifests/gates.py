"""Whether a pod waits for its target: the readiness gate, which is usually not in the Deployment.

Modelled: v2 puts the gate into the Pods of a Namespace that has the label, if the targets are pods; v1 (from v1.1.6 on)
needs it in the template. A v1 gate under v2 is set by nobody unless the Namespace has the label.
Source: LBC pkg/targetgroupbinding/utils.go@v2.0.0, internal/ingress/backend/endpoint.go@v1.1.6,
docs/deploy/pod_readiness_gate.md@v3.5.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.releases import LoadBalancerControllerRelease, release_of

if TYPE_CHECKING:
    from sim.manifests.draft import Draft
    from sim.manifests.models import Template
    from sim.manifests.objects import Cluster, Object

_KEY = "pod.readiness_gate"
_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
_AUTO_MODE_LABEL = "eks.amazonaws.com/pod-readiness-gate-inject"


def put_readiness_gate(draft: Draft, holder: Object, template: Template, cluster: Cluster) -> None:
    """Write `pod.readiness_gate` where the input tells that there is one; say so where it does not tell."""
    version = str(draft.values["controller.version"])
    release = release_of(version)
    is_v2 = isinstance(release, LoadBalancerControllerRelease)
    given = [gate.condition_type for gate in template.spec.readiness_gates]
    own = [number for number, gate in enumerate(given) if gate.startswith("target-health.")]
    namespace = cluster.get("Namespace", draft.workload.namespace)
    is_injected = namespace is not None and bool({_LABEL, _AUTO_MODE_LABEL} & _enabled(namespace))
    of_pods = draft.values["target_group.target_type"] == "ip"
    if own:
        place = holder.place("spec", "template", "spec", "readinessGates", own[0])
        if is_v2 and given[own[0]].startswith("target-health.alb.ingress") and not is_injected:
            text = "a gate of v1: v2 sets it only in a labelled Namespace; elsewhere its pods never become Ready"
            draft.warn("legacy-readiness-gate", _KEY, text, place)
        elif not release.has_readiness_gates:
            draft.warn("gate-without-effect", _KEY, f"{version} has no gates: no pod gets Ready", place)
        else:
            draft.put(_KEY, True, place)
    elif is_v2 and is_injected and namespace:
        place = namespace.place("metadata", "labels", _LABEL)
        if of_pods:
            draft.put(_KEY, True, place)
        else:
            draft.warn("gate-without-effect", _KEY, "the label has no effect on instances", place)
    elif is_v2 and of_pods and namespace is None:
        text = (
            f"unknown: the Namespace '{draft.workload.namespace}' and its label {_LABEL} were not given; none assumed"
        )
        draft.warn("readiness-gate-unknown", _KEY, text)
    may_have = own or is_injected or namespace is None
    if isinstance(release, LoadBalancerControllerRelease) and of_pods and not release.polls_steadily and may_have:
        text = (
            f"{version} looks at a readiness gate, if the pods have one, only after a growing backoff; v2.9.1 looks "
            "every 15 s"
        )
        draft.warn("gate-after-backoff", "controller.version", text)


def _enabled(namespace: Object) -> set[str]:
    return {key for key, value in namespace.labels.items() if value == "enabled"}
