"""A Rollout with an ALB's weights, or blue/green. Oracle: argo-rollouts' docs/features/specification.md."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from albsim_tests.manifests import ANNOTATION, BASE

from sim.manifests.importing import Asked, Imported, import_sources
from sim.manifests.sources import Source
from sim.scenario.problems import ScenarioError

ALB = {"alb": {"ingress": "web", "servicePort": 80}}


def imported(
    steps: list[Any], *, routing: dict[str, Any] | None = None, target_type: str = "ip", **canary: Any
) -> Imported:
    documents = list(yaml.safe_load_all(BASE))
    documents[0] |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    documents[0]["spec"]["strategy"] = {"canary": {"trafficRouting": routing or ALB, "steps": steps} | canary}
    documents[2]["metadata"]["annotations"][f"{ANNOTATION}/target-type"] = target_type
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all(documents))], Asked(rps=9)).workloads
    return found


def ids(found: Imported) -> set[str]:
    return {warned.id for warned in found.draft.warnings}


def test_weights_stay_as_long_as_the_pauses_after_them_add_up_to() -> None:
    steps = [
        {"pause": {"duration": 7}},
        {"setWeight": 10},
        {"pause": {"duration": "1m30s"}},
        {"analysis": {"templates": []}},
        {"pause": {"duration": "10"}},
        {"setWeight": 60},
        {"pause": {}},
    ]
    found = imported(steps, scaleDownDelaySeconds=45, pingPong={"pingService": "a", "pongService": "b"})
    assert found.raw["disruption"] == "canary"
    assert found.raw["canary"] == {
        "steps": [{"weight": 10, "pause_s": 100}, {"weight": 60, "pause_s": 300}],
        "ping_pong": True,
        "scale_down_delay_s": 45,
    }
    (warned,) = (one for one in found.draft.warnings if one.id == "pause-without-end")
    assert warned.place
    assert warned.place.field == "spec.strategy.canary.steps[6]"
    origin = found.draft.origins["canary.steps"]
    assert (origin.grade, "until somebody promotes weight 60: 300 s" in origin.note) == ("assumed", True)
    assert {"analysis is not simulated", "a pause before the first weight changes nothing"} <= {
        one.reason for one in found.draft.not_read
    }
    assert found.draft.origins["canary.steps"].place.field == "spec.strategy.canary.steps"


def test_old_pods_may_go_with_each_weight() -> None:
    found = imported([{"setWeight": 10}], dynamicStableScale=True)
    assert found.raw["canary"] == {"steps": [{"weight": 10}], "dynamic_stable_scale": True}
    with pytest.raises(ScenarioError, match="Argo refuses it"):
        imported([{"setWeight": 10}], dynamicStableScale=True, scaleDownDelaySeconds=30)


GROUPS = {"canaryService": "web-canary", "stableService": "web-stable"}
TURNS = {"pingPong": {"pingService": "web-canary", "pongService": "web-stable"}}


@pytest.mark.parametrize("services", [GROUPS, TURNS])
@pytest.mark.parametrize("ingresses", [{"ingress": "web"}, {"ingresses": ["web"]}])
@pytest.mark.parametrize("args", [[], ["--loglevel=info", "--aws-verify-target-group"], ["--alb-verify-weight=false"]])
def test_in_a_repository_the_rollout_tells_what_argo_will_write(
    services: dict[str, Any], ingresses: dict[str, Any], args: list[str]
) -> None:
    rollout, service, ingress, *others = yaml.safe_load_all(BASE)
    routing = {"alb": ingresses | {"servicePort": 80, "rootService": "web-root"}}
    rollout |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    rollout["spec"]["strategy"] = {"canary": services | {"trafficRouting": routing}}
    several = [service | {"metadata": {"name": f"web-{name}"}} for name in ("root", "canary", "stable")]
    ingress["spec"] = {"defaultBackend": {"service": {"name": "web-root", "port": {"name": "use-annotation"}}}}
    argo = deepcopy(others[-1])
    argo["metadata"]["name"] = "argo"
    argo["spec"]["template"]["spec"]["containers"][0] |= {
        "image": "quay.io/argoproj/argo-rollouts:v1.8.3",
        "args": args,
    }
    text = yaml.safe_dump_all([rollout, *several, ingress, *others, argo])
    (found,) = import_sources([Source("x.yaml", text)], Asked(rps=9)).workloads
    assert (found.raw["disruption"], found.raw["controller"]["target_groups"]) == ("canary", 2)
    assert found.raw["canary"].get("verifies", False) == (len(args) == 2)
    assert "several-target-groups" not in ids(found)


@pytest.mark.parametrize(
    ("given", "why"),
    [({"routing": {"istio": {}}}, "istio routes it"), ({"target_type": "instance"}, "targets of type instance")],
)
def test_what_has_no_weights_of_an_alb_is_taken_as_a_rolling_update(given: dict[str, Any], why: str) -> None:
    found = imported([{"setWeight": 10}], **given)
    assert "disruption" not in found.raw
    (warned,) = (one for one in found.draft.warnings if one.id == "canary-traffic-routing")
    assert why in warned.text


def test_an_impossible_weight_is_refused_with_its_line() -> None:
    with pytest.raises(ScenarioError) as refused:
        imported([{"setWeight": 200}])
    assert refused.value.problems[0].file == "x.yaml"
    assert refused.value.problems[0].line
    assert "200" in str(refused.value)


def test_a_blue_green_rollout_is_a_switch_of_the_selector() -> None:
    documents = list(yaml.safe_load_all(BASE))
    documents[0] |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    documents[0]["spec"]["strategy"] = {"blueGreen": {"activeService": "web", "scaleDownDelaySeconds": 90}}
    (found,) = import_sources([Source("x.yaml", yaml.safe_dump_all(documents))], Asked(rps=9)).workloads
    assert (found.raw["disruption"], found.raw["blue_green"]) == ("blue_green", {"scale_down_delay_s": 90})
    assert found.draft.origins["blue_green.scale_down_delay_s"].place.field == (
        "spec.strategy.blueGreen.scaleDownDelaySeconds"
    )
