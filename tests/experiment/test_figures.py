from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from albsim_tests.executors import InOrder

from sim.control_plane.trace.calls import ApiAttempt
from sim.experiment import figures
from sim.experiment.aggregation import Fraction, Mean, MeanAlone, QuantilesOfPods, QuantilesOfRollouts
from sim.experiment.figure import Cell, Column, Figure, Unit
from sim.experiment.figures import BLOCK_OF_COLUMN, COLUMN_OF, COLUMNS, FIGURES
from sim.experiment.replication import simulate
from sim.experiment.statistics import Estimate
from sim.experiment.summary import summarise
from sim.experiment.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.replication import Replication
    from sim.scenario.specs import Scenario


def test_names_are_unique_and_no_name_is_also_a_group() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names)
    groups = {name.rpartition(".")[0] for name in names} - {""}
    assert not groups & set(names)


def test_the_columns_are_those_that_sweeps_have_had_since_the_first_release() -> None:
    """Files written before are read by their columns: none may go, and new ones come last."""
    quantiles = ("mean", "p50", "p90", "p99", "max")
    assert COLUMNS[:38] == (
        "requests", "responses.200", "responses.502", "responses.503", "responses.504",
        "outcomes.ok", "outcomes.connect_refused", "outcomes.host_unreachable", "outcomes.closed_in_flight",
        "outcomes.keep_alive_race", "outcomes.deregistration_delay_elapsed", "outcomes.idle_timeout",
        "outcomes.connect_timeout", "outcomes.no_registered_targets", "rate_502", "any_502", "rollout_s",
        *(f"deregistration_lag_s.{name}" for name in quantiles), *(f"exposure_s.{name}" for name in quantiles),
        "no_healthy_target_s", "least_healthy_targets",
        *(f"latency_s.{when}.{name}" for when in ("before", "window") for name in ("p50", "p95", "p99")),
        "aws_api.calls", "aws_api.throttled", "aws_api.reconciles",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("column", "label", "factor"),
    [
        ("responses.502", "502s per rollout", 1),
        ("rate_502", "502s (% of requests)", 100),
        ("any_502", "rollouts with a 502 (%)", 100),
        ("outcomes.closed_in_flight", "closed in flight per rollout", 1),
        ("deregistration_lag_s.p90", "deregistration lag, 90 % quantile over pods (s)", 1),
        ("exposure_s.max", "exposure, longest over pods (s)", 1),
        ("latency_s.before.p95", "latency before the rollout, p95 (s)", 1),
        ("least_healthy_targets", "fewest healthy targets of an ALB node", 1),
    ],
)
def test_what_an_axis_is_called(column: str, label: str, factor: float) -> None:
    assert (COLUMN_OF[column].label, COLUMN_OF[column].unit.factor) == (label, factor)


def test_a_mean_has_student_s_interval() -> None:
    estimate = Mean().of_all([1, 2, 3, 4], "sampled")
    margin = 3.182446 * np.sqrt(5 / 3) / 2
    assert (estimate.low, estimate.high) == pytest.approx((2.5 - margin, 2.5 + margin))
    assert Mean().as_json(Estimate(2.0, 1.0, 3.0)) == {"mean": 2.0, "ci95": [1.0, 3.0]}
    assert MeanAlone().as_json(Estimate(2.0, 1.0, 3.0)) == {"mean": 2.0}


def test_a_fraction_has_wilson_s_interval_and_so_has_the_sum_of_probabilities() -> None:
    z = 1.959964
    none = Fraction().of_all([0, 0, 0, 0], "sampled")
    assert (none.value, none.low, none.high) == pytest.approx((0, 0, z**2 / (4 + z**2)))
    margin = z / (2 + z**2) * np.sqrt(1 / 2 + z**2 / 4)
    expected = Fraction().of_all([0.25, 0.75], "expected")
    assert (expected.value, expected.low, expected.high) == pytest.approx((0.5, 0.5 - margin, 0.5 + margin))
    assert Fraction().as_json(expected) == {"fraction": 0.5, "ci95": [expected.low, expected.high]}


def test_pods_are_pooled_and_rollouts_are_not() -> None:
    """One rollout of one slow pod, one of three quick ones: of pods the mean is 2.5, of the rollouts' means it is 4."""
    pods = [np.array([7.0]), np.array([1.0, 1.0, 1.0])]
    assert QuantilesOfPods().of_all(pods, "sampled")["mean"] == 2.5
    assert QuantilesOfRollouts().of_all([7.0, 1.0], "sampled")["mean"] == 4
    empty = QuantilesOfPods().of_all([np.array([])], "sampled")
    assert set(QuantilesOfPods().as_json(empty).values()) == {None}


class Median:
    """A way to put replications together that needs no column of its own: the median, without an interval."""

    parts: ClassVar[dict[str, str]] = {}

    def row(self, value: float) -> tuple[float, ...]:
        raise AssertionError(value)

    def of_all(self, values: Sequence[float], estimator: str) -> Estimate:  # noqa: ARG002
        return Estimate(float(np.median(values)), np.nan, np.nan)

    def as_json(self, summarised: Estimate) -> dict[str, Any]:
        return {"p50": summarised.value}


def _waited_s(replication: Replication) -> float:
    return float(sum(attempt.backoff_s for attempt in replication.trace.of(ApiAttempt)))


WAITED = Figure(
    name="aws_api.waited_s",
    of=_waited_s,
    over=Mean(),
    label="waits after throttled calls",
    unit=Unit("s"),
    cells=(Cell("lags", 7, "waits (s)"),),
)
MEDIAN_502 = Figure(name="responses.502_p50", of=lambda _: 3.0, over=Median(), label="502s", swept=False)


def test_a_record_is_all_that_a_figure_needs(fixed_lag: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure with a column, and one without, are in a rollout, the summary, its JSON and a sweep's columns."""
    from sim.experiment import summary

    for module in (figures, summary):
        monkeypatch.setattr(module, "FIGURES", (*FIGURES, WAITED, MEDIAN_502))
    rollout = simulate(fixed_lag).figures()

    assert (rollout[WAITED], rollout[MEDIAN_502]) == (0.0, 3.0)
    assert len(rollout.row()) == len(COLUMNS) + 1
    assert list(WAITED.columns()) == [Column("aws_api.waited_s", "waits after throttled calls (s)", Unit("s"))]
    assert not list(MEDIAN_502.columns())
    printed = json.loads(json.dumps(summarise(fixed_lag, [rollout, rollout]).as_json()))
    assert printed["aws_api"]["waited_s"] == {"mean": 0.0, "ci95": [0.0, 0.0]}
    assert printed["responses"]["502_p50"] == {"p50": 3.0}


def test_a_row_is_in_the_order_of_the_columns(fixed_lag: Scenario) -> None:
    rollout = simulate(fixed_lag, estimator="sampled").figures()
    row = {name: value for name, value in zip(COLUMNS, rollout.row(), strict=True) if name not in BLOCK_OF_COLUMN}
    frame = sweep(fixed_lag, {}, replications=1, estimator="sampled", executor=InOrder())
    assert frame.iloc[0].drop("replication").to_dict() == row
    assert row["requests"] == rollout[figures.REQUESTS]
    assert row["aws_api.calls"] == 0, "this controller makes none"
