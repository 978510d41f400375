from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.experiment.figures import ANY_502, RESPONSES
from sim.experiment.replication import simulate
from sim.experiment.sharing import control_plane_key
from sim.experiment.sleeps_and_retries import (
    MOST_ROLLOUTS,
    RETRY_LIMITS,
    SLEEPS_S,
    Setting,
    affordable_rollouts,
    settings_of,
    sleeps_and_retries,
)

if TYPE_CHECKING:
    from sim.scenario.specs import Scenario

GIVEN = Setting(7.5, 3)


@pytest.fixture
def small(make_scenario) -> Scenario:
    return make_scenario(
        pod__pre_stop_sleep_s=GIVEN.sleep_s,
        pod__termination_grace_period_s=5,
        controller__version="v1.1.9",
        controller__aws_max_retries=GIVEN.retries,
    )


def test_the_grid_has_the_scenario_itself_and_what_other_sleeps_need(small) -> None:
    grid = settings_of(small)
    assert set(grid) == {Setting(s, n) for s in (*SLEEPS_S, 7.5) for n in (*RETRY_LIMITS, 3)}
    assert grid[GIVEN] == small, "its own sleep keeps its own grace period, though that is shorter"
    longer = grid[Setting(60, 10)]
    assert (longer.pod.pre_stop_sleep_s, longer.controller.aws_max_retries) == (60, 10)
    assert longer.pod.termination_grace_period_s > 60


def test_a_fixed_lag_has_no_retries_to_vary(fixed_lag) -> None:
    assert {setting.retries for setting in settings_of(fixed_lag)} == {fixed_lag.controller.aws_max_retries}


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["expected", "sampled"])
def test_each_setting_is_what_its_scenario_gives(small, estimator) -> None:
    told: list[tuple[int, int]] = []
    grid = sleeps_and_retries(small, 2, estimator, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(told), len(told)) == (2 * len(RETRY_LIMITS) + 2,) * 2, "a control plane for each limit"
    for setting in (GIVEN, Setting(0, 0), Setting(20, 10)):
        for number, of in enumerate(grid.rollouts[setting]):
            alone = simulate(settings_of(small)[setting], replication=number, estimator=estimator).figures()
            assert (of.n_502, of.any_502) == (alone[RESPONSES[502]], alone[ANY_502])
    assert grid.given == GIVEN
    assert grid.sleeps_s == sorted((*SLEEPS_S, 7.5))
    assert grid.retry_limits == [0, 2, 3, 4, 6, 10]


def test_what_it_costs_is_bounded(small, make_scenario) -> None:
    few = small.with_overrides({"replications": 3})
    assert affordable_rollouts(few, "expected", 1e4) == 3
    many = small.with_overrides({"replications": 500})
    assert affordable_rollouts(many, "expected", 1e4) == MOST_ROLLOUTS
    assert affordable_rollouts(many, "sampled", 1e9) == 0
    huge = many.with_overrides({"deployment.replicas": 5000})
    assert affordable_rollouts(huge, "expected", 1e6) == 0
    separate = make_scenario(controller__version="v2.7.2", replications=500, deployment__replicas=150)
    assert len({control_plane_key(one) for one in settings_of(separate).values()}) == len(settings_of(separate))
    assert 0 <= affordable_rollouts(separate, "expected", 1e4) < MOST_ROLLOUTS
