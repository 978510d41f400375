"""What `albsim check` says of a switch to another cluster."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario.advice import advise
from sim.scenario.specs import Scenario

PODS, ALB, NEW, PINNED = (
    f"cluster_switch.{key}"
    for key in ("old_pods_removed_at_s", "old_alb_deleted_at_s", "new_pods_created_at_s", "pinned_fraction")
)


def advice(**switch: Any) -> dict[str, str]:
    scenario = Scenario.model_validate(
        {
            "name": "switch",
            "traffic": {"arrival_rate_rps": 100},
            "deployment": {"replicas": 2},
            "disruption": "cluster_switch",
            "cluster_switch": switch,
        }
    )
    return {one.key: one.message for one in advise(scenario) if one.key.startswith("cluster_switch.")}


def test_a_long_wait_is_wise() -> None:
    assert advice() == {}


@pytest.mark.parametrize(
    ("switch", "key", "words"),
    [
        ({"old_pods_removed_at_s": 30}, PODS, "caches that do as they should still hold the old address (53 %"),
        ({"old_pods_removed_at_s": 100, "record_change_s": 60}, PODS, "120 s"),
        ({"old_pods_removed_at_s": 300}, PODS, "3.8 % of new connections, up to 3.75 requests a second"),
        ({"pinned_fraction": 0.002}, PINNED, "0.2 % of clients never look the name up again: 0.2 requests a second"),
        ({"old_alb_deleted_at_s": 1500}, ALB, "300 s before its pods"),
        ({"new_pods_created_at_s": 0}, NEW, "of the pods created at 0 s the slowest is a healthy target at"),
        ({"kept_alive_fraction": 0.1}, ALB, "from 1800 to 3600 s the old ALB has no targets and keeps its connections"),
    ],
)
def test_what_is_unwise_has_its_reason(switch: dict[str, Any], key: str, words: str) -> None:
    assert words in advice(**switch)[key]
