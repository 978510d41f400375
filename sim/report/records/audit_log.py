"""The Kubernetes audit log of a simulated rollout: its pods' creation, readiness, deletion and end.

The log has one JSON object for each request to the API server, with times to the microsecond. At the level
`RequestResponse` it holds the object, whose own times are whole seconds. The object's `deletionTimestamp` is the
deletion plus the grace period.

Modelled: the requests that change these pods. The end of a pod's containers is left out if it depends on requests.

Left out: all other requests; events, which are objects of their own.

Sources: docs/facts/logs.md §3; Kubernetes, staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sim.control_plane.trace import PodCreated, PodDeleted, PodReady, ProcessCut, ReadinessGateOpened
from sim.report.records.names import NAMESPACE, address, microsecond, pod_name, whole_second

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.control_plane.trace import Trace
    from sim.scenario.specs import Scenario

_REPLICA_SETS = "system:serviceaccount:kube-system:replicaset-controller"
_EVICTOR = "system:serviceaccount:kube-system:node-drainer"
_KUBELET = "system:node:ip-10-0-0-1.ec2.internal"


def audit_log(trace: Trace, scenario: Scenario) -> str:
    """Return the log, a line for each request."""
    ordered = sorted(_requests(trace, scenario), key=lambda one: one[0])
    return "".join(json.dumps(_event(number, *one), separators=(",", ":")) + "\n" for number, one in enumerate(ordered))


_Request = tuple[float, str, str, str, dict[str, Any]]
"""Time, verb, subresource, user, and the pod as the answer shows it."""


def _requests(trace: Trace, scenario: Scenario) -> Iterator[_Request]:
    n_old = scenario.deployment.replicas
    pods: dict[int, dict[str, Any]] = {}
    for created in trace.of(PodCreated):
        pods[created.pod] = {"created_s": created.time_s}
        yield created.time_s, "create", "", _REPLICA_SETS, _pod(created.pod, n_old, pods[created.pod])
    ready = trace.of(ReadinessGateOpened) if scenario.pod.readiness_gate else trace.of(PodReady)
    for one in ready:
        pods[one.pod] = pods.get(one.pod, {}) | {"ready_s": one.time_s}
        yield one.time_s, "patch", "status", _KUBELET, _pod(one.pod, n_old, pods[one.pod])
    evicts = scenario.disrupted_by.evicts
    verb, subresource, who = ("create", "eviction", _EVICTOR) if evicts else ("delete", "", _REPLICA_SETS)
    grace_s = scenario.pod.termination_grace_period_s
    for deleted in trace.of(PodDeleted):
        pods[deleted.pod] = pods.get(deleted.pod, {}) | {"deleted_s": deleted.time_s, "grace_s": grace_s}
        pod = _pod(deleted.pod, n_old, pods[deleted.pod])
        yield deleted.time_s, verb, subresource, who, pod
    if scenario.pod.on_sigterm != "drain":
        for cut in trace.of(ProcessCut):
            pods[cut.pod] = pods.get(cut.pod, {}) | {"stopped_s": cut.time_s}
            yield cut.time_s, "patch", "status", _KUBELET, _pod(cut.pod, n_old, pods[cut.pod])


def _pod(number: int, n_old: int, known: dict[str, Any]) -> dict[str, Any]:
    """Return the pod as the API server shows it, with the status known so far."""
    metadata: dict[str, Any] = {"name": pod_name(number, n_old), "namespace": NAMESPACE}
    status: dict[str, Any] = {}
    if "created_s" in known:
        metadata["creationTimestamp"] = whole_second(known["created_s"])
    if "deleted_s" in known:
        metadata["deletionTimestamp"] = whole_second(known["deleted_s"] + known["grace_s"])
        metadata["deletionGracePeriodSeconds"] = known["grace_s"]
    if known.keys() & {"ready_s", "deleted_s", "stopped_s"}:
        status["podIP"] = address(number)
    if "ready_s" in known:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": whole_second(known["ready_s"])}
        status["conditions"] = [ready]
    if "stopped_s" in known:
        stopped = {"terminated": {"finishedAt": whole_second(known["stopped_s"])}}
        status["containerStatuses"] = [{"name": "web", "state": stopped}]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": status}


def _event(number: int, time_s: float, verb: str, subresource: str, who: str, pod: dict[str, Any]) -> dict[str, Any]:
    about = {"resource": "pods", "namespace": NAMESPACE, "name": pod["metadata"]["name"], "apiVersion": "v1"}
    if subresource:
        about["subresource"] = subresource
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"{number:08x}-0000-4000-8000-000000000000",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": who},
        "objectRef": about,
        "responseStatus": {"code": 201 if verb == "create" else 200},
        "responseObject": pod,
        "requestReceivedTimestamp": microsecond(time_s),
        "stageTimestamp": microsecond(time_s),
    }
