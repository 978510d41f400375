from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from albsim_tests.reports import BY_HAND, DEREGISTER, by_hand, scenario

from sim.control_plane.trace import EndpointRemoved, PodDeleted, PodReady, Sigterm, TargetHealthy, TargetUnhealthy
from sim.control_plane.trace.calls import Reconciled
from sim.data_plane.outcomes import Outcome
from sim.diagnosis.findings import findings
from sim.experiment.figures_of_healthy_targets import LEAST_HEALTHY_TARGETS, NO_HEALTHY_TARGET_S
from sim.experiment.replication import simulate
from sim.report.answer import answer
from sim.report.disruption import name_of
from sim.report.story import story
from sim.report.story_controller import MOST_RECONCILES
from sim.report.story_json import story_json
from sim.report.wording import WIDTH
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario.specs import Scenario

GOLDEN = Path("tests/golden")


def _words(text: str) -> str:
    return " ".join(text.split())


def test_story_by_hand_is_the_golden_one() -> None:
    """Each number in it follows from the records of `BY_HAND`; read it against them when it changes."""
    assert story(findings(by_hand())) + "\n" == (GOLDEN / "story-by-hand.txt").read_text()


def test_story_of_fixed_lag_is_the_golden_one() -> None:
    result = simulate(load_scenario("scenarios/fixed-lag.yaml"))
    assert story(findings(result)) + "\n" == (GOLDEN / "story-fixed-lag.txt").read_text()


@pytest.mark.parametrize(
    ("controller", "told"),
    [
        ({"version": "v2.7.0"}, "none of them was to come or go"),
        (
            {"version": "fixed_lag", "deregistration_lag_s": 10, "registration_lag_s": 0},
            "one that is to leave is deregistered a given lag later",
        ),
    ],
)
def test_story_without_reconciles_speaks_of_worker_nodes(
    controller: dict[str, object], told: str, make_scenario: Callable[..., Scenario]
) -> None:
    result = simulate(make_scenario(controller=controller, target_group__target_type="instance"))
    assert f"No reconciles: the targets are worker nodes, and {told}." in _words(story(findings(result)))


def test_answer_names_the_stall_and_the_health_check() -> None:
    assert answer(findings(by_hand())) == (
        "preStop 10 s. Pod 2 refused connections 10.0 s after its deletion, and its target left the last ALB node 26.0 "
        "s after it: 16.0 s exposed. 2 consecutive throttled attempts of waf-regional:GetWebACLForResource held the "
        "deregistration up for 1.8 s. Health checks took the target out of rotation before the deregistration did. "
        "4 of 100 requests ended in a 502: connect_refused 2, host_unreachable 2. "
        "1 ended in a 504: idle_timeout 1."
    )


def test_answer_names_fail_open() -> None:
    records = [r for r in BY_HAND if not (isinstance(r, TargetHealthy) and r.node == 1)]
    told = answer(findings(by_hand([*records, TargetHealthy(35, 3, 1)])))
    assert "21.0 s exposed" in told
    assert "Health checks failed, but fail-open kept the target in rotation for 5.0 s." in told


def test_answer_names_the_largest_part_where_nothing_was_throttled() -> None:
    kept = [r for r in BY_HAND if not hasattr(r, "cluster") and getattr(r, "pod", 0) != 2]
    told = answer(findings(by_hand(kept)))
    assert "Pod 0 refused connections 10.0 s after its deletion, and its target left the last ALB node 15.0 s" in told
    assert "8.0 s of the lag went to the deregistration on its way to the ALB nodes." in told


def test_answer_when_the_sleep_was_long_enough() -> None:
    """Only pod 1 is deleted: it left after 9.5 s, and refuses after 10 s."""
    kept = [r for r in BY_HAND if getattr(r, "pod", 1) in (1, 3)]
    told = answer(findings(by_hand(kept, failed=[])))
    assert told == (
        "preStop 10 s. Every target had left the last ALB node before its pod refused connections: the slowest took "
        "9.5 s, the narrowest had 0.5 s to spare. None of 100 requests ended in a 502."
    )


def test_answer_when_requests_were_cut_though_nobody_was_exposed() -> None:
    kept = [r for r in BY_HAND if getattr(r, "pod", 1) in (1, 3)]
    told = answer(findings(by_hand(kept, failed=[(11.0, 0, 1, Outcome.CLOSED_IN_FLIGHT)])))
    assert told.endswith("1 of 100 requests ended in a 502: closed_in_flight 1.")


def test_which_path_was_first_is_told_for_each_node() -> None:
    """Pod 0's checks have failed at 11 s at node 0, before 12 s, and at 17 s at node 1, after 15 s, which decides."""
    mixed = [*BY_HAND, TargetUnhealthy(11, 0, 0), TargetUnhealthy(17, 0, 1)]
    told = _words(story(findings(by_hand(mixed))))
    assert (
        "For 1 of 3 targets the health checks were first at the last node, in the median 10.0 s before the "
        "deregistration got there; for 2 the deregistration was" in told
    )
    assert "By node they were first for 2 at node 0 and 1 at node 1." in told
    assert re.search(r"7\.0 15\.0 15\.0 5\.0 checks, API", told)


def test_fail_open_keeps_targets_whose_checks_were_first() -> None:
    """Pod 3 is never healthy: nobody is once pod 2's checks have failed, at 30 s, and it stays until 40 s."""
    records = [r for r in BY_HAND if not isinstance(r, TargetHealthy)]
    replication = by_hand(records)
    told = _words(story(findings(replication)))
    assert "Fail-open kept 1 of these in rotation until their deregistration." in told
    assert "For 16.0 s an ALB node had no healthy target." in told


def test_nobody_was_told_to_end() -> None:
    kept = [r for r in BY_HAND if getattr(r, "pod", 3) == 3]
    told = story(findings(by_hand(kept, failed=[])))
    assert "No pod in rotation was told to end. None of 100 requests ended in a 502." in told
    assert "None was told to end." in told


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        ({"pre_stop_sleep_s": 0}, "No preStop sleep."),
        ({"pre_stop_sleep_s": 12.5}, "preStop 12.5 s."),
        ({"pre_stop_sleep_s": 30}, "preStop 30 s, of which the grace period allows 30 s."),
        ({"pre_stop_sleep_s": 45}, "preStop 45 s, of which the grace period allows 30 s."),
    ],
)
def test_answer_names_the_sleep_as_it_is(pod: dict[str, float], said: str) -> None:
    assert answer(findings(replace(by_hand(), scenario=scenario(**pod)))).startswith(said)


def test_a_failed_reconcile_is_told() -> None:
    records = [replace(r, error=DEREGISTER) if isinstance(r, Reconciled) and r.reconcile == 7 else r for r in BY_HAND]
    assert "failed: gave up on DeregisterTargets (elasticloadbalancing)" in _words(story(findings(by_hand(records))))
    assert "2 reconciles, 1 failed" in story(findings(by_hand(records)))


def test_waves_are_told_apart() -> None:
    """Pods 0, 1 and 2 are deleted at 0, 2 and 4 s; with pod 2's moved to 9.5 s, more than 5 s after pod 1's."""
    assert "Old pods deleted: 3 from 0.0 to 4.0 s." in story(findings(by_hand()))
    moved = [replace(r, time_s=9.5) if isinstance(r, PodDeleted) and r.pod == 2 else r for r in BY_HAND]
    assert "Old pods deleted: 2 from 0.0 to 2.0 s, 1 at 9.5 s." in story(findings(by_hand(moved)))


def test_of_many_waves_the_first_and_the_last_are_told() -> None:
    moved = [r for r in BY_HAND if not isinstance(r, PodReady)]
    told = story(findings(by_hand([*moved, *(PodReady(10.0 * wave, 3) for wave in range(20))])))
    assert "1 at 0.0 s, 1 at 10.0 s, 1 at 20.0 s, 1 at 30.0 s, 15 in 15 more waves, 1 at 190.0 s." in _words(told)


@pytest.mark.slow
def test_stories_of_all_scenarios_fit_and_are_whole(replications) -> None:
    for result in replications:
        told = story(findings(result))
        assert max(map(len, told.splitlines())) <= WIDTH
        disrupted = name_of(result.scenario).upper()
        assert re.findall(r"^[A-Z][A-Z/ -]+$", told, re.MULTILINE) in (
            ["ANSWER", disrupted, "CONTROLLER", title, "REQUESTS"] for title in ("PODS", "WORST PODS", "FAILED PODS")
        )
        assert not re.search(r"\b(nan|inf)\b", told)
        n_502 = result.requests.n_status(502)
        assert f"{n_502:,} of {result.requests.n_requests:,} requests" in _words(told) or n_502 == 0


def test_where_the_screen_breaks_lines_each_row_is_a_sentence() -> None:
    table, flowing = story(findings(by_hand())), story(findings(by_hand()), flows=True)
    rows = re.search(r"exposed out by requests\n((?: +\d.*\n)+)", table)
    assert rows is not None
    for row in rows[1].splitlines():
        pod, deleted, sigterm, refusing, deregistered, left, lag, exposed, *by, failed = row.split()
        assert (
            f"- pod {pod}: deleted {deleted}, SIGTERM {sigterm}, refusing {refusing}, deregistered {deregistered}, "
            f"left ALB {left}, lag {lag}, exposed {exposed}, first out by {' '.join(by)}, failed requests {failed}"
        ) in flowing.splitlines()
    assert " ".join(table.split("REQUESTS")[1].split()) == " ".join(flowing.split("REQUESTS")[1].split())


def test_of_many_reconciles_the_weightiest_are_listed() -> None:
    result = simulate(load_scenario("scenarios/gree-200-pods.yaml"), replication=3)
    found = findings(result)
    rows = re.findall(r"^ +(\d+)  .* (?:ok|failed|unfinished)", story(findings(result)), re.MULTILINE)
    assert len(rows) == MOST_RECONCILES < len(found.reconciles)
    assert rows == sorted(rows, key=int)
    most = max(found.reconciles, key=lambda log: sum(stall.throttled_s for stall in log.stalls))
    assert str(most.number) in rows
    assert f"… and {len(found.reconciles) - MOST_RECONCILES} more." in story(findings(result))


def test_json_has_the_same_figures() -> None:
    told = json.loads(story_json(findings(by_hand())))
    assert told["answer"] == answer(findings(by_hand()))
    assert told["outcomes"]["host_unreachable"] == 2
    assert [pod["pod"] for pod in told["pods"]] == [2, 0, 1]
    assert told["pods"][0]["left_by"] == told["pods"][0]["first_out_by"] == "health check"
    assert told["pods"][0]["nodes"] == [
        {"unhealthy_s": 24, "drained_s": 40, "first_out_by": "health check"},
        {"unhealthy_s": 30, "drained_s": 40, "first_out_by": "health check"},
    ]
    assert told["pods"][1]["nodes"][1] == {"unhealthy_s": None, "drained_s": 15, "first_out_by": "deregistration"}
    assert told["first_out"] == {
        "health check": 1,
        "deregistration": 2,
        "health check by node": [1, 1],
        "kept by fail-open": 0,
    }
    assert (told["no_healthy_target_s"], told["least_healthy_targets"]) == (0, 1)
    assert told["pods"][1]["lag_parts"]["throttled_s"] == 4.5
    assert sum(told["pods"][1]["lag_parts"].values()) == told["pods"][1]["deregistration_lag_s"] == 15
    assert [log["deregistered"] for log in told["reconciles"]] == [[0], [1, 2]]
    assert [log["ended_s"] for log in told["reconciles"]] == [8, None]


def test_json_has_null_for_what_never_happened() -> None:
    records = [r for r in BY_HAND if not (isinstance(r, Sigterm) and r.pod == 0)]
    pods = {pod["pod"]: pod for pod in json.loads(story_json(findings(by_hand(records))))["pods"]}
    assert pods[0]["sigterm_s"] is None


def test_endpoint_never_seen_gone_is_no_crash() -> None:
    kept = [r for r in BY_HAND if not isinstance(r, EndpointRemoved) and not hasattr(r, "cluster")]
    assert "given lag" in story(findings(by_hand(kept)))


def test_answer_tells_of_the_time_without_a_target(make_scenario) -> None:
    """All four old targets are gone 10 s after 5.1 s; the first new one is registered, without a check, at 65 s."""
    result = simulate(
        make_scenario(
            deployment__max_surge="100%",
            deployment__max_unavailable=0,
            endpoints__propagation_s=0,
            pod__startup_s=5,
            pod__pre_stop_sleep_s=20,
            controller__version="fixed_lag",
            controller__deregistration_lag_s=10,
            controller__registration_lag_s=60,
            target_group__propagation_s=0,
            target_group__health_check=None,
        )
    )
    n_503 = result.requests.n_status(503)
    assert abs(n_503 - 49.9 * 100) < 4 * (49.9 * 100) ** 0.5
    assert result.figures()[NO_HEALTHY_TARGET_S] == pytest.approx(65 - 15.1)
    assert result.figures()[LEAST_HEALTHY_TARGETS] == 0
    told = answer(findings(result))
    assert told.endswith(f"{n_503:,} ended in a 503: for 49.9 s an ALB node had no healthy target.")


def test_a_restart_is_told_with_what_it_cut_off(make_scenario) -> None:
    restarting = make_scenario(
        controller__restart_at_s=0.75,
        controller__restart_takes_s=20,
        aws_api__latency_s=0.1,
        endpoints__propagation_s=0.5,
    )
    told = _words(story(findings(simulate(restarting.with_overrides({"deployment.max_surge": 0})))))
    assert "process ended at 0.8 s; its successor began at 20.8 s, with everything still to reconcile" in told
    assert told.count("cut off by the restart") == 1
