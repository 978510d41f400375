"""Queues and pooled connections: closed forms and arithmetic by hand. Bounds: 4 standard errors, at fixed seeds."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from albsim_tests.data_plane import NEVER, run, specs, timeline

from sim.data_plane import idle_connections, serving
from sim.data_plane.arrivals import Block
from sim.data_plane.ends import ends_of
from sim.data_plane.one_by_one import OneByOne
from sim.data_plane.outcomes import Outcome
from sim.data_plane.rotation import rotations
from sim.data_plane.sent import Sent, Way
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.data_plane.timeline import Timeline


def sent(scene: Timeline, *requests: tuple[float, float], **at: Any) -> Sent:
    """Send requests, each with its arrival and service time, to the only target."""
    traffic, pod, target_group = specs(**at)
    arrival_s, service_s = np.array(requests, float).T
    zeros = np.zeros(len(requests))
    sender = OneByOne(
        rotations(scene), scene, ends_of(scene, traffic, pod, target_group), pod, target_group, Streams(1, 0)
    )
    return sender.send(Block(arrival_s, service_s, zeros.astype(np.int16)), zeros.astype(np.int32), zeros)


def pods(**times_s: float) -> Any:
    """Make one pod of which only these times are known."""
    given = {"closed_s": NEVER, "killed_s": NEVER, "vanishes_s": NEVER, "answers_until_s": NEVER, "last_finish_s": 0}
    arrays = {name: np.array([time_s], float) for name, time_s in (given | times_s).items()}
    waits = {"unreachable_s": np.array([3.1]), "silent_s": np.array([10.0]), "teardown_s": 1.0}
    return SimpleNamespace(**arrays, **waits, drains=False, serves_pooled=False)


def by_hand(loop: Any) -> Any:
    return getattr(loop, "py_func", loop)


@pytest.mark.parametrize(
    ("times_s", "closed"),
    [
        ({"closed_s": 10, "killed_s": 30}, {9: False, 10: True, 25: True, 40: True}),
        # The machine goes before the listener closes: nobody is left to close a connection.
        ({"closed_s": 10, "killed_s": 30, "vanishes_s": 8}, {9: False, 10: False, 40: False}),
        ({"closed_s": 10, "killed_s": 30, "vanishes_s": 10}, {9: False, 10: False, 40: False}),
        # It goes afterwards, before or after the pod's end.
        ({"closed_s": 10, "killed_s": 30, "vanishes_s": 20}, {9: False, 10: True, 40: True}),
        ({"closed_s": 10, "killed_s": 30, "vanishes_s": 35}, {9: False, 10: True, 40: True}),
        # The process ends at once, and the machine at that instant.
        ({"closed_s": 10, "killed_s": 10, "vanishes_s": 10}, {9: False, 10: True}),
    ],
)
def test_who_closes_connections(times_s: dict[str, float], closed: dict[float, bool]) -> None:
    assert {now_s: by_hand(idle_connections.closes)(pods(**times_s), 0, now_s) for now_s in closed} == closed


@pytest.mark.parametrize(
    ("now_s", "answered_s"), [(10, 10), (10.999, 10.999), (11, 11 + 3.1), (19.9, 19.9 + 3.1), (20, 20 + 10)]
)
def test_a_closed_port_refuses_at_once_until_its_address_is_gone(now_s: float, answered_s: float) -> None:
    """The process ends at 10 s, its address goes a second later, its machine at 20 s."""
    ended = pods(closed_s=10, killed_s=10, vanishes_s=20)
    assert by_hand(serving.not_accepted_until_s)(ended, 0, now_s) == pytest.approx(answered_s)


def ways(of: Sent) -> list[str]:
    return [Way(way).name for way in of.way]


def test_who_comes_first_is_served_first() -> None:
    of = sent(timeline(1), (0, 5), (1, 1), (2, 3), (2.5, 1), (9, 1), concurrency=2)
    assert of.start_s.tolist() == [0, 1, 2, 5, 9]
    one = sent(timeline(1), (0, 5), (1, 1), (2, 3), (2.5, 1), (9, 1), concurrency=1)
    assert one.start_s.tolist() == [0, 5, 6, 9, 10]


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that a request of M/M/c must wait (Erlang, 1917)."""
    waits = load**servers / math.factorial(servers) * servers / (servers - load)
    return waits / (sum(load**k / math.factorial(k) for k in range(servers)) + waits)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (3, 2.1), (8, 6.4)])
def test_waiting_times_of_m_m_c(servers: int, load: float) -> None:
    """Mean service 1 s; the mean wait is C / (servers - load). Means of 50 stretches give the standard error."""
    source = np.random.default_rng(4)
    n = 200_000
    requests = np.stack([np.cumsum(source.exponential(1 / load, n)), source.exponential(1, n)], axis=1)
    of = sent(timeline(1), *map(tuple, requests), concurrency=servers)
    wait_s = (of.start_s - of.arrival_s)[1000:]
    for values, truth in (
        (wait_s, erlang_c(servers, load) / (servers - load)),
        (wait_s > 0, erlang_c(servers, load)),
    ):
        means = [part.mean() for part in np.array_split(values, 50)]
        assert abs(np.mean(means) - truth) < 4 * np.std(means, ddof=1) / math.sqrt(50)


def test_the_queue_is_in_its_steady_state_when_the_rollout_starts() -> None:
    """M/M/4 at 75 %: of those that wait, the wait is exponential; so its p95 and p99 are known before the rollout.

    Bound: 5 % for what 12,000 dependent requests of the last minute give.
    """
    law = {"dist": "exponential", "mean": 0.02}
    requests = run(timeline(1, complete_s=1), arrival_rate_rps=150.0, service_time_s=law, concurrency=4)
    wait = erlang_c(4, 3.0)

    def beyond(t: float) -> float:
        """Return P(wait + service > t), by quadrature over the service time; in units of the mean service time."""
        at = np.linspace(0, t, 20_001)
        middle = (at[1:] + at[:-1]) / 2
        return math.exp(-t) + float(np.sum(np.exp(-middle) * wait * np.exp(-(t - middle)))) * (at[1] - at[0])

    assert beyond(requests.latency_before_s.p95 / 0.02) == pytest.approx(0.05, rel=0.15)
    assert beyond(requests.latency_before_s.p50 / 0.02) == pytest.approx(0.5, rel=0.05)


def test_when_pods_are_taken_away_the_others_queue() -> None:
    scene = timeline(4, complete_s=30, registered_until_s=[5, 5, NEVER, NEVER])
    at: dict[str, Any] = {"arrival_rate_rps": 112.0, "service_time_s": {"dist": "exponential", "mean": 0.1}}
    queued = run(scene, concurrency=6, **at)
    assert queued.latency_s.p95 > 1.3 * queued.latency_before_s.p95
    unlimited = run(scene, **at)
    assert unlimited.latency_s == unlimited.latency_before_s
    assert queued.latency_before_s.p50 == pytest.approx(unlimited.latency_before_s.p50, rel=0.1)


def counts(scene: Timeline, **at: Any) -> dict[str, int]:
    of = run(scene, **at).counts.tolist()
    return {Outcome(k).name.lower(): n for k, n in enumerate(of) if n}


def test_prefork_resets_what_no_worker_has_taken() -> None:
    """Even arrivals, 10 a second of 0.11 s each, one worker: for 2 minutes and 5 s one in 11 piles up."""
    scene = timeline(1, drains=True, complete_s=20, listener_closed_s=5, cut_s=99, registered_until_s=5)
    at: dict[str, Any] = {"arrivals": "even", "arrival_rate_rps": 10.0, "service_time_s": 0.11, "concurrency": 1}
    eager, prefork = counts(scene, **at), counts(scene, accept="prefork", **at)
    assert "closed_in_flight" not in eager
    assert prefork["closed_in_flight"] == pytest.approx(1250 / 11, abs=3)
    assert prefork["ok"] + prefork["closed_in_flight"] == eager["ok"]


def test_a_connection_is_used_again_the_last_one_first() -> None:
    of = sent(timeline(1), (0, 2), (1, 2), (2.5, 9), (2.6, 9), (3.5, 1), (20, 1), connection_reuse=True)
    assert ways(of) == ["NEW", "NEW", "POOLED", "NEW", "POOLED", "POOLED"]


@pytest.mark.parametrize(
    ("idle_s", "way"), [(4.9, "POOLED"), (4.9994, "POOLED"), (4.9996, "RACED"), (5.0004, "RACED"), (5.0006, "NEW")]
)
def test_a_request_is_lost_while_the_connection_is_closing(idle_s: float, way: str) -> None:
    of = sent(timeline(1), (0, 1), (1 + idle_s, 1), connection_reuse=True, keep_alive_timeout_s=5)
    assert ways(of) == ["NEW", way]


def test_after_the_idle_timeout_the_alb_has_closed_it() -> None:
    at: dict[str, Any] = {"connection_reuse": True, "idle_timeout_s": 5, "keep_alive_timeout_s": 60}
    assert ways(sent(timeline(1), (0, 1), (5.9, 1), (12, 1), **at)) == ["NEW", "POOLED", "NEW"]


def test_requests_that_come_as_the_server_closes_are_counted_as_races() -> None:
    """Even arrivals twice a second, instantly served: every second one comes when its connection is closed."""
    scene = timeline(1, complete_s=100)
    at: dict[str, Any] = {"arrival_rate_rps": 2.0, "arrivals": "even", "service_time_s": 0, "connection_reuse": True}
    found = counts(scene, keep_alive_timeout_s=0.5, **at)
    assert found == {"ok": 100, "keep_alive_race": 100}


@pytest.mark.slow
def test_the_keep_alive_race_is_as_frequent_as_its_formula() -> None:
    """Instant answers, one connection: gaps are exponential, and r exp(-r K) RTT of them meet the closing."""
    scene = timeline(1, complete_s=40_000)
    at: dict[str, Any] = {"arrival_rate_rps": 20.0, "service_time_s": 0, "connection_reuse": True}
    races = counts(scene, keep_alive_timeout_s=0.1, **at)["keep_alive_race"]
    expected = 20 * 40_000 * (math.exp(-20 * (0.1 - 0.0005)) - math.exp(-20 * (0.1 + 0.0005)))
    assert abs(races - expected) < 4 * math.sqrt(expected)
    assert "keep_alive_race" not in counts(scene, **at)
    assert "keep_alive_race" not in counts(scene, **at | {"connection_reuse": False, "keep_alive_timeout_s": 0.1})


def test_a_server_that_serves_pooled_connections_refuses_nothing() -> None:
    """Ten requests a second, instantly served on the one connection: the listener's closing is not noticed."""
    scene = timeline(1, drains=True, listener_closed_s=5, cut_s=30, registered_until_s=30)
    at: dict[str, Any] = {"arrival_rate_rps": 10.0, "service_time_s": 0, "connection_reuse": True}
    # From 30 s on, while the pod's network is still there, the group is empty.
    assert set(counts(scene, idle_connections_at_sigterm="serve", **at)) == {"ok", "no_registered_targets"}
    refused = counts(scene, idle_connections_at_sigterm="close", **at | {"sandbox_teardown_s": 60})
    assert refused["connect_refused"] == pytest.approx(250, abs=4 * math.sqrt(250))


def test_what_needs_a_new_connection_is_refused() -> None:
    """Two at a time on one idle connection: the second needs one of its own."""
    scene = timeline(1, drains=True, listener_closed_s=5, cut_s=30)
    of = sent(scene, (1, 1), (6, 2), (7, 2), (9, 1), connection_reuse=True, idle_connections_at_sigterm="serve")
    assert ways(of) == ["NEW", "POOLED", "NEW", "POOLED"]
