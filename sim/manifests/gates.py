"""Whether a pod waits for its target: the readiness gate, which is usually not in the Deployment.

Modelled:
- v2 puts the gate into the Pods of a Namespace that has the label, if the targets are pods, and unless its flag
  `--enable-pod-readiness-gate-inject` says no.
- v1 needs the gate in the template, in the releases that know gates.
- Under v2 nobody sets a gate of v1, unless the Namespace has the label.

Sources: LBC pkg/targetgroupbinding/utils.go@v2.0.0, internal/ingress/backend/endpoint.go@v1.1.6,
docs/deploy/pod_readiness_gate.md, pkg/inject/pod_readiness/pod_readiness_gate.go@v3.5.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.manifests.models import Pod
from sim.manifests.quantities import FALSE
from sim.scenario.releases import LoadBalancerControllerRelease, first, release_of

if TYPE_CHECKING:
    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.models import Template
    from sim.manifests.objects import Cluster, Object, Place
    from sim.scenario.releases import Release

_KEY = "pod.readiness_gate"
_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
_OURS = "target-health."
_OF_V1 = "target-health.alb.ingress"
_AUTO_MODE_LABEL = "eks.amazonaws.com/pod-readiness-gate-inject"


def put_readiness_gate(
    draft: Draft, holder: Object, template: Template, cluster: Cluster, controller: Controller
) -> None:
    """Write `pod.readiness_gate` where the input tells that there is one; say so where it does not tell."""
    release = release_of(str(draft.values["controller.version"]))
    namespace = cluster.get("Namespace", draft.workload.namespace)
    labelled = namespace if namespace and {_LABEL, _AUTO_MODE_LABEL} & _enabled(namespace) else None
    gates = [gate.condition_type for gate in template.spec.readiness_gates]
    own = next((number for number, gate in enumerate(gates) if gate.startswith(_OURS)), None)
    if own is not None:
        place = holder.place("spec", "template", "spec", "readinessGates", own)
        _put_own(draft, release, gates[own], place, is_labelled=labelled is not None)
    if not isinstance(release, LoadBalancerControllerRelease):
        return
    of_pods = draft.values["target_group.target_type"] == "ip"
    injects = controller.flag("enable-pod-readiness-gate-inject")
    if own is None and injects and injects.value in FALSE:
        if labelled:
            text = "the Namespace has the label, and the controller is told to put no gates into pods"
            draft.warn("gate-without-effect", _KEY, text, injects.place)
        return
    if labelled and own is None:
        _put_injected(draft, template, cluster, labelled, of_pods=of_pods)
    elif namespace is None and of_pods and own is None:
        text = f"unknown: the Namespace '{draft.workload.namespace}' and its label {_LABEL} were not given"
        draft.warn("readiness-gate-unknown", _KEY, text)
    if of_pods and not release.polls_steadily and (own is not None or labelled or namespace is None):
        since = first(lambda later: isinstance(later, LoadBalancerControllerRelease) and later.polls_steadily)
        text = f"it looks at a readiness gate, if the pods have one, only after a growing backoff ({since}: every 15 s)"
        draft.warn("gate-after-backoff", "controller.version", text)


def _put_own(draft: Draft, release: Release, gate: str, place: Place, *, is_labelled: bool) -> None:
    """Write the gate that the template has, unless nobody sets it."""
    is_v2 = isinstance(release, LoadBalancerControllerRelease)
    if is_v2 and gate.startswith(_OF_V1) and not is_labelled:
        text = "a gate of v1: v2 sets it only in a labelled Namespace; elsewhere its pods never become Ready"
        draft.warn("legacy-readiness-gate", _KEY, text, place)
    elif not release.has_readiness_gates:
        text = f"{draft.values['controller.version']} has no readiness gates: the pods never become Ready"
        draft.warn("gate-without-effect", _KEY, text, place)
    else:
        draft.put(_KEY, True, place)


def _put_injected(draft: Draft, template: Template, cluster: Cluster, namespace: Object, *, of_pods: bool) -> None:
    """Write the gate that the Namespace's label puts into Pods."""
    place = namespace.place("metadata", "labels", _LABEL)
    if of_pods:
        draft.put(_KEY, True, place)
        _warn_of_pods_without(draft, template, cluster, namespace)
    else:
        draft.warn("gate-without-effect", _KEY, "the Namespace's label has no effect on instances", place)


def _warn_of_pods_without(draft: Draft, template: Template, cluster: Cluster, namespace: Object) -> None:
    """Say so if the Namespace has the label and a Pod of the workload has no gate: it is older than the label."""
    labels = {key: str(value) for key, value in template.metadata.labels.items()}
    for pod in cluster.of("Pod"):
        if pod.namespace == namespace.name and labels.items() <= pod.labels.items():
            gates = pod.parsed(Pod).spec.readiness_gates
            if not any(gate.condition_type.startswith(_OURS) for gate in gates):
                text = f"{pod.ref} has no gate, though the Namespace has the label: it is older; a rollout mends it"
                draft.warn("pod-without-gate", _KEY, text, pod.place("spec"))
                return


def _enabled(namespace: Object) -> set[str]:
    return {key for key, value in namespace.labels.items() if value == "enabled"}
