"""What only manifests tell: each warning where it belongs, with the line, and not where it does not."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from albsim_tests.manifests import ANNOTATION, BASE

from sim.manifests.importing import Asked, Import, import_sources
from sim.manifests.patch import patch_of
from sim.manifests.sources import Source
from sim.scenario.problems import ScenarioError

POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"
ALB = "metadata.annotations.alb=ingress=kubernetes=io/"
HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 9},
}
PDB = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}},
}
LABEL = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
RUNNING = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web"}]},
}


def changed(changes: dict[str, Any], *more: dict[str, Any]) -> Import:
    """Import the base with other values: the number of a document, its path; `=` stands for a dot in a key."""
    documents = list(yaml.safe_load_all(BASE))
    for path, value in changes.items():
        number, *steps = path.split(".")
        at: Any = documents[int(number)]
        *above, last = [step.replace("=", ".") for step in steps]
        for step in above:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if value is None:
            del at[last]
        else:
            at[last] = value
    return import_sources([Source("x.yaml", yaml.safe_dump_all([*documents, *more]))], Asked(rps=10))


def ids(found: Import) -> set[str]:
    return {warned.id for one in found.workloads for warned in one.draft.warnings} | {one.id for one in found.warnings}


def test_a_careful_manifest_is_warned_of_its_guess_alone() -> None:
    assert ids(changed({})) == {"on-sigterm-guessed"}


@pytest.mark.parametrize(
    ("changes", "more", "expected"),
    [
        ({f"0.{POD}.terminationGracePeriodSeconds": 20}, (), "grace-below-pre-stop"),
        ({f"0.{CONTAINER}.lifecycle": None}, (), "no-pre-stop"),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"sleep": {"seconds": 0}}}, (), "no-pre-stop"),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"exec": {"command": ["date"]}}}, (), "no-pre-stop"),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"exec": {"command": ["sleep 9"]}}}, (), "pre-stop-fails"),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"tcpSocket": {"port": 1}}}, (), "pre-stop-fails"),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"exec": {"command": ["/wait"]}}}, (), "pre-stop-unknown"),
        (
            {f"0.{CONTAINER}.lifecycle.preStop": {"exec": {"command": ["sh", "-c", "nginx -s quit; sleep 9"]}}},
            (),
            "pre-stop-closes-listener-first",
        ),
        ({f"0.{CONTAINER}.lifecycle.preStop": {"exec": {"command": ["sh", "-c", "sleep 9 &"]}}}, (), "pre-stop-remark"),
        ({f"0.{CONTAINER}.readinessProbe": None}, (), "no-readiness-probe"),
        ({f"0.{CONTAINER}.image": "example.com/web:1"}, (), "on-sigterm-unknown"),
        ({"0.spec.replicas": 1}, (), "one-replica"),
        ({"0.spec.paused": True}, (), "paused"),
        ({"0.spec.strategy": {"type": "Recreate"}}, (), "recreate"),
        ({}, (HPA,), "replicas-from-hpa"),
        ({}, (PDB,), "pdb-blocks-drain"),
        ({f"2.{ALB}target-type": None}, (), "target-type-instance"),
        ({f"2.{ALB}target-type": "instance"}, (), "external-traffic-policy"),
        ({f"2.{ALB}target-type": "instance", "1.spec.type": "ClusterIP"}, (), "instance-needs-node-port"),
        ({f"2.{ALB}target-group-attributes": "deregistration_delay=9,x"}, (), "bad-attributes"),
        ({f"2.{ALB}target-group-attributes": "deregistration_delay.timeout_seconds=9"}, (), "delay-below-pre-stop"),
        ({f"2.{ALB}listen-ports": "443"}, (), "bad-listen-ports"),
        ({f"2.{ALB}listen-ports": '[{"http": 80}]'}, (), "bad-listen-ports"),
        ({f"2.{ALB}listen-ports": '[{"HTTPS": 70000}]'}, (), "bad-listen-ports"),
        ({f"2.{ALB}healthcheck-interval-seconds": 9}, (), "unquoted-annotation"),
        ({f"2.{ALB}group=name": "g"}, (), "group-may-be-incomplete"),
        ({"3.metadata.name": "other"}, (), "readiness-gate-unknown"),
        (
            {f"0.{POD}.readinessGates": [{"conditionType": "target-health.alb.ingress.k8s.aws/web_web_80"}]},
            (),
            "legacy-readiness-gate",
        ),
        ({"3.metadata.labels": LABEL}, (RUNNING,), "pod-without-gate"),
        (
            {
                "3.metadata.labels": LABEL,
                f"4.{POD}.containers.0.args": ["--enable-pod-readiness-gate-inject=false"],
            },
            (),
            "gate-without-effect",
        ),
        ({"3.metadata.labels": {"istio-injection": "enabled"}}, (), "injected-proxy"),
        ({"0.spec.template.metadata.annotations": {"linkerd.io/inject": "enabled"}}, (), "injected-proxy"),
        ({"4.metadata.name": "x", "4.kind": "Nothing"}, (), "controller-assumed"),
        ({}, (HPA, HPA), "given-twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_warning(changes: dict[str, Any], more: tuple[dict[str, Any], ...], expected: str) -> None:
    assert expected in ids(changed(changes, *more))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"0.spec.replicas": 0}, "at least one replica"),
        ({"0.spec.replicas": "3"}, r"x.yaml:\d+: deployment/default/web spec.replicas: expected integer \(got '3'\)"),
        ({f"0.{POD}.containers": []}, "containers"),
        ({f"0.{POD}.terminationGracePeriodSeconds": -1}, "pod.termination_grace_period_s"),
        ({"1.spec.selector": {"app": "wbe"}}, "selects app=wbe, and no pod of the input has these labels"),
        ({"1.metadata.name": "wbe"}, "the Service 'web' of ingress/default/web is not in the input"),
        ({"1.spec.ports": [{"port": 81}]}, "has no port '80'"),
        ({"2.metadata.annotations": {"kubernetes.io/ingress.class": "nginx"}}, "is of class nginx"),
        ({f"4.{POD}.containers.0.args": ["--watch-namespace=shop"]}, "another namespace than the controller watches"),
    ],
)
def test_what_makes_no_scenario(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        changed(changes)


def test_the_namespace_s_label_is_a_gate() -> None:
    (one,) = changed({"3.metadata.labels": LABEL}).workloads
    assert one.scenario.pod.readiness_gate
    (one,) = changed({"3.metadata.labels": LABEL, f"2.{ALB}target-type": "instance"}).workloads
    assert not one.scenario.pod.readiness_gate


@pytest.mark.parametrize(
    ("changes", "id_", "field"),
    [
        ({f"2.{ALB}target-type": "instance"}, "external-traffic-policy", "spec.externalTrafficPolicy"),
        (
            {f"0.{CONTAINER}.command": ["gunicorn"], f"0.{POD}.terminationGracePeriodSeconds": 40},
            "server-timeout-over-grace",
            f"{POD}.terminationGracePeriodSeconds",
        ),
        (
            {f"2.{ALB}target-group-attributes": "deregistration_delay.timeout_seconds=9"},
            "delay-below-pre-stop",
            f"metadata.annotations['{ANNOTATION}/target-group-attributes']",
        ),
    ],
)
def test_advice_names_line_and_field(changes: dict[str, Any], id_: str, field: str) -> None:
    (warned,) = (one for one in changed(changes).workloads[0].draft.warnings if one.id == id_)
    assert warned.place
    assert (warned.place.field, warned.place.line > 1) == (field, True)


def test_a_delay_of_instances_has_no_effect_and_so_is_not_too_short() -> None:
    attributes = {f"2.{ALB}target-group-attributes": "deregistration_delay.timeout_seconds=9"}
    assert "delay-below-pre-stop" not in ids(changed(attributes | {f"2.{ALB}target-type": "instance"}))


SCALES_DOWN = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "selectPolicy": "Min"}
PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("rollout", {}),
        ("node_drain", {"node_drain": {"max_unavailable": 1}}),
        ("node_termination", {"node_termination": {"max_unavailable": 1}}),
        (
            "scale_in",
            {
                "scale_in": {
                    "to_replicas": 2,
                    "policies": [{"type": "Pods", "value": 1, "period_s": 60}],
                    "select_policy": "Min",
                }
            },
        ),
        ("liveness_failure", {"liveness_failure": {"period_s": 5}}),
    ],
)
@pytest.mark.parametrize("is_for", [False, True])
def test_other_disruptions_are_written_where_they_are_asked_for(
    asked: str,
    expected: dict[str, Any],
    is_for: bool,  # noqa: FBT001
) -> None:
    documents = list(yaml.safe_load_all(BASE))
    documents[0]["metadata"]["uid"] = "live"
    documents[0]["spec"]["template"]["spec"]["containers"][0]["livenessProbe"] = PROBE
    scaler = HPA | {"spec": HPA["spec"] | {"behavior": {"scaleDown": SCALES_DOWN}}}  # type: ignore[operator]
    budget = PDB | {"spec": PDB["spec"] | {"maxUnavailable": 1}}  # type: ignore[operator]
    source = Source("x.yaml", yaml.safe_dump_all([*documents, scaler, budget]))
    how = {"disruptions": frozenset({asked})} if is_for else {"changes": {"disruption": asked}}
    (found,) = import_sources([source], Asked(rps=10, **how)).workloads  # type: ignore[arg-type]
    kinds = ("node_drain", "node_termination", "scale_in", "liveness_failure")
    assert {key: value for key, value in found.raw.items() if key in kinds} == expected


def test_a_scaled_object_says_how_its_autoscaler_scales_down() -> None:
    documents = list(yaml.safe_load_all(BASE))
    documents[0]["metadata"]["uid"] = "live"
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": SCALES_DOWN}}}
    spec = {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 3, "advanced": behavior}
    scaled = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "web"}, "spec": spec}
    source = Source("x.yaml", yaml.safe_dump_all([*documents, scaled]))
    (found,) = import_sources([source], Asked(rps=10, changes={"disruption": "scale_in"})).workloads
    assert found.raw["scale_in"] == {
        "to_replicas": 3,
        "policies": [{"type": "Pods", "value": 1, "period_s": 60}],
        "select_policy": "Min",
    }
    place = found.draft.origins["scale_in.policies"].place
    assert place.field == "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies"


UP = [{"type": "Percent", "value": 50, "periodSeconds": 30}, {"type": "Pods", "value": 2, "periodSeconds": 15}]


@pytest.mark.parametrize(("select", "n_policies"), [("Max", 2), (None, 2), ("Min", 1), ("Min", 2), ("Disabled", 0)])
def test_an_autoscaler_says_how_it_comes_back_up(select: str | None, n_policies: int) -> None:
    up = {"policies": UP[:n_policies]} | ({"selectPolicy": select} if select else {})
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}, "scaleUp": up}
    scaler = HPA | {"spec": HPA["spec"] | {"behavior": behavior}}  # type: ignore[operator]
    source = Source("x.yaml", yaml.safe_dump_all([*yaml.safe_load_all(BASE), scaler]))
    (found,) = import_sources([source], Asked(rps=10, changes={"disruption": "scale_in"})).workloads
    scale_in = found.raw["scale_in"]
    assert scale_in["stabilization_window_s"] == 60  # type: ignore[index]
    is_simulated = (select, n_policies) not in {("Min", 2), ("Disabled", 0)}
    wanted = [{"type": "Percent", "value": 50, "period_s": 30}, {"type": "Pods", "value": 2, "period_s": 15}]
    assert scale_in.get("up_policies") == (wanted[:n_policies] if is_simulated else None)  # type: ignore[attr-defined]
    left = [one for one in found.draft.not_read if one.place.field == "spec.behavior.scaleUp.selectPolicy"]
    assert bool(left) == (not is_simulated)


def test_a_sleep_of_nothing_is_stated_and_so_written() -> None:
    (found,) = changed({f"0.{CONTAINER}.lifecycle.preStop": {"sleep": {"seconds": 0}}}).workloads
    assert found.raw["pod"]["pre_stop_sleep_s"] == 0  # type: ignore[index]


def test_the_gateway_api_is_named_where_it_is_all_there_is() -> None:
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}}
    with pytest.raises(ScenarioError, match="the Gateway API is not simulated"):
        changed({"2.kind": "Nothing"}, route)


def described(**attributes: str) -> dict[str, Any]:
    return {"Attributes": [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]}


def test_what_aws_tells_is_not_asked_for_and_its_defaults_leave_out_nothing() -> None:
    group = {"TargetGroupArn": "arn:aws:…", "TargetType": "ip", "HealthCheckIntervalSeconds": 10}
    quiet = described(slow_start__duration_seconds="0", stickiness__enabled="false", stickiness__type="lb_cookie")
    found = changed({"2.kind": "Nothing"}, BINDING, {"TargetGroups": [group]}, quiet)
    assert found.workloads[0].scenario.target_group.health_check
    assert found.workloads[0].scenario.target_group.health_check.interval_s == 10
    assert not ids(found) & {"target-group-made-elsewhere", "aws-differs"}
    assert not found.workloads[0].draft.not_read
    (sticky,) = changed({}, described(stickiness__enabled="true")).workloads
    assert [one.reason for one in sticky.draft.not_read] == ["stickiness.enabled is not modelled"]


def test_what_aws_has_of_a_slow_start_is_what_runs() -> None:
    annotated = {f"2.{ALB}target-group-attributes": "slow_start.duration_seconds=45"}
    (one,) = changed(annotated).workloads
    assert one.raw["target_group"]["slow_start_s"] == 45  # type: ignore[index]
    (one,) = changed(annotated, described(slow_start__duration_seconds="0")).workloads
    assert one.scenario.target_group.slow_start_s == 0
    assert "aws-differs" in {warned.id for warned in one.draft.warnings}
    nodes = changed(annotated | {f"2.{ALB}target-type": "instance"}, described(slow_start__duration_seconds="60"))
    (item,) = nodes.workloads[0].draft.not_read
    assert item.reason.startswith("slow_start.duration_seconds is not modelled where worker nodes are the targets")


@pytest.mark.parametrize(
    ("settings", "grace_s"),
    [
        ({"pod.pre_stop_sleep_s": 47, "pod.termination_grace_period_s": 50}, 47 + 25),
        ({"pod.pre_stop_sleep_s": 47}, 47 + 25),
        ({"pod.pre_stop_sleep_s": 47, "pod.termination_grace_period_s": 90}, 90),
        ({"pod.pre_stop_sleep_s": 12}, None),
    ],
)
def test_a_patch_leaves_the_server_the_time_of_its_own_shutdown(
    settings: dict[str, float], grace_s: int | None
) -> None:
    gunicorn = {f"0.{CONTAINER}.command": ["gunicorn", "--graceful-timeout", "25", "web:app"]}
    (one,) = changed(gunicorn | {f"0.{POD}.terminationGracePeriodSeconds": 40}).workloads
    patch = patch_of(one.draft, settings)
    spec = yaml.safe_load(patch)["spec"]["template"]["spec"]
    assert spec.get("terminationGracePeriodSeconds") == grace_s
    assert ("leaves the server the 25 s" in patch) == (grace_s == 47 + 25)


def test_no_gate_is_put_in_where_the_controller_is_told_so() -> None:
    args = ["--enable-pod-readiness-gate-inject=false"]
    (found,) = changed({"3.metadata.labels": LABEL, f"4.{POD}.containers.0.args": args}).workloads
    assert not found.scenario.pod.readiness_gate
    assert "readiness-gate-unknown" not in ids(changed({"3.kind": "Nothing", f"4.{POD}.containers.0.args": args}))


BINDING = {
    "apiVersion": "elbv2.k8s.aws/v1beta1",
    "kind": "TargetGroupBinding",
    "metadata": {"name": "k8s-web"},
    "spec": {"serviceRef": {"name": "web", "port": 80}, "targetGroupARN": "arn:aws:…", "targetType": "ip"},
}


@pytest.mark.parametrize(
    ("label", "expected", "health_check"),
    [
        (None, "target-group-made-elsewhere", {"interval_s": 30, "healthy_threshold": 5}),
        ("ingress.k8s.aws/stack", "ingress-not-given", None),
        ("gateway.k8s.aws.alb/stack-name", "gateway-not-simulated", {"healthy_threshold": 3, "unhealthy_threshold": 3}),
    ],
)
def test_a_binding_s_label_says_who_made_it(label: str | None, expected: str, health_check: dict[str, int]) -> None:
    binding = BINDING | {"metadata": {"name": "k8s-web", "labels": {label: "x"} if label else {}}}
    found = changed({"2.kind": "Nothing"}, binding)
    assert found.workloads[0].raw["target_group"].get("health_check") == health_check  # type: ignore[attr-defined]
    assert expected in ids(found)


@pytest.mark.parametrize(
    "more", [{"metadata": {"labels": {"service.k8s.aws/stack-name": "web"}}}, {"spec": {"targetGroupProtocol": "TLS"}}]
)
def test_a_binding_of_a_network_load_balancer_is_refused(more: dict[str, Any]) -> None:
    binding = BINDING | {key: BINDING[key] | value for key, value in more.items()}  # type: ignore[operator]
    with pytest.raises(ScenarioError, match="Network Load Balancer"):
        changed({"2.kind": "Nothing"}, binding)


@pytest.mark.parametrize(
    ("selector", "version", "is_ours"),
    [
        ({}, "v1", True),
        ({}, "v1beta1", False),
        (None, "v1", False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}, "v1", True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, "v1", False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["a"]}]}, "v1", True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "v1", True),
        (
            {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
            "v1",
            False,
        ),
    ],
)
def test_a_budget_is_for_the_pods_that_it_selects(selector: dict[str, Any] | None, version: str, is_ours: bool) -> None:  # noqa: FBT001
    budget = PDB | {"apiVersion": f"policy/{version}", "spec": {"maxUnavailable": 0, "selector": selector}}
    assert ("pdb-blocks-drain" in ids(changed({}, budget))) == is_ours


def test_what_a_class_sets_is_said_to_be_from_there() -> None:
    params = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "IngressClassParams",
        "metadata": {"name": "alb"},
        "spec": {
            "certificateArn": ["arn:aws:acm:…"],
            "loadBalancerAttributes": [
                {"key": "x", "value": "y"},
                {"key": "idle_timeout.timeout_seconds", "value": "9"},
            ],
        },
    }
    reference = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "alb"}
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "alb"},
        "spec": {"controller": "ingress.k8s.aws/alb", "parameters": reference},
    }
    changes = {"2.spec.ingressClassName": "alb", "2.metadata.annotations.kubernetes=io/ingress=class": None}
    (found,) = changed(changes, params, ingress_class).workloads
    origins = found.draft.origins
    assert found.raw["controller"]["https_listeners"] == 1  # type: ignore[index]
    assert origins["controller.https_listeners"].place.field == "spec.certificateArn"
    assert origins["target_group.idle_timeout_s"].place.field == "spec.loadBalancerAttributes[1].value"
    assert found.raw["target_group"]["idle_timeout_s"] == 9  # type: ignore[index]


def test_an_autoscaler_s_minimum_stands_for_a_file_and_its_present_number_for_a_cluster() -> None:
    (one,) = changed({}, HPA).workloads
    assert one.scenario.deployment.replicas == 2
    (one,) = changed({"0.metadata.uid": "0"}, HPA).workloads
    assert one.scenario.deployment.replicas == 4


def test_only_one_wrong_workload_of_many_is_left_out() -> None:
    other = yaml.safe_load(BASE.split("---", maxsplit=1)[0])
    other["metadata"]["name"], other["spec"]["replicas"] = "web-2", 0
    found = changed({}, other)
    assert [one.ref for one in found.workloads] == ["deployment/default/web"]
    assert "not-imported" in ids(found)


@pytest.mark.parametrize(
    ("port", "attributes", "said"),
    [
        (81, {}, "taken is web:80 of ingress/default/web, and the others are alike"),
        (80, {}, ""),
        (81, {"healthcheck-interval-seconds": "7"}, "web:81 of ingress/default/x has target_group.health_check"),
    ],
)
def test_the_target_groups_of_one_workload_are_compared(port: int, attributes: dict[str, str], said: str) -> None:
    backend = {"service": {"name": "web", "port": {"number": port}}}
    annotations = {f"alb.ingress.kubernetes.io/{key}": value for key, value in attributes.items()}
    annotations |= {"kubernetes.io/ingress.class": "alb", "alb.ingress.kubernetes.io/target-type": "ip"}
    other = {"kind": "Ingress", "apiVersion": "networking.k8s.io/v1", "spec": {"defaultBackend": backend}}
    ports = [{"port": 80}, {"port": 81, "targetPort": 80}]
    more = [other | {"metadata": {"name": "x", "annotations": annotations}}] if said else []
    (one,) = changed({"1.spec.ports": ports}, *more).workloads
    texts = [warned.text for warned in one.draft.warnings if warned.id == "several-target-groups"]
    assert said in texts[0] if said else not texts


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (
            "target-group-attributes",
            "deregistration_delay.timeout_seconds=abc",
            "'abc' is no whole number; the default, 300, stands in for target_group.deregistration_delay_s",
        ),
        ("healthcheck-interval-seconds", "1m", "'1m' is no whole number; the default, 15, stands in for target_group."),
        ("target-group-attributes", "stickiness.enabled=true", "stickiness.enabled is not modelled"),
        (
            "target-group-attributes",
            "slow_start.duration_seconds=30,load_balancing.algorithm.type=least_outstanding_requests",
            "AWS refuses slow_start.duration_seconds with any algorithm but round_robin; the default, 0, stands in",
        ),
    ],
)
def test_what_is_not_read_says_what_stands_in(annotation: str, value: str, said: str) -> None:
    (one,) = changed({f"2.{ALB}{annotation}": value}).workloads
    assert any(item.reason.startswith(said) for item in one.draft.not_read)


def test_a_daemon_set_has_a_pod_on_each_node() -> None:
    changes = {"0.kind": "DaemonSet", "0.spec.replicas": None, f"0.{POD}.nodeSelector": {"pool": "edge"}}
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{number}", "labels": {"pool": pool}}}
        for number, pool in enumerate(("edge", "edge", "batch", "edge"))
    ]
    found = changed(changes, *nodes)
    deployment = found.workloads[0].scenario.deployment
    assert (deployment.replicas, deployment.surge, deployment.unavailable) == (3, 0, 1)
    assert found.workloads[0].draft.origins["deployment.replicas"].grade == "guessed"
    assert deployment.kind == "DaemonSet"
    with pytest.raises(ScenarioError, match="a DaemonSet, one on each Node"):
        changed(changes)
    for strategy, surge, unavailable in (({"maxSurge": 1, "maxUnavailable": 0}, 1, 0), ({"maxUnavailable": 2}, 0, 2)):
        rolling = {"0.spec.updateStrategy": {"rollingUpdate": strategy}}
        deployment = changed(changes | rolling, *nodes).workloads[0].scenario.deployment
        assert (deployment.surge, deployment.unavailable) == (surge, unavailable)
