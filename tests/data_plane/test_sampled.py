"""The sampled estimator against closed forms, arithmetic by hand and itself.

Bounds: a count is Poisson or narrower (its variance at most its mean), and a sum of independent counts too. Each bound
is 4 standard deviations of such a sum, at a fixed seed. So a true model fails once in 16,000 choices of the seed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import EVER, NEVER, cases, run, timeline
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.data_plane import ends, idle_connections, sampled, sending
from sim.data_plane.outcomes import Outcome
from sim.scenario.distributions import Exponential
from sim.scenario.problems import ScenarioError
from sim.streams import Stream, Streams

if TYPE_CHECKING:
    from albsim_tests.data_plane import Case

    from sim.data_plane.old_side import OldSide
    from sim.data_plane.timeline import Timeline, Times


TIMES = [
    "listener_closed_s",
    "cut_s",
    "answers_until_s",
    "vanishes_s",
    "drain_deadline_s",
    "registered_from_s",
    "registered_until_s",
    "healthy_from_s",
    "healthy_until_s",
]


def totals(scene: Timeline, replications: int, **at: Any) -> Times:
    """Add up the counts of outcomes over replications."""
    counts = np.zeros(len(Outcome))
    for replication in range(replications):
        counts += run(scene, replication=replication, **at).counts
    return counts


def check_poisson(count: float, mean: float) -> None:
    assert abs(count - mean) < 4 * math.sqrt(mean)


@pytest.mark.parametrize("routing", ["round_robin", "random"])
def test_refused_is_share_times_lag(routing: str) -> None:
    """One of 5 targets refuses from 10 s to 20 s of 50 requests a second: 100."""
    scene = timeline(
        5, listener_closed_s=[10, *[NEVER] * 4], cut_s=[10, *[NEVER] * 4], registered_until_s=[20, *[NEVER] * 4]
    )
    refused = totals(scene, 50, routing=routing, service_time_s=0, sandbox_teardown_s=60)
    check_poisson(refused[Outcome.CONNECT_REFUSED], 50 * 100)
    assert refused.sum() == refused[Outcome.CONNECT_REFUSED] + refused[Outcome.OK]


def fixed_lag() -> Timeline:
    """Return the fixed-lag scenario.

    4 old pods, replaced one after the other, 15 s each; each leaves the ALB 10 s later.
    """
    deleted_s = np.array([15.0, 30, 45, 60])
    dies_s = np.append(deleted_s, [NEVER] * 4)
    return timeline(
        8,
        complete_s=60,
        listener_closed_s=dies_s,
        cut_s=dies_s,
        drain_deadline_s=dies_s + 310,
        registered_from_s=[*[EVER] * 4, *deleted_s],
        registered_until_s=dies_s + 10,
    )


def test_fixed_lag_by_hand() -> None:
    """10 s at a fifth of 50 requests a second, 4 times: 400; cut at SIGTERM: a quarter of 50 times 0.05 s, 4 times.

    (At SIGTERM the new target has only just joined: requests in flight are those of 4 targets.)
    """
    counts = totals(fixed_lag(), 200, seed=3, service_time_s=0.05, sandbox_teardown_s=60)
    check_poisson(counts[Outcome.CONNECT_REFUSED], 200 * 400)
    check_poisson(counts[Outcome.CLOSED_IN_FLIGHT], 200 * 4 * 50 / 4 * 0.05)
    check_poisson(counts.sum(), 200 * 50 * (60 + 60))


def test_in_flight_at_a_cut_is_rate_times_mean() -> None:
    """M/G/infinity: 10 requests a second of mean 2 s each are 20 in flight."""
    scene = timeline(
        5, listener_closed_s=[30, *[NEVER] * 4], cut_s=[30, *[NEVER] * 4], registered_until_s=[30, *[NEVER] * 4]
    )
    law = {"dist": "exponential", "mean": 2}
    counts = totals(scene, 60, routing="random", service_time_s=law)
    check_poisson(counts[Outcome.CLOSED_IN_FLIGHT], 60 * 20)


@pytest.mark.parametrize("routing", ["round_robin", "random"])
@pytest.mark.parametrize("arrivals", ["poisson", "even"])
def test_requests_are_in_flight_at_the_start(routing: str, arrivals: str) -> None:
    """All is cut at t = 0: rate times the mean time until an answer, which is E[min(S, idle timeout)]."""
    scene = timeline(3, 2, listener_closed_s=0, cut_s=0, registered_until_s=0)
    law = {"dist": "exponential", "mean": 4}
    at = {"routing": routing, "arrivals": arrivals, "service_time_s": law, "idle_timeout_s": 6, "sandbox_teardown_s": 0}
    counts = totals(scene, 50, **at)
    assert counts.sum() == counts[Outcome.CLOSED_IN_FLIGHT]
    check_poisson(counts.sum(), 50 * 50 * 4 * (1 - math.exp(-6 / 4)))


def test_a_fraction_of_an_exponential_is_lost_at_sigkill() -> None:
    """Closed at 20 and killed at 23: of 10 a second times 2 s in flight, exp(-3/2) still run."""
    scene = timeline(
        5,
        drains=True,
        listener_closed_s=[20, *[NEVER] * 4],
        cut_s=[23, *[NEVER] * 4],
        registered_until_s=[20, *[NEVER] * 4],
    )
    law = {"dist": "exponential", "mean": 2}
    counts = totals(scene, 100, routing="random", service_time_s=law)
    check_poisson(counts[Outcome.CLOSED_IN_FLIGHT], 100 * 20 * math.exp(-3 / 2))


def test_idle_timeouts_are_the_tail_of_the_service_time() -> None:
    """In [0, 30) a share exp(-6/3) of requests; and those in flight at t = 0 that will have one: rate * 6 * exp(-2)."""
    law = {"dist": "exponential", "mean": 3}
    counts = totals(timeline(3, complete_s=30), 20, service_time_s=law, idle_timeout_s=6)
    check_poisson(counts[Outcome.IDLE_TIMEOUT], 20 * 50 * (30 + 6) * math.exp(-2))
    check_poisson(counts.sum(), 20 * 50 * (30 + 3 * (1 - math.exp(-2))))


def test_long_requests_are_cut_when_the_deregistration_delay_has_elapsed() -> None:
    """10 a second until deregistration at 50; delay 4: in flight at 54 are 10 * 3 * exp(-4/3)."""
    scene = timeline(5, complete_s=60, drain_deadline_s=[54, *[NEVER] * 4], registered_until_s=[50, *[NEVER] * 4])
    law = {"dist": "exponential", "mean": 3}
    counts = totals(scene, 60, routing="random", service_time_s=law)
    check_poisson(counts[Outcome.DEREGISTRATION_DELAY_ELAPSED], 60 * 10 * 3 * math.exp(-4 / 3))


def test_without_registered_targets_all_is_503() -> None:
    scene = timeline(2, complete_s=20, registered_until_s=[4, NEVER], registered_from_s=[EVER, 9])
    requests = run(scene, arrivals="even", service_time_s=0, arrival_rate_rps=10.0)
    assert requests.counts[Outcome.NO_REGISTERED_TARGETS] == requests.n_status(503) == 50
    assert requests.n_requests == 200
    assert set(requests.target.tolist()) == {-1}


def test_a_group_of_initial_targets_only_is_routed_to() -> None:
    """Fail-open: until the first check passes, the registered target gets the requests all the same."""
    scene = timeline(1, complete_s=20, healthy_from_s=15)
    assert run(scene, service_time_s=0).n_status(200) == run(scene, service_time_s=0).n_requests


def test_a_group_of_initial_and_draining_targets_is_routed_to_the_initial_ones() -> None:
    """From 4 s on the old target drains, until 15 s no check of the new one has passed. (All fail: so all are told.)"""
    scene = timeline(
        2, complete_s=20, registered_from_s=[EVER, 2], registered_until_s=[4, NEVER], healthy_from_s=[EVER, 15]
    )
    requests = run(scene, service_time_s=5, idle_timeout_s=1)
    assert requests.counts[Outcome.IDLE_TIMEOUT] == requests.n_requests
    assert (requests.target == (requests.arrival_s >= 4)).all()


def test_refusing_turns_into_unreachable_when_the_sandbox_is_gone() -> None:
    scene = timeline(2, listener_closed_s=[5, NEVER], cut_s=[5, NEVER], registered_until_s=[20, NEVER])
    at: dict[str, Any] = {"arrivals": "even", "arrival_rate_rps": 10.0, "service_time_s": 0, "sandbox_teardown_s": 8}
    requests = run(scene, **at)
    gone = requests.outcome == Outcome.HOST_UNREACHABLE
    assert (gone == (requests.arrival_s >= 13)).all()
    assert requests.counts[Outcome.CONNECT_REFUSED] == pytest.approx(8 * 10 / 2, abs=1)
    assert requests.counts[Outcome.HOST_UNREACHABLE] == pytest.approx(7 * 10 / 2, abs=1)
    assert (requests.answered_s - requests.arrival_s)[gone] == pytest.approx(3.1)
    silent = run(scene, after_teardown="connect_timeout", **at)
    assert silent.n_status(504) == requests.counts[Outcome.HOST_UNREACHABLE]


def test_a_draining_process_ends_with_its_last_request() -> None:
    """Requests of 3 s: the last one accepted before 5 is done before 8, its network goes 1 s later, not at SIGKILL."""
    scene = timeline(2, drains=True, listener_closed_s=[5, NEVER], cut_s=[30, NEVER], registered_until_s=[20, NEVER])
    requests = run(scene, arrival_rate_rps=100.0, service_time_s=3, sandbox_teardown_s=1)
    gone = requests.outcome == Outcome.HOST_UNREACHABLE
    assert requests.arrival_s[~gone].min() == pytest.approx(5, abs=0.2)
    assert requests.arrival_s[gone].min() == pytest.approx(9, abs=0.2)
    assert requests.arrival_s[~gone].max() < requests.arrival_s[gone].min()
    assert requests.counts[Outcome.CLOSED_IN_FLIGHT] == 0
    assert requests.window_until_s == 20


@pytest.mark.parametrize("at", [{}, {"routing": "least_outstanding_requests"}, {"concurrency": 100}])
def test_a_request_that_the_alb_gave_up_before_the_rollout_holds_its_pod_too(at: dict[str, Any]) -> None:
    """One request each 40 s, of 30 s, and the ALB waits for 10 s: an age of 0 to 28 s when the listener closes at 2 s.

    The last of them came `age` before, so that the pod ends 30 - age after, and its address goes 1 s later.
    """
    scene = timeline(drains=True, listener_closed_s=2, cut_s=60, registered_until_s=2)
    held = dict(arrival_rate_rps=1 / 40, arrivals="even", service_time_s=30, idle_timeout_s=10, **at)
    windows_s = [run(scene, replication=k, sandbox_teardown_s=1, **held).window_until_s for k in range(12)]
    streams = [Streams(1, k).generator(Stream.ARRIVALS) for k in range(12)]
    phases_s = [40 * rng.random() for rng in streams]
    ages_s = [2 - phase_s if phase_s < 2 else 42 - phase_s for phase_s in phases_s]
    assert windows_s == pytest.approx([3 + max(0.0, 30 - age_s) for age_s in ages_s])
    assert any(12 < age_s < 30 for age_s in ages_s)


@pytest.mark.parametrize(
    ("at", "until_s"),
    [
        ({"complete_s": 40}, 40),
        ({"registered_until_s": [[7, NEVER], [41, NEVER]]}, 41),
        ({"registered_until_s": [50, NEVER], "healthy_until_s": [9, NEVER]}, 9),
        ({"cut_s": [42, NEVER], "registered_until_s": [7, NEVER]}, 43),
        ({"cut_s": [42, NEVER], "registered_until_s": [7, NEVER], "drains": True}, 7),
        ({"cut_s": [42, NEVER], "registered_until_s": [5, NEVER], "drains": True}, 6),
    ],
)
def test_the_window_ends_with_the_last_of_rollout_rotation_and_pods(at: dict[str, Any], until_s: float) -> None:
    fields = {"listener_closed_s": [5, NEVER], "cut_s": [5, NEVER], "registered_until_s": [6, NEVER], **at}
    requests = run(timeline(2, 2, **fields), arrivals="even", service_time_s=0, sandbox_teardown_s=1)
    assert requests.window_until_s == until_s
    assert requests.n_requests == 50 * until_s


def test_a_window_without_end_is_refused_by_target() -> None:
    scene = timeline(3, listener_closed_s=[NEVER, NEVER, 5], cut_s=[NEVER, NEVER, 5])
    with pytest.raises(ValueError, match="no end: target 2 never leaves"):
        run(scene)
    with pytest.raises(ValueError, match="the rollout is complete at inf s"):
        run(timeline(1, complete_s=NEVER))


def test_more_failures_than_memory_allows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that refuses connections for 10 s at 100 requests/s: some 1,000 failures."""
    dead = timeline(1, complete_s=10, listener_closed_s=0.0, cut_s=0.0, registered_until_s=10.0)
    monkeypatch.setattr(sampled, "MOST_FAILED", 2000)
    run(dead, arrival_rate_rps=100.0)
    monkeypatch.setattr(sampled, "MOST_FAILED", 500)
    with pytest.raises(ScenarioError, match=r"arrival_rate_rps: expected at most 500 failed .* \(got 100 per second\)"):
        run(dead, arrival_rate_rps=100.0)


@pytest.mark.slow
@settings(max_examples=60)
@given(case=cases(), later_s=st.sampled_from([0.5, 2.0, 9.0]))
def test_a_listener_that_closes_later_refuses_no_more(case: Case, later_s: float) -> None:
    scene, at = case

    def refused(closed_s: Times) -> int:
        moved = timeline(
            *scene.registered_from_s.shape[::-1],
            complete_s=40,
            listener_closed_s=closed_s,
            cut_s=scene.listener_closed_s + 12,
            registered_from_s=scene.registered_from_s,
            registered_until_s=scene.registered_until_s,
            healthy_until_s=scene.healthy_until_s,
        )
        counts = run(moved, **at).counts
        return int(counts[[Outcome.CONNECT_REFUSED, Outcome.HOST_UNREACHABLE, Outcome.CONNECT_TIMEOUT]].sum())

    assert refused(scene.listener_closed_s + later_s) <= refused(scene.listener_closed_s)


def _old_side(side: OldSide, pace: float) -> OldSide:
    """Return the side with its times so many times as long, and the habit of clients exponential."""
    times = ("record_ttl_s", "client_keep_alive_s", "counted_until_s")
    lengths = {name: pace * getattr(side.spec, name) for name in times}
    spec = side.spec.model_copy(update={**lengths, "stale_s": Exponential(dist="exponential", mean=pace)})
    return replace(side, spec=spec, changed_s=pace * side.changed_s, deleted_s=pace * side.deleted_s)


@pytest.mark.slow
@settings(max_examples=60)
@given(case=cases())
def test_at_twice_the_pace_the_same_happens(case: Case) -> None:
    """Every time halved, the model's own too, and the rate doubled: the same requests (powers of two are exact)."""
    scene, at = case
    at |= {"service_time_s": {"dist": "exponential", "mean": 1.0}, "sandbox_teardown_s": 1.0, "idle_timeout_s": 4.0}
    keep_alive_s = at["keep_alive_timeout_s"]
    quick_at = at | {
        "service_time_s": {"dist": "exponential", "mean": 0.5},
        "sandbox_teardown_s": 0.5,
        "idle_timeout_s": 2.0,
        "client_timeout_s": at["client_timeout_s"] and at["client_timeout_s"] / 2,
        "keep_alive_timeout_s": keep_alive_s and keep_alive_s / 2,
        "arrival_rate_rps": 2 * at["arrival_rate_rps"],
    }
    times = {name: getattr(scene, name) / 2 for name in TIMES}
    quick = replace(scene, **times, rollout_complete_s=scene.rollout_complete_s / 2)
    if scene.instances is not None:
        leaving = {name: getattr(scene.instances, name) / 2 for name in ("sent_until_s", "cut_s", "gone_s")}
        quick = replace(quick, instances=replace(scene.instances, **leaving))
    if scene.old_side is not None:
        scene = replace(scene, old_side=_old_side(scene.old_side, 1.0))
        quick = replace(quick, old_side=_old_side(scene.old_side, 0.5))
    one = run(scene, **at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idle_connections, "ROUND_TRIP_S", idle_connections.ROUND_TRIP_S / 2)
        patch.setattr(sending, "QUEUE_WARM_UP_S", sending.QUEUE_WARM_UP_S / 2)
        patch.setattr(ends, "HELD_S", ends.HELD_S / 2)
        halved = {key: ends.Wait(longest_s / 2, of) for key, (longest_s, of) in ends.UNREACHABLE.items()}
        patch.setattr(ends, "UNREACHABLE", halved)
        other = run(quick, **quick_at)
    assert other.counts.tolist() == one.counts.tolist()
    assert (other.arrival_s * 2).tolist() == one.arrival_s.tolist()


def test_a_longer_window_keeps_what_was_in_the_shorter() -> None:
    scene = fixed_lag()
    longer = timeline(8, complete_s=200, **{name: getattr(scene, name) for name in TIMES})
    law = {"dist": "exponential", "mean": 0.5}
    short, long = run(scene, service_time_s=law), run(longer, service_time_s=law)
    assert long.window_until_s == 200
    inside = long.arrival_s < short.window_until_s
    assert long.arrival_s[inside].tolist() == short.arrival_s.tolist()
    assert long.outcome[inside].tolist() == short.outcome.tolist()


def test_the_same_seed_gives_the_same_and_another_replication_another() -> None:
    one, again, other = (run(fixed_lag(), replication=k, service_time_s=0.1) for k in (0, 0, 1))
    assert one.arrival_s.tolist() == again.arrival_s.tolist()
    assert one.arrival_s.tolist() != other.arrival_s.tolist()
    assert run(fixed_lag(), streams=Streams(0, 0)).n_requests != run(fixed_lag(), streams=Streams(9, 0)).n_requests
