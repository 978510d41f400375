"""Oracle: docs/facts/controller.md §3 and §4 (sync period of each version, and what it enqueues), and counting by
hand."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from sim.control_plane.aws.aws_api import AwsApi
from sim.control_plane.clock import Clock
from sim.control_plane.controllers.ingress import Ingress
from sim.control_plane.controllers.other_cluster import ChurningBackend
from sim.control_plane.controllers.resync import resyncs
from sim.control_plane.controllers.start import start_controller
from sim.control_plane.simulation import Simulation
from sim.control_plane.trace import Trace
from sim.control_plane.trace.calls import ApiAttempt, Reconciled
from sim.streams import Streams

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

HOUR_S = 3600.0


def _left_alone(scenario: Scenario, until_s: float, replication: int = 0, *, from_s: float = -300) -> Trace:
    """Return a cluster in which nothing happens."""
    env = Clock(initial_time=from_s)
    simulation = Simulation(env, Streams(scenario.seed, replication), Trace())
    ingresses = [Ingress(number, [ChurningBackend(env)]) for number in range(scenario.controller.ingresses)]
    api = AwsApi(simulation, scenario.aws_api)
    start_controller(simulation, scenario.controller, scenario.aws_api, api, ingresses, cluster=0)
    env.run(until=until_s)
    return simulation.trace


def _bursts_s(trace: Trace) -> list[float]:
    """Return when the first ingress of each resync was begun with: nothing happened for a minute before."""
    times_s = [-math.inf, *sorted(reconciled.time_s for reconciled in trace.of(Reconciled))]
    return [time_s for before_s, time_s in pairwise(times_s) if time_s - before_s > 60]


@pytest.mark.parametrize(
    ("version", "informers", "period_s"),
    [("v1.1.4", 2, HOUR_S), ("v1.1.9", 2, HOUR_S), ("v2.5.3", 1, HOUR_S), ("v2.5.4", 1, 10 * HOUR_S)],
)
def test_everything_is_reconciled_every_sync_period(
    make_scenario, version: str, informers: int, period_s: float
) -> None:
    scenario = make_scenario(controller__version=version, controller__ingresses=3)
    trace = _left_alone(scenario, 20 * period_s)
    reconciled = trace.of(Reconciled)
    assert {sum(r.ingress == number for r in reconciled) for number in range(3)} == {len(reconciled) // 3}
    # Each informer has a factor from 0.9 to 1.1 of its own; two of them may fall together.
    assert informers * 18 - 4 <= len(reconciled) / 3 <= informers * 23


def test_the_period_of_an_informer_is_from_0_9_to_1_1_sync_periods() -> None:
    """Of 400 uniform factors none is in the lowest 4.5 % with a probability of 0.955^400 = 1e-8, as in the highest."""
    env = Clock()
    first_s: list[float] = []
    controller = SimpleNamespace(
        sync_period_s=1000, resyncing_informers=400, on_resync=lambda _: first_s.append(env.now)
    )
    for goroutine in resyncs(Simulation(env, Streams(1, 0), Trace()), controller, 0, listed_s=0):
        env.process(goroutine)
    env.run(until=1500)
    assert len(first_s) == 400
    assert 900 <= min(first_s) < 909
    assert 1091 < max(first_s) <= 1100


def test_the_phase_is_by_chance(make_scenario) -> None:
    """Of 200 first resyncs of one informer with a period of some 1000 s, in each quarter of it 50 are expected.

    A binomial of 200 and a quarter has a standard deviation of 6.1.
    """
    scenario = make_scenario(controller__version="v2.4", controller__sync_period_s=1000)
    first_s = [_bursts_s(_left_alone(scenario, 900, replication))[:1] for replication in range(200)]
    since_start_s = [times_s[0] + 300 for times_s in first_s if times_s]
    for quarter in range(3):
        assert sum(225 * quarter <= time_s < 225 * (quarter + 1) for time_s in since_start_s) == pytest.approx(
            45, abs=20
        )


def test_a_longer_warm_up_moves_no_resync(make_scenario) -> None:
    scenario = make_scenario(controller__version="v1.1.9", controller__sync_period_s=700)
    short, long = (_bursts_s(_left_alone(scenario, 5000, from_s=from_s)) for from_s in (-100, -4000))
    assert len(short) > 8
    assert [time_s for time_s in long if time_s > -100] == pytest.approx(short)


def test_none_with_a_period_of_zero(make_scenario) -> None:
    for version in ("v1.1.9", "v2.4", "v3.2"):
        scenario = make_scenario(controller__version=version, controller__sync_period_s=0)
        assert not _left_alone(scenario, 1e6).of(Reconciled)


def test_from_v2_9_1_on_what_has_not_changed_is_checked_half_an_hour_later_if_that_was_long_ago(make_scenario) -> None:
    scenario = make_scenario(controller__version="v2.9.1", controller__ingresses=40)
    trace = _left_alone(scenario, 40 * HOUR_S)
    called = {attempt.reconcile for attempt in trace.of(ApiAttempt)}
    passed_over = [r for r in trace.of(Reconciled) if r.reconcile not in called]
    checked = [r for r in trace.of(Reconciled) if r.reconcile in called]
    assert checked
    for check in checked:
        assert any(
            1800 <= check.time_s - before.time_s <= 2701 for before in passed_over if before.ingress == check.ingress
        )
    for number in range(40):
        times_s = [check.time_s for check in checked if check.ingress == number]
        assert 1 <= len(times_s) <= 4
        assert all(next_s - one_s > 10 * HOUR_S for one_s, next_s in pairwise(times_s))


def test_from_v2_13_3_on_a_new_process_has_everything_checked_however_young_the_checkpoint_is(make_scenario) -> None:
    """Within an hour of a restart at 600 s, when no checkpoint is older than a sync period of 20 hours but few are."""
    checks = []
    for version in ("v2.13.2", "v2.13.3"):
        scenario = make_scenario(
            controller__version=version,
            controller__ingresses=40,
            controller__sync_period_s=20 * HOUR_S,
            controller__restart_at_s=600,
            controller__restart_takes_s=0,
        )
        trace = _left_alone(scenario, 600 + 2701)
        called = {attempt.reconcile for attempt in trace.of(ApiAttempt)}
        checks.append(len({r.ingress for r in trace.of(Reconciled) if r.reconcile in called}))
    # Of ages up to two periods half are older than one: 20 of 40, with a standard deviation of 3.2.
    assert checks == [pytest.approx(20, abs=10), 40]


@pytest.mark.parametrize(("version", "reconciles"), [("v1.1.4", 3), ("v1.1.9", 3), ("v2.4", 0), ("v3.2", 0)])
def test_a_node_event_enqueues_every_ingress_of_v1(make_scenario, version: str, reconciles: int) -> None:
    """1000 s at 0.02 a second: 20 events are expected, and 20 is over four standard deviations."""
    scenario = make_scenario(
        controller__version=version,
        controller__ingresses=3,
        controller__sync_period_s=0,
        controller__node_events_per_s=0.02,
    )
    done = _left_alone(scenario, 700).of(Reconciled)
    assert len(done) == pytest.approx(20 * reconciles, abs=19 * reconciles)
    assert {r.ingress for r in done} == set(range(reconciles))
