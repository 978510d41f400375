"""A scenario written as manifests and read back is the same scenario."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from albsim_tests.manifests import manifests
from hypothesis import given
from hypothesis import strategies as st

from sim.manifests.importing import Asked, import_sources
from sim.manifests.patch import patch_of
from sim.manifests.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.manifests.importing import Imported

THROTTLES = ("Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=4:20", "WAFV2:.*=1:5,EC2:^Describe.*=2:8")
PODS = st.integers(0, 40) | st.integers(0, 100).map("{}%".format)


def some(required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


REPLICAS, READY = {"replicas": st.integers(1, 500)}, {"min_ready_s": st.integers(0, 60)}
ROLLED = (
    some(REPLICAS, READY | {"max_surge": PODS, "max_unavailable": PODS})
    | some(REPLICAS | {"strategy": st.just("Recreate")}, READY)
    | some({"replicas": st.integers(9, 500), "kind": st.just("StatefulSet")}, READY | {"partition": st.integers(0, 8)})
)


@st.composite
def scenarios(draw: Callable[..., Any]) -> dict[str, Any]:
    version = draw(st.sampled_from(["v1.1.4", "v1.1.9", "v2.4.7", "v2.9.1", "v2.13.4", "v3.2.0"]))
    listeners = draw(st.integers(1, 5))
    times = {"sync_period_s": st.integers(1, 10**5), "aws_max_retries": st.integers(1, 20)}
    throttle = {} if version.startswith("v1.") else {"aws_api_throttle": st.sampled_from(THROTTLES)}
    target_type = draw(st.sampled_from(["ip", "instance"]))
    health_check = {
        "interval_s": st.integers(5, 300),
        "timeout_s": st.integers(2, 120),
        "healthy_threshold": st.integers(2, 10),
        "unhealthy_threshold": st.integers(2, 10),
    }
    pod = some({}, {"pre_stop_sleep_s": st.integers(2, 600), "termination_grace_period_s": st.integers(0, 900)})
    gate = {"readiness_gate": True} if version != "v1.1.4" and draw(st.booleans()) else {}
    n_albs = draw(st.integers(1, 4))
    n_nodes = draw(st.integers(1, 9))
    slow_start = {"slow_start_s": st.integers(1, 900)} if target_type == "ip" else {}
    nodes = draw(some({}, {"nodes": worker_nodes(n_nodes)}))
    kubelets = {"kubernetes": {"version": draw(st.sampled_from(["v1.21", "v1.29", "v1.36"]))}} if nodes else {}
    return {
        "name": "web",
        "traffic": {"arrival_rate_rps": draw(st.integers(1, 10**4))},
        "deployment": draw(ROLLED),
        "pod": draw(pod) | gate,
        "controller": draw(some({}, {**times, **throttle, "max_concurrent_reconciles": st.integers(1, 20)}))
        | {"version": version, "listeners": listeners, "https_listeners": draw(st.integers(0, listeners))}
        | {"target_groups": draw(st.integers(1, 9))}
        | ({"ingresses": n_albs} if n_albs > 1 else {}),
        "target_group": draw(
            some(
                {"target_type": st.just(target_type)},
                {
                    "deregistration_delay_s": st.integers(0, 3600),
                    "idle_timeout_s": st.integers(1, 4000),
                    "routing": st.sampled_from(["round_robin", "random", "least_outstanding_requests"]),
                    "health_check": some({}, health_check).filter(bool),
                },
            )
            | some({"target_type": st.just(target_type)}, slow_start)
        )
        | ({"instances": n_nodes} if target_type == "instance" else {}),
        **nodes,
        **kubelets,
    }


def worker_nodes(count: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return nodes with room for every pod that is drawn."""
    limits = {"pod_cpu_m": st.integers(1, 90), "pod_memory_mib": st.integers(1, 300)}
    return some(
        {"instance_type": st.just("m5.24xlarge"), "count": st.just(count), "max_pods": st.integers(1000, 2000)},
        limits | {"zones": st.integers(1, min(count, 6))},
    )


def read_back(objects: list[dict[str, Any]], rps: float, *, as_json: bool = False) -> Imported:
    text = json.dumps({"kind": "List", "items": objects}) if as_json else yaml.safe_dump_all(objects)
    (found,) = import_sources([Source("x.yaml", text)], Asked(rps=rps)).workloads
    return found


@pytest.mark.slow
@given(raw=scenarios(), as_json=st.booleans())
def test_a_scenario_as_manifests_is_the_same_scenario(raw: dict[str, Any], *, as_json: bool) -> None:
    found = read_back(manifests(raw), raw["traffic"]["arrival_rate_rps"], as_json=as_json)
    wanted = {group: value for group, value in raw.items() if value}
    assert found.raw == wanted
    assert all(found.draft.origins[key].grade == "read" for key in found.draft.values)


@pytest.mark.slow
@given(raw=scenarios(), sleep_s=st.integers(1, 900), more_s=st.integers(2, 60), delay_s=st.integers(0, 3600))
def test_a_patched_manifest_has_the_settings(raw: dict[str, Any], sleep_s: int, more_s: int, delay_s: int) -> None:
    objects = manifests(raw)
    found = read_back(objects, 1)
    settings = {
        "pod.pre_stop_sleep_s": float(sleep_s),
        "pod.termination_grace_period_s": float(sleep_s + more_s),
        "target_group.deregistration_delay_s": float(delay_s),
    }
    patch = patch_of(found.draft, settings)
    merge(objects[0], yaml.safe_load(patch))
    command = next(line for line in patch.splitlines() if line.startswith("# and: kubectl annotate"))
    key, _, value = command.split()[-1].strip("'").partition("=")
    objects[2]["metadata"]["annotations"][key] = value
    assert read_back(objects, 1).scenario == found.scenario.with_overrides(settings)


def merge(into: dict[str, Any], patch: dict[str, Any]) -> None:
    """Do what the API server does with a strategic-merge patch: containers go by name, null takes a key away."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif key == "containers":
            for one in value:
                merge(next(container for container in into[key] if container["name"] == one["name"]), one)
        elif isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
