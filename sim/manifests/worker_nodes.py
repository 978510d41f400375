"""The Nodes of the input: how many targets there are behind an instance target group, and the block `nodes`.

Modelled (docs/facts/manifests.md §1.6):
- Nodes that are not Ready take neither pods nor traffic.
- Cordoned nodes take no pods.
- Fargate's are no nodes that pods share.
- All nodes are taken to be of the commonest instance type.

Left out: what the nodes' other pods take, but for DaemonSets (`daemon_sets`) or the defaults of the block; taints and
affinities.

Sources: LBC pkg/backend/endpoint_utils.go@v3.5.0; kubernetes.io, Well-Known Labels.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from sim.manifests.companion_models import Node
from sim.manifests.daemon_sets import put_daemon_sets
from sim.manifests.draft import default_of
from sim.manifests.network_models import Service
from sim.manifests.quantities import quantity
from sim.manifests.requests import cpu_m, memory_mib
from sim.manifests.target_groups import annotation, attributes_of
from sim.scenario.instance_types import instance_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.manifests.controller import Controller
    from sim.manifests.draft import Draft
    from sim.manifests.joining import TargetGroup
    from sim.manifests.models import PodSpec
    from sim.manifests.objects import Cluster, Object
    from sim.scenario.specs import Scenario

_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_NO_TRAFFIC = "node.kubernetes.io/exclude-from-external-load-balancers"
_COMPUTE = "eks.amazonaws.com/compute-type"
_INSTANCES = "target_group.instances"
_TARGET_TYPE = "target_group.target_type"
_COUNT = "nodes.count"
_MOST_ZONES = 6
NODE_KEYS = ("nodes.", "kubernetes.", "vpc_cni.")
"""How keys begin whose values come from Nodes."""


def put_instances(draft: Draft, target_group: TargetGroup, cluster: Cluster, controller: Controller) -> None:
    """Write how many worker nodes are the targets, and what goes with them."""
    if draft.values[_TARGET_TYPE] != "instance":
        return
    wanted = annotation(target_group, "target-node-labels", controller)
    labels = (attributes_of(wanted.value) or {}) if wanted else {}
    nodes = [
        one for one in ready_nodes(cluster) if _NO_TRAFFIC not in one.labels and labels.items() <= one.labels.items()
    ]
    if nodes:
        note = f"Nodes of the input that are Ready{' and have the target-node-labels' if labels else ''}"
        draft.put(_INSTANCES, len(nodes), nodes[0].place(), note=note)
    else:
        text = f"the number of worker nodes is not in the input; {default_of(_INSTANCES)} stands in"
        draft.warn("instances-unknown", _INSTANCES, text)
    service = target_group.service
    spec = service.parsed(Service).spec
    if spec.type == "ClusterIP":
        text = f"{service.ref} is of type ClusterIP: instances need NodePort or LoadBalancer"
        draft.warn("instance-needs-node-port", _TARGET_TYPE, text, service.place("spec", "type"))
    elif spec.external_traffic_policy == "Cluster":
        text = "externalTrafficPolicy Cluster: each worker node may pass a request on to a pod of another"
        draft.warn("external-traffic-policy", _TARGET_TYPE, text, service.place("spec", "externalTrafficPolicy"))
    else:
        draft.leave(service.place("spec", "externalTrafficPolicy"), "Local is not modelled")


def put_nodes_block(draft: Draft, pod: PodSpec, cluster: Cluster) -> None:
    """Write the nodes on which the pods are, and their Kubernetes, if the input has Nodes of a known type."""
    nodes = [one for one in ready_nodes(cluster) if one.labels.get(_COMPUTE) != "fargate"]
    nodes = [one for one in nodes if not one.parsed(Node).spec.unschedulable]
    types = Counter(name for name in (_label(one, _TYPES) for one in nodes) if name)
    if not types:
        return
    commonest = max(types, key=lambda name: types[name])
    first = next(one for one in nodes if _label(one, _TYPES) == commonest)
    place = first.place("metadata", "labels", next(key for key in _TYPES if key in first.labels))
    if commonest not in instance_types():
        draft.leave(place, f"the instance type {commonest} is not known here")
        return
    if len(types) > 1:
        text = f"{_counted(types)}: all are taken to be {commonest}"
        draft.put("nodes.instance_type", commonest, place, "guessed", text)
        draft.warn("mixed-instance-types", "nodes.instance_type", text, place)
    else:
        draft.put("nodes.instance_type", commonest, place)
    draft.put(_COUNT, len(nodes), nodes[0].place(), note="Nodes of the input that are Ready and not cordoned")
    _put_zones(draft, nodes)
    _put_max_pods(draft, nodes)
    _put_requests(draft, pod)
    _put_version(draft, nodes)
    put_daemon_sets(draft, cluster, nodes)


def warn_of_room(draft: Draft, scenario: Scenario) -> None:
    """Say so if the nodes have no room for the surge: a rollout then waits for old pods to go."""
    room, deployment = scenario.room, scenario.deployment
    if room is None or _COUNT not in draft.values:
        return
    most = deployment.replicas + deployment.surge
    if most > room.places:
        text = (
            f"these Nodes take {room.places} pods, limited by {room.limited_by}, and replicas with surge are {most}: "
            "pods wait for room; an autoscaler that adds nodes is not in the input"
        )
        draft.warn("no-room-for-surge", _COUNT, text, draft.origins[_COUNT].place)


def _put_zones(draft: Draft, nodes: Sequence[Object]) -> None:
    zones = {zone for one in nodes if (zone := _label(one, _ZONES))}
    if 0 < len(zones) <= _MOST_ZONES:
        one, key = next((one, key) for one in nodes for key in _ZONES if key in one.labels)
        draft.put("nodes.zones", len(zones), one.place("metadata", "labels", key), note=", ".join(sorted(zones)))


def _put_max_pods(draft: Draft, nodes: Sequence[Object]) -> None:
    """Write how many pods a kubelet takes, if all nodes agree."""
    given = {quantity(one.parsed(Node).status.capacity.get("pods")) for one in nodes}
    pods = given.pop()
    if not given and pods is not None and 1 <= pods <= 10_000:  # noqa: PLR2004 - the key's limit
        draft.put("nodes.max_pods", int(pods), nodes[0].place("status", "capacity", "pods"))


def _put_requests(draft: Draft, pod: PodSpec) -> None:
    place = draft.holder.place("spec", "template", "spec", "containers")
    for key, value in (("nodes.pod_cpu_m", cpu_m(pod)), ("nodes.pod_memory_mib", memory_mib(pod))):
        if value:
            draft.put(key, value, place, note="requests of its containers")


def _put_version(draft: Draft, nodes: Sequence[Object]) -> None:
    """Write the oldest kubelet's version: its client is the slowest."""
    found = [(one, re.match(r"v1\.([1-9]\d)\b", one.parsed(Node).status.node_info.kubelet_version)) for one in nodes]
    minors = [(int(match[1]), one) for one, match in found if match]
    if minors:
        minor, oldest = min(minors, key=lambda item: item[0])
        draft.put("kubernetes.version", f"v1.{minor}", oldest.place("status", "nodeInfo", "kubeletVersion"))


def ready_nodes(cluster: Cluster) -> list[Object]:
    """Return the Nodes that are Ready, and those that do not say whether they are."""
    return [one for one in cluster.of("Node") if _says_ready(one) in ([], ["True"])]


def _says_ready(node: Object) -> list[str]:
    return [one.status for one in node.parsed(Node).status.conditions if one.type == "Ready"]


def _label(node: Object, names: Sequence[str]) -> str:
    return next((node.labels[name] for name in names if name in node.labels), "")


def _counted(types: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in types.most_common(5)) + (", …" if len(types) > 5 else "")  # noqa: PLR2004
