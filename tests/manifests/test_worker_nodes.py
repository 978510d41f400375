"""What the Nodes of a cluster say: how many, of which type, in which zones, and with which kubelet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, Imported, import_sources
from sim.manifests.quantities import quantity
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
