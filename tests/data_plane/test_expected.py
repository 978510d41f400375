"""The expected estimator against arithmetic by hand, quadrature, and itself."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, cases, meeting, run, specs, timeline
from hypothesis import given, settings
from scipy import integrate

from sim.data_plane.ends import ends_of
from sim.data_plane.expectable import require_expectable
from sim.data_plane.expected import expect_requests
from sim.data_plane.instances import Instances
from sim.data_plane.lines import lines_of
from sim.data_plane.outcomes import Outcome
from sim.scenario.problems import ScenarioError
from sim.verification.drawn_requests import drawn_timeline

if TYPE_CHECKING:
    from albsim_tests.data_plane import Case

    from sim.data_plane.expectation import Expectation
    from sim.data_plane.timeline import Timeline

EXPONENTIAL = {"dist": "exponential", "mean": 2}


def expect(scene: Timeline, **at: Any) -> Expectation:
    traffic, pod, target_group = specs(**at)
    if "after_teardown" in at:
        scene = meeting(scene, at["after_teardown"])
    return expect_requests(scene, traffic=traffic, pod=pod, target_group=target_group)


def counts(scene: Timeline, **at: Any) -> dict[str, float]:
    of = expect(scene, **at).counts
    return {outcome.name.lower(): float(of[outcome]) for outcome in Outcome if abs(of[outcome]) > 1e-9}


def one_of_five(**at: float) -> Timeline:
    """Return five targets, of which the first has times of its own."""
    return timeline(5, **{name: [time_s, *[NEVER] * 4] for name, time_s in at.items()})


def test_refused_is_share_times_lag() -> None:
    scene = one_of_five(listener_closed_s=10, cut_s=10, registered_until_s=20)
    assert counts(scene, service_time_s=0, sandbox_teardown_s=60) == pytest.approx({"ok": 3400, "connect_refused": 100})


def test_after_the_teardown_nobody_is_there() -> None:
    scene = one_of_five(listener_closed_s=10, cut_s=10, registered_until_s=20)
    by_outcome = counts(scene, service_time_s=0, sandbox_teardown_s=3, after_teardown="connect_timeout")
    assert by_outcome == pytest.approx({"ok": 900, "connect_refused": 30, "connect_timeout": 70})


def test_in_flight_at_a_cut_is_rate_times_mean_residual() -> None:
    scene = one_of_five(listener_closed_s=100, cut_s=100, registered_until_s=100)
    assert counts(scene, service_time_s=EXPONENTIAL)["closed_in_flight"] == pytest.approx(20)
    assert counts(scene, service_time_s=3)["closed_in_flight"] == pytest.approx(30)


def test_a_fraction_of_an_exponential_is_lost_at_sigkill() -> None:
    scene = timeline(
        5,
        drains=True,
        **{
            name: [at, *[NEVER] * 4]
            for name, at in (("listener_closed_s", 100), ("cut_s", 103), ("registered_until_s", 100))
        },
    )
    assert counts(scene, service_time_s=EXPONENTIAL)["closed_in_flight"] == pytest.approx(20 * math.exp(-3 / 2))


def test_requests_are_in_flight_at_the_start() -> None:
    """All is cut at t = 0: rate times E[min(S, idle timeout)], whatever the nodes."""
    scene = timeline(3, 2, listener_closed_s=0, cut_s=0, registered_until_s=0)
    law = {"dist": "exponential", "mean": 4}
    got = counts(scene, service_time_s=law, idle_timeout_s=6, sandbox_teardown_s=0)
    assert got == pytest.approx({"closed_in_flight": 50 * 4 * (1 - math.exp(-6 / 4))})


def test_idle_timeouts_are_the_tail_of_the_service_time() -> None:
    law = {"dist": "exponential", "mean": 3}
    got = counts(timeline(3, complete_s=30), service_time_s=law, idle_timeout_s=6)
    tail = math.exp(-2)
    assert got == pytest.approx({"idle_timeout": 50 * 36 * tail, "ok": 50 * (30 + 3 * (1 - tail) - 36 * tail)})


def test_long_requests_are_cut_when_the_deregistration_delay_has_elapsed() -> None:
    scene = timeline(5, complete_s=60, drain_deadline_s=[54, *[NEVER] * 4], registered_until_s=[50, *[NEVER] * 4])
    law = {"dist": "exponential", "mean": 3}
    elapsed = counts(scene, service_time_s=law)["deregistration_delay_elapsed"]
    assert elapsed == pytest.approx(30 * math.exp(-4 / 3), rel=1e-6)


def test_without_registered_targets_all_is_503() -> None:
    scene = timeline(2, complete_s=20, registered_until_s=[4, NEVER], registered_from_s=[EVER, 9])
    assert counts(scene, service_time_s=0) == pytest.approx({"ok": 750, "no_registered_targets": 250})


def draining() -> Timeline:
    """Return two targets, of which one drains from 5 on; the ALB's node hears at 30, SIGKILL comes at 20."""
    return timeline(
        2,
        drains=True,
        complete_s=6,
        listener_closed_s=[5, NEVER],
        cut_s=[20, NEVER],
        registered_until_s=[30, NEVER],
    )


def test_a_request_that_the_alb_gave_up_before_the_rollout_holds_its_pod_too() -> None:
    """Requests of 30 s, one in 20 s, and the ALB waits for 10 s.

    The pod still works x after its listener has closed with probability 1 - exp(-(30 - x) / 20).
    """
    scene = timeline(drains=True, listener_closed_s=2, cut_s=60, registered_until_s=2)
    at: dict[str, Any] = {"arrival_rate_rps": 0.05, "service_time_s": 30, "idle_timeout_s": 10}
    by_hand_s = 2 + 1 + 30 - 20 * (1 - math.exp(-30 / 20))
    assert expect(scene, sandbox_teardown_s=1, **at).window_until_s == pytest.approx(by_hand_s, rel=1e-4)
    assert counts(scene, sandbox_teardown_s=1, **at)["idle_timeout"] == pytest.approx(0.05 * (10 + 2))


def test_a_draining_process_ends_with_its_last_request() -> None:
    """25 a second of mean 2 s: by t after the closing all are done with probability exp(-50 exp(-t/2))."""
    got = counts(draining(), service_time_s=EXPONENTIAL, sandbox_teardown_s=1)
    mean_end_s, _ = integrate.quad(lambda t: -math.expm1(-50 * math.exp(-t / 2)), 0, 15, epsabs=1e-10)
    assert got["connect_refused"] == pytest.approx(25 * (1 + mean_end_s), rel=1e-4)
    assert got["connect_refused"] + got["host_unreachable"] == pytest.approx(25 * 25)


def test_the_window_may_end_with_the_last_request() -> None:
    scene = timeline(
        2, drains=True, listener_closed_s=[5, NEVER], cut_s=[90, NEVER], registered_until_s=[5, NEVER], complete_s=6.5
    )
    mean_s, _ = integrate.quad(lambda t: -math.expm1(-50 * math.exp(-(t - 6) / 2)), 6.5, 91, epsabs=1e-10, limit=200)
    assert expect(scene, service_time_s=EXPONENTIAL).window_until_s == pytest.approx(6.5 + mean_s, rel=1e-5)


def test_at_least_one_502_is_the_law_of_a_poisson_count() -> None:
    scene = one_of_five(listener_closed_s=10, cut_s=10, registered_until_s=10.07)
    assert expect(scene, service_time_s=0).any_502 == pytest.approx(1 - math.exp(-0.7))
    assert expect(timeline(1, complete_s=5)).any_502 == 0


@pytest.mark.slow
@settings(max_examples=100)
@given(case=cases())
def test_counts_are_not_negative_and_grow_with_the_rate(case: Case) -> None:
    scene, at = case
    at.pop("streams")
    once = expect(scene, **at)
    assert (once.counts > -1e-9).all()
    if not scene.drains:
        twice = expect(scene, **at | {"arrival_rate_rps": 2 * at["arrival_rate_rps"]})
        assert twice.counts == pytest.approx(2 * once.counts)
        assert twice.window_until_s == once.window_until_s


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("target_group.routing", "least_outstanding_requests"),
        ("pod.concurrency", 3),
    ],
)
def test_what_has_no_form_is_refused_by_name(make_scenario: Any, key: str, value: object) -> None:
    scenario = make_scenario()
    require_expectable(scenario)
    with pytest.raises(ScenarioError, match=rf"{key}: .*has no expectation"):
        require_expectable(scenario.with_overrides({key: value}))


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        ({}, ""),
        ({"pod.keep_alive_timeout_s": 75}, ""),
        ({"pod.keep_alive_timeout_s": 5}, "pod.keep_alive_timeout_s of at least 61"),
        (
            {"pod.on_sigterm": "drain", "pod.idle_connections_at_sigterm": "serve"},
            "idle_connections_at_sigterm 'close'",
        ),
        ({"target_group.target_type": "instance"}, "target_group.target_type 'ip'"),
        ({"disruption": "node_lost"}, "no target_group.connection_reuse"),
    ],
)
def test_pools_have_a_form_where_they_change_nothing(make_scenario: Any, changes: dict[str, object], instead) -> None:
    scenario = make_scenario().with_overrides({"target_group.connection_reuse": True, **changes})
    if not instead:
        require_expectable(scenario)
    else:
        words = rf"target_group\.connection_reuse: .*has no expectation.*'expected' too with .*{instead}"
        with pytest.raises(ScenarioError, match=words):
            require_expectable(scenario)


@pytest.mark.parametrize("seed", range(12))
def test_pools_that_close_with_the_listener_change_no_outcome(seed: int) -> None:
    """Request by request, with and without a pool, over random rollouts without a lost node."""
    drawn = drawn_timeline(np.random.default_rng(seed))
    never = np.full(drawn.vanishes_s.size, NEVER)
    hangs = np.isinf(drawn.vanishes_s) & np.isfinite(drawn.answers_until_s)
    scene = replace(
        drawn,
        vanishes_s=never,
        answers_until_s=np.where(hangs, drawn.answers_until_s, NEVER),
        cut_s=np.where(np.isinf(drawn.cut_s), drawn.listener_closed_s, drawn.cut_s),
    )
    at: dict[str, Any] = {"service_time_s": EXPONENTIAL, "arrival_rate_rps": 20.0, "idle_timeout_s": 10}
    alone, pooled = (run(scene, connection_reuse=reuse, **at) for reuse in (False, True))
    assert pooled.counts.tolist() == alone.counts.tolist()
    assert pooled.outcome.tolist() == alone.outcome.tolist()


def test_no_pods_at_all_give_503_only() -> None:
    assert counts(timeline(1, complete_s=4, registered_until_s=EVER, registered_from_s=NEVER)) == pytest.approx(
        {"no_registered_targets": 200}
    )


def test_a_large_timeline_is_added_up_without_loss() -> None:
    """The outcomes of 400 targets add up to rate times window."""
    rng = np.random.default_rng(3)
    dies_s = np.append(np.sort(rng.uniform(10, 90, 200)), np.full(200, NEVER))
    born_s = np.append(np.full(200, EVER), np.sort(rng.uniform(0, 60, 200)))
    left_s = dies_s + rng.uniform(-5, 30, (2, 400))
    scene = timeline(
        400,
        2,
        complete_s=80,
        listener_closed_s=dies_s,
        cut_s=dies_s,
        registered_from_s=born_s,
        registered_until_s=left_s,
    )
    got = expect(scene, arrival_rate_rps=1000.0, service_time_s=EXPONENTIAL)
    window_s = max(np.max(left_s[np.isfinite(left_s)]), np.max(dies_s[:200]) + 1)
    assert got.window_until_s == pytest.approx(window_s)
    assert got.counts.sum() == pytest.approx(1000 * (window_s + 2), rel=1e-12)


def test_a_worker_node_that_left_is_sent_nothing_and_the_other_everything() -> None:
    never_s = np.full((1, 2), NEVER)
    instances = Instances(sent_until_s=np.array([[5.0, NEVER]]), cut_s=never_s, gone_s=never_s[0])
    scene = replace(timeline(1, nodes=2), instances=instances)
    traffic, pod, target_group = specs(target_type="instance", instances=2)

    lines = lines_of(scene, ends_of(scene, traffic, pod, target_group), 100.0, [])

    rps = {node: sum(line.rps_at(np.array([4.9, 5.1])) for line in lines if line.node == node) for node in (0, 1)}
    assert rps[0].tolist() == [50, 0]
    assert rps[1].tolist() == [50, 100]
