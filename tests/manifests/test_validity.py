"""The manifests of the tests are Kubernetes' own: each object against the schema of its kind.

`pip install -c requirements.lock kubernetes-validate` brings the schemas: 17,000 files, too many for every test run.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from albsim_tests.manifests import BASE, manifests

if TYPE_CHECKING:
    from collections.abc import Iterator

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the extra `schemas` is not installed")

VERSION = "1.36"
EXAMPLES = Path(__file__).parent / "examples"
NO_MANIFESTS = {"hooks.yaml", "broken-indentation.yaml"}
FILES = [path for path in EXAMPLES.iterdir() if path.suffix in {".yaml", ".json"} and ".expected." not in path.name]
OF_OTHERS = ("argoproj.io/", "eks.amazonaws.com/", "elbv2.k8s.aws/", "external-secrets.io/", "keda.sh/")
GONE = {"apps/v1beta2", "autoscaling/v2beta1", "extensions/v1beta1", "networking.k8s.io/v1beta1", "policy/v1beta1"}
"""API groups that Kubernetes served before the versions of which there are schemas."""
WRONG_ON_PURPOSE = {("spring-boot-sleeps-then-kills.yaml", "Service"): "10 is not of type 'string'"}


@pytest.fixture(autouse=True)
def _read_each_schema_once(monkeypatch: pytest.MonkeyPatch) -> None:
    utils = kubernetes_validate.utils
    monkeypatch.setattr(utils, "schema_contents", SCHEMAS)


SCHEMAS = lru_cache(None)(kubernetes_validate.utils.schema_contents)


def objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        for item in document.get("items") or ():
            yield from objects(item)
    elif isinstance(document, dict) and "kind" in document:
        yield document


def said_of(one: dict[str, Any]) -> str:
    """Return what is wrong with an object; nothing if it is valid, or of a kind that is not Kubernetes'."""
    try:
        kubernetes_validate.validate(one, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        assert one["apiVersion"] in GONE or one["apiVersion"].startswith(OF_OTHERS), one["apiVersion"]
    except kubernetes_validate.ValidationError as error:
        return str(error.message)
    return ""


@pytest.mark.parametrize("path", [path for path in FILES if path.name not in NO_MANIFESTS], ids=lambda path: path.name)
def test_the_objects_of_an_example(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text().replace("\t", " ")):
        for one in objects(document):
            said = said_of(one)
            intended = WRONG_ON_PURPOSE.get((path.name, one["kind"]), "")
            assert said.startswith(intended) if intended else not said, one["metadata"]["name"]


def test_the_objects_that_the_tests_change() -> None:
    assert [said_of(one) for one in yaml.safe_load_all(BASE)] == [""] * 5


@pytest.mark.parametrize(
    ("version", "rolled"),
    [
        ("v1.1.9", {"max_surge": "10%", "max_unavailable": 0, "min_ready_s": 5}),
        ("v3.2.0", {"strategy": "Recreate"}),
        ("v3.2.0", {"kind": "StatefulSet", "partition": 1}),
    ],
)
def test_the_objects_of_the_round_trip(version: str, rolled: dict[str, Any]) -> None:
    raw = {
        "deployment": {"replicas": 3, **rolled},
        "pod": {"pre_stop_sleep_s": 4, "termination_grace_period_s": 60, "readiness_gate": True},
        "controller": {"version": version, "listeners": 2, "https_listeners": 1, "target_groups": 2, "ingresses": 2},
        "target_group": {"target_type": "ip", "deregistration_delay_s": 30, "health_check": {"interval_s": 9}},
        "kubernetes": {"version": "v1.29"},
        "nodes": {"instance_type": "m5.large", "count": 2, "zones": 2, "max_pods": 29, "pod_cpu_m": 3},
    }
    found = {one["kind"]: said_of(one) for one in manifests(raw)}
    assert found == dict.fromkeys(found, "")
