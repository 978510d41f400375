"""The controller's own settings, from each of the forms in which they come."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from albsim_tests.manifests import BASE

from sim.manifests.importing import Asked, import_sources
from sim.manifests.sources import Source


def read(container: dict[str, Any], labels: dict[str, str] | None = None) -> dict[str, Any]:
    *documents, controller = yaml.safe_load_all(BASE)
    controller["metadata"]["labels"] = labels or {}
    controller["spec"]["template"]["spec"]["containers"] = [{"name": "c", **container}]
    text = yaml.safe_dump_all([*documents, controller])
    (one,) = import_sources([Source("x.yaml", text)], Asked(rps=10)).workloads
    return dict(one.raw["controller"])  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/amazon/aws-alb-ingress-controller:v1.1.4", "v1.1.4"),
        ("docker.io/amazon/aws-alb-ingress-controller:v1.0.1", "v1.1.0"),
        ("602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-load-balancer-controller:v2.4.4", "v2.4.4"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.8.1-linux_amd64", "v2.8.1"),
        ("mirror.example.com:5000/lbc/aws-load-balancer-controller:2.11.0", "v2.11.0"),
        ("aws-load-balancer-controller:v2.0.0-rc3", "v2.0.0"),
        ("aws-load-balancer-controller:v9.1.0", "v3.5.0"),
        ("aws-load-balancer-controller:v2.13.4@sha256:00", "v2.13.4"),
    ],
)
def test_versions_from_the_image(image: str, version: str) -> None:
    assert read({"image": image})["version"] == version


@pytest.mark.parametrize(
    ("labels", "version"),
    [
        ({"app.kubernetes.io/version": "v2.6.2"}, "v2.6.2"),
        ({"helm.sh/chart": "aws-load-balancer-controller-1.7.2"}, "v2.7.2"),
        ({"helm.sh/chart": "aws-load-balancer-controller-1.4.4"}, "v2.4.3"),
        ({"helm.sh/chart": "aws-load-balancer-controller-3.2.1"}, "v3.2.1"),
    ],
)
def test_versions_from_labels(labels: dict[str, str], version: str) -> None:
    assert read({"image": "aws-load-balancer-controller@sha256:00"}, labels)["version"] == version


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--aws-max-retries=3"], {"aws_max_retries": 3}),
        (["--aws-max-retries", "3", "--aws-max-retries=4"], {"aws_max_retries": 4}),
        (["--aws-max-retries=many"], {}),
        (["--sync-period=1h30m"], {"sync_period_s": 5400}),
        (["--sync-period=10h0m0s"], {"sync_period_s": 36000}),
        (["--sync-period=soon"], {}),
        (["--targetgroupbinding-max-exponential-backoff-delay=10s"], {"max_backoff_s": 10}),
        (["--targetgroupbinding-max-concurrent-reconciles=7"], {"max_concurrent_reconciles": 7}),
        (["--ingress-max-concurrent-reconciles=7"], {}),
        (["--aws-api-throttle=WAFV2:.*=1:5"], {"aws_api_throttle": "WAFV2:.*=1:5"}),
        (["--aws-api-throttle=what"], {}),
    ],
)
def test_flags(args: list[str], expected: dict[str, Any]) -> None:
    found = read({"image": "aws-load-balancer-controller:v2.13.4", "args": args})
    rest = {"version", "listeners", "https_listeners", "target_groups"}
    assert {key: value for key, value in found.items() if key not in rest} == expected


def test_values_of_the_chart_give_what_its_template_gives_to_the_controller() -> None:
    values = {
        "clusterName": "x",
        "image": {"tag": "v2.7.2"},
        "awsMaxRetries": 0,
        "awsApiThrottle": ["WAFV2:.*=1:5", "EC2:.*=2:8"],
    }
    text = yaml.safe_dump_all([values, *list(yaml.safe_load_all(BASE))[:-1]])
    (one,) = import_sources([Source("x.yaml", text)], Asked(rps=10)).workloads
    assert one.scenario.controller.version == "v2.7.2"
    assert one.scenario.controller.aws_max_retries == 10
    assert one.scenario.controller.aws_api_throttle == "WAFV2:.*=1:5,EC2:.*=2:8"
