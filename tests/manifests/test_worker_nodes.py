"""What the Nodes of a cluster say: how many, of which type, in which zones, and with which kubelet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, Imported, import_sources
from sim.manifests.models import PodSpec
from sim.manifests.quantities import quantity
from sim.manifests.requests import cpu_m, memory_mib
from sim.manifests.sources import Source

TYPE = "node.kubernetes.io/instance-type"
ZONE = "topology.kubernetes.io/zone"


def node(number: int, **given: Any) -> dict[str, Any]:
    labels = {TYPE: given.get("type", "m5.large"), ZONE: f"eu-west-1{'abc'[number % 3]}"} | given.get("labels", {})
    status = {
        "conditions": [{"type": "Ready", "status": given.get("ready", "True")}],
        "nodeInfo": {"kubeletVersion": given.get("version", "v1.29.3-eks-ae9a62a")},
        "capacity": {"pods": given.get("pods", "29")},
    }
    metadata = {"name": f"n{number}", "labels": labels}
    spec = {"unschedulable": given.get("cordoned", False)}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def imported(*nodes: dict[str, Any], resources: dict[str, Any] | None = None, **spec: Any) -> Imported:
    documents = list(yaml.safe_load_all(BASE))
    documents[0]["spec"] |= spec
    pod = documents[0]["spec"]["template"]["spec"]
    pod["containers"][0]["resources"] = resources or {}
    pod["containers"].append({"name": "logs", "image": "x", "resources": {"requests": {"cpu": 0.1, "memory": "64Mi"}}})
    pod["initContainers"] = [{"name": "migrate", "image": "x", "resources": {"requests": {"memory": "3Gi"}}}]
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all([*documents, *nodes]))], Asked(rps=9)).workloads
    return found


def ids(found: Imported) -> set[str]:
    return {warned.id for warned in found.draft.warnings}


def test_the_block_nodes() -> None:
    resources = {"requests": {"cpu": "500m"}, "limits": {"cpu": 2, "memory": "1Gi"}}
    found = imported(*map(node, range(5)), resources=resources)
    assert found.raw["nodes"] == {
        "instance_type": "m5.large",
        "count": 5,
        "zones": 3,
        "pod_cpu_m": 600,
        "pod_memory_mib": 3072,
        "max_pods": 29,
    }
    assert found.raw["kubernetes"] == {"version": "v1.29"}
    origin = found.draft.origins["nodes.instance_type"]
    assert (origin.grade, origin.place.object) == ("read", "node/n0")
    assert origin.place.field == f"metadata.labels['{TYPE}']"


def test_what_a_container_may_use_at_most_is_what_it_requests_if_that_is_all_it_says() -> None:
    found = imported(node(0), resources={"limits": {"cpu": "1", "memory": "4Gi"}}, replicas=1)
    assert found.draft.values["nodes.pod_cpu_m"] == 1100
    assert found.draft.values["nodes.pod_memory_mib"] == 4096 + 64


def pod_spec(**given: Any) -> PodSpec:
    return PodSpec.model_validate({"containers": [container("web", "500m")]} | given)


def container(name: str, cpu: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"cpu": cpu}}} | given


def test_what_a_pod_requests_as_a_whole_comes_first() -> None:
    whole = {"resources": {"requests": {"cpu": "2"}, "limits": {"memory": "9Gi"}}}
    assert (cpu_m(pod_spec(**whole)), memory_mib(pod_spec(**whole))) == (2000, 0)


def test_an_init_container_runs_beside_the_sidecars_before_it() -> None:
    sidecar, first = container("proxy", "200m", restartPolicy="Always"), container("migrate", "600m")
    assert cpu_m(pod_spec(initContainers=[first, sidecar])) == 700
    assert cpu_m(pod_spec(initContainers=[sidecar, first])) == 800


def test_nodes_that_take_no_pods_do_not_count() -> None:
    others = [
        node(1, ready="Unknown"),
        node(2, cordoned=True),
        node(3, labels={"eks.amazonaws.com/compute-type": "fargate"}),
    ]
    found = imported(node(0), *others, replicas=1)
    assert (found.draft.values["nodes.count"], found.draft.values["nodes.zones"]) == (1, 1)


def test_of_several_types_the_commonest_stands_for_all() -> None:
    found = imported(*map(node, range(3)), node(3, type="m5.xlarge", pods="58", version="v1.21.2"))
    assert found.draft.values["nodes.instance_type"] == "m5.large"
    assert found.draft.origins["nodes.instance_type"].grade == "guessed"
    assert "nodes.max_pods" not in found.draft.values
    assert found.draft.values["kubernetes.version"] == "v1.21"
    assert "mixed-instance-types" in ids(found)


def test_a_type_that_is_not_known_is_not_read() -> None:
    found = imported(node(0, type="z9.huge"))
    assert "nodes" not in found.raw
    assert "the instance type z9.huge is not known here" in {one.reason for one in found.draft.not_read}


def test_nodes_without_room_for_the_surge_are_warned_of() -> None:
    """An m5.large has memory for two pods of 3 GiB; six replicas surge by two."""
    for count, expected in ((4, False), (3, True)):
        found = imported(*map(node, range(count)), replicas=6)
        assert "nodes" in found.raw
        assert ("no-room-for-surge" in ids(found)) == expected


@pytest.mark.parametrize(
    "spec", [{"podReplacementPolicy": "TerminationComplete"}, {"replicas": 2, "resources": {"requests": {"cpu": 1}}}]
)
def test_nodes_of_which_there_is_no_scenario_are_left_out(spec: dict[str, Any]) -> None:
    found = imported(node(0), **spec)
    assert "nodes" not in found.raw
    assert "nodes-left-out" in ids(found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Decimal("0.5")),
        (2, 2),
        (0.25, Decimal("0.25")),
        ("1.5Gi", 1610612736),
        ("1e3", 1000),
        ("129M", 129_000_000),
        ("100n", Decimal("1E-7")),
        ("-1", None),
        ("1 Gi", None),
        ("", None),
        (True, None),
        (None, None),
    ],
)
def test_quantities(text: object, value: object) -> None:
    assert quantity(text) == value


def daemon_set(name: str, cpu: str = "25m", **given: Any) -> dict[str, Any]:
    env = [{"name": key, "value": value} for key, value in given.get("env", {}).items()]
    container = {"name": name, "image": "x", "env": env, "resources": {"requests": {"cpu": cpu}}}
    pod = {"containers": [container], "hostNetwork": name in ("aws-node", "kube-proxy")}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod | given.get("pod", {})}
    metadata = {"name": name, "namespace": "kube-system"}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


CNI = {"WARM_ENI_TARGET": "1", "WARM_PREFIX_TARGET": "1", "ENABLE_PREFIX_DELEGATION": "false", "ENABLE_IPv6": "false"}


def test_daemon_sets_take_pods_and_cpu_of_each_node_where_aws_node_is_among_them() -> None:
    """aws-node and kube-proxy are on every Amazon node; a DaemonSet for GPUs or for Windows is on none of these."""
    others = [
        daemon_set("kube-proxy", "100m"),
        daemon_set("ebs-csi-node", "30m"),
        daemon_set("gpus", pod={"nodeSelector": {"gpu": "true"}}),
    ]
    found = imported(node(0), node(1), daemon_set("aws-node", env=CNI), *others, replicas=1)
    assert (found.raw["nodes"]["daemonset_pods"], found.raw["nodes"]["daemonset_cpu_m"]) == (3, 155)
    origin = found.draft.origins["nodes.daemonset_pods"]
    assert (origin.grade, origin.place.object) == ("read", "daemonset/kube-system/aws-node")
    assert "aws-node, ebs-csi-node, kube-proxy" in origin.note

    without = imported(node(0), *others, replicas=1)
    assert "daemonset_pods" not in without.raw["nodes"]
    assert any("aws-node is not in the input" in one.reason for one in without.draft.not_read)


def test_the_variables_of_aws_node() -> None:
    env = CNI | {
        "WARM_IP_TARGET": "5",
        "MINIMUM_IP_TARGET": "12",
        "ENABLE_PREFIX_DELEGATION": "true",
        "MAX_ENI": "0",
        "WARM_ENI_TARGET": "one",
        "ENABLE_POD_ENI": "true",
    }
    found = imported(*map(node, range(3)), daemon_set("aws-node", env=env), replicas=1)
    # An m5.large has 3 interfaces with 10 addresses: a node in each zone holds 30 at most.
    assert found.raw["vpc_cni"] == {
        "warm_ip_target": 5,
        "minimum_ip_target": 12,
        "prefix_delegation": True,
        "warm_prefix_target": 1,
        "subnet_prefix_length": 21,
    }
    origin = found.draft.origins["vpc_cni.warm_ip_target"]
    assert (origin.place.field, origin.note) == ("spec.template.spec.containers[0].env[4]", "WARM_IP_TARGET")
    assert found.draft.origins["vpc_cni.subnet_prefix_length"].grade == "assumed"
    assert "subnets-assumed" in ids(found)
    reasons = {one.reason for one in found.draft.not_read}
    assert {"MAX_ENI is '0', which ipamd takes for unset", "WARM_ENI_TARGET is 'one', which ipamd takes for unset"} <= (
        reasons
    )
    assert any("branch interfaces" in reason for reason in reasons)


def test_the_assumed_subnets_hold_the_nodes_that_are_there() -> None:
    """80 c5.4xlarge in a zone with 8 interfaces of 30 addresses are 19,200: a /17 has 32,763, a /18 has 16,379."""
    large = [node(3 * number, type="c5.4xlarge", pods="234") for number in range(80)]
    found = imported(*large, daemon_set("aws-node", env=CNI))
    assert found.raw["vpc_cni"]["subnet_prefix_length"] == 17
    assert found.scenario.vpc_cni is not None


def test_a_cluster_with_ipv6_has_no_pool_of_addresses() -> None:
    found = imported(node(0), daemon_set("aws-node", env=CNI | {"ENABLE_IPv6": "true"}), replicas=1)
    assert "vpc_cni" not in found.raw
    assert any("IPv6" in one.reason for one in found.draft.not_read)


def test_only_nodes_with_the_target_node_labels_are_targets() -> None:
    documents = list(yaml.safe_load_all(BASE))
    documents[2]["metadata"]["annotations"] = {
        "kubernetes.io/ingress.class": "alb",
        "alb.ingress.kubernetes.io/target-node-labels": "role=edge, tier=a",
    }
    nodes = [node(0, labels={"role": "edge", "tier": "a"}), node(1, labels={"role": "edge"}), node(2)]
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all([*documents, *nodes]))], Asked(rps=9)).workloads
    assert found.draft.values["target_group.instances"] == 1
    assert "target-node-labels" in found.draft.origins["target_group.instances"].note
