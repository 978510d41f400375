"""The DaemonSets of the input: what they take of each node, and how aws-node, the VPC CNI, keeps addresses.

Modelled:
- A node runs a pod of each DaemonSet whose nodeSelector its labels meet.
- DaemonSets count only where aws-node is among them: an input without the DaemonSets of kube-system has not all of
  them.
- The variables of aws-node's container, as its ipamd reads them; "0" of WARM_IP_TARGET and MINIMUM_IP_TARGET is unset.

Left out: affinities and taints of DaemonSets. No manifest says how large the subnets are: they are taken to be large
enough for the nodes that are there.

Sources: aws/amazon-vpc-cni-k8s@b5218838 config/master/aws-k8s-cni.yaml, pkg/ipamd/ipamd.go, pkg/utils/parameters;
Kubernetes pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from sim.manifests.models import Workload
from sim.manifests.quantities import FALSE, TRUE
from sim.manifests.requests import cpu_m
from sim.scenario.instance_types import ON_HOST_NETWORK, instance_types
from sim.scenario.vpc_cni import RESERVED_PER_SUBNET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.manifests.draft import Draft
    from sim.manifests.models import Container, PodSpec
    from sim.manifests.objects import Cluster, Object

AWS_NODE = "aws-node"
_NUMBERS = {
    "WARM_ENI_TARGET": "warm_eni_target",
    "WARM_IP_TARGET": "warm_ip_target",
    "MINIMUM_IP_TARGET": "minimum_ip_target",
    "WARM_PREFIX_TARGET": "warm_prefix_target",
    "MAX_ENI": "max_eni",
    "IP_COOLDOWN_PERIOD": "cooldown_s",
}
_NUMBER = re.compile(r"\d{1,4}")
_PREFIXES = "ENABLE_PREFIX_DELEGATION"
_NOT_MODELLED = {
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "custom networking, with which pods use other subnets than their node,",
    "ENABLE_POD_ENI": "security groups for pods, which take branch interfaces,",
}
_SMALLEST_SUBNET, _LARGEST_SUBNET = 21, 16
_OF_A_PREFIX = 16
_SUBNET = "vpc_cni.subnet_prefix_length"


def put_daemon_sets(draft: Draft, cluster: Cluster, nodes: Sequence[Object]) -> None:
    """Write what the DaemonSets take of each node, and the VPC CNI's settings. `nodes`: those of the block `nodes`."""
    own = (draft.workload, draft.holder)
    running = [one for one in cluster.of("DaemonSet") if one not in own and _runs_on(one, nodes)]
    pods = {one.ref: template.spec for one in running if (template := one.parsed(Workload).spec.template)}
    cni = next((one for one in running if one.name == AWS_NODE and one.ref in pods), None)
    if cni is None:
        if running:
            reason = "aws-node is not in the input, so other DaemonSets may be missing too"
            draft.leave(running[0].place("spec"), reason, "nodes.daemonset_pods")
        return
    named = f"the DaemonSets {', '.join(sorted(one.name for one in running))}"
    draft.put("nodes.daemonset_pods", len(pods), cni.place(), note=named)
    requested = sum(map(cpu_m, pods.values()))
    draft.put("nodes.daemonset_cpu_m", requested, cni.place(), note="requests of the DaemonSets' containers")
    on_host = sum(pod.host_network for pod in pods.values())
    if on_host > ON_HOST_NETWORK:
        text = f"{on_host} DaemonSets are on the host network; only {ON_HOST_NETWORK} are taken to need no address"
        draft.warn("daemonsets-on-host-network", "nodes.daemonset_pods", text, cni.place())
    _put_cni(draft, cni, pods[cni.ref])


def _runs_on(daemon_set: Object, nodes: Sequence[Object]) -> bool:
    """Return whether most of the nodes run a pod of it."""
    template = daemon_set.parsed(Workload).spec.template
    wanted = {key: str(value) for key, value in template.spec.node_selector.items()} if template else {}
    wanted.pop("kubernetes.io/os", None)
    return 2 * sum(wanted.items() <= one.labels.items() for one in nodes) > len(nodes)


def _put_cni(draft: Draft, cni: Object, pod: PodSpec) -> None:
    at = next((number for number, one in enumerate(pod.containers) if one.name == AWS_NODE), 0)
    container = pod.containers[at]
    if container.texts.get("ENABLE_IPv6") in TRUE:
        draft.leave(cni.place("spec"), "IPv6, with which nodes do not run out of addresses, is not modelled")
        return
    place_of = {
        one.name: cni.place("spec", "template", "spec", "containers", at, "env", number)
        for number, one in enumerate(container.env)
    }
    for name, value in _read(container):
        place = place_of[name]
        if name in _NOT_MODELLED:
            if value in TRUE:
                draft.leave(place, f"{_NOT_MODELLED[name]} is not modelled")
        elif name == _PREFIXES and value in TRUE | FALSE:
            draft.put("vpc_cni.prefix_delegation", value in TRUE, place, note=name)
        elif name in _NUMBERS and _NUMBER.fullmatch(value) and (name != "MAX_ENI" or int(value)):
            draft.put(f"vpc_cni.{_NUMBERS[name]}", int(value), place, note=name)
        else:
            draft.leave(place, f"{name} is '{value}', which ipamd takes for unset")
    _put_subnet(draft, cni)


def _read(container: Container) -> Iterable[tuple[str, str]]:
    """Return the variables that matter, of which the manifest gives the value."""
    prefixes = container.texts.get(_PREFIXES) in TRUE
    for name, value in container.texts.items():
        if (name in {_PREFIXES, *_NUMBERS, *_NOT_MODELLED}) and (name != "WARM_PREFIX_TARGET" or prefixes):
            yield name, value


def _put_subnet(draft: Draft, cni: Object) -> None:
    """Write subnets of the default's size, or as large as these nodes with all their interfaces may need."""
    values = draft.values
    instance = instance_types()[str(values["nodes.instance_type"])]
    in_a_zone = math.ceil(int(str(values["nodes.count"])) / int(str(values.get("nodes.zones", 1))))
    each = _OF_A_PREFIX if values.get("vpc_cni.prefix_delegation") else 1
    held = in_a_zone * instance.max_enis * instance.ipv4_per_eni * each
    fitting = (
        length
        for length in range(_SMALLEST_SUBNET, _LARGEST_SUBNET - 1, -1)
        if 2 ** (32 - length) - RESERVED_PER_SUBNET >= held
    )
    length = next(fitting, _LARGEST_SUBNET)
    note = "no manifest says how large the subnets are: put your own here; these hold the nodes with all interfaces"
    draft.put(_SUBNET, length, cni.place(), "assumed", note)
    text = f"a subnet of /{length} in each zone stands in; --set {_SUBNET}=… tells"
    draft.warn("subnets-assumed", _SUBNET, f"how large the subnets are is in no manifest: {text}")
