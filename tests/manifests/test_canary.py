"""A Rollout with an ALB's weights, or blue/green. Oracle: argo-rollouts' docs/features/specification.md."""

from __future__ import annotations

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
        "steps": [{"weight": 10, "pause_s": 100.0}, {"weight": 60}],
        "ping_pong": True,
        "scale_down_delay_s": 45,
    }
    assert found.scenario.canary.steps[1].pause_s == 0
    assert "pause-without-end" in ids(found)
    assert {"analysis is not simulated", "a pause before the first weight changes nothing"} <= {
        one.reason for one in found.draft.not_read
    }
    assert found.draft.origins["canary.steps"].place.field == "spec.strategy.canary.steps"


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
