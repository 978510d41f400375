"""Every logarithmic axis, of every picture that has one, has labels enough to be read, whatever is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from albsim_tests.reports import scenario, summary

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import COLUMNS, DEREGISTRATION_LAG_S, OUTCOMES, RESPONSES, Figures
from sim.experiment.statistics import Estimate
from sim.report import pictures
from sim.report.pictures.canvas import canvas, symmetric_log
from sim.report.pictures.keep_curve import lost_afterwards
from sim.report.pictures.lag_plot import plot_lag
from sim.report.pictures.plots import plot_heatmap, plot_line
from sim.report.pictures.race_plot import race
from sim.report.pictures.results_pictures import PICTURES as OF_RESULTS
from sim.report.pictures.rollout_plots import distribution_of_502s, distribution_of_lags, failures_by_cause
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

PICTURES = Path(pictures.__file__).parent
SLEEP, RETRIES = "pod.pre_stop_sleep_s", "controller.aws_max_retries"
VALUES = [0.0003, 0.04, 0.7, 1.0, 3.0, 13.0, 99.0, 1234.0, 1e6, 9e8]


def labels(axis: Axis) -> list[float]:
    """Return the numbers of the labels that stand within the axis."""
    low, high = sorted(axis.get_view_interval())
    within = [
        label.get_text()
        for label, place in zip(axis.get_ticklabels(), axis.get_ticklocs(), strict=True)
        if low <= place <= high and label.get_text()
    ]
    return [
        float(number) if (number := text.replace(",", "")).replace(".", "").isdigit() else np.nan for text in within
    ]


def log_axes(picture: Figure) -> list[Axis]:
    return [axis for axes in picture.axes for axis in (axes.xaxis, axes.yaxis) if "log" in axis.get_scale()]


def rollout(value: float) -> Figures:
    return Figures({RESPONSES[502].name: value, DEREGISTRATION_LAG_S.name: np.array([value, 1.02 * value])}, "sampled")


def sweep_of(value: float, *keys: str) -> pd.DataFrame:
    """Return a sweep of which every figure is near one value."""
    points = 3 ** len(keys)
    grid = np.meshgrid(*[[0, 20, 40]] * len(keys))
    frame = pd.DataFrame(
        value * (1 + 0.01 * np.arange(2 * points))[:, None] * np.ones(len(COLUMNS)), columns=list(COLUMNS)
    )
    for key, values in zip(keys, grid, strict=True):
        frame.insert(0, key, np.repeat(values.ravel(), 2))
    frame["any_502"] = 1.0
    given = {
        "name": "alike", "traffic": {"arrival_rate_rps": 1}, "deployment": {"replicas": 1},
        "pod": {"pre_stop_sleep_s": value},
    }  # fmt: skip
    frame.attrs["albsim"] = {"scenario": given, "seed": 7, "vary": {key: [0, 20, 40] for key in keys}, "version": "1"}
    return frame


def results_of(value: float) -> list[Figure]:
    """Return the pictures of a page of results that have a log axis, of one scenario of which all figures are alike."""
    columns = ("any_502_percent", "p50", "p95", "mean", "p90", "p99", "max", "pre_stop_sleep_s")
    row = {f"{column}{end}": f"{value:g}" for column in columns for end in ("", "_low", "_high")}
    return [picture.draw([{"scenario": "alike"} | row]) for picture in OF_RESULTS if picture.name != "causes"]


def pictures_of(value: float) -> list[Figure]:
    estimate = Estimate(value, 0.99 * value, 1.01 * value)
    return [
        distribution_of_502s(scenario(), [rollout(value)] * 2, estimate),
        distribution_of_lags(scenario(), [rollout(value)] * 2),
        failures_by_cause(scenario(), summary({OUTCOMES[Outcome.CONNECT_REFUSED]: estimate})),
        plot_line(sweep_of(value, SLEEP), x=SLEEP),
        plot_heatmap(sweep_of(value, SLEEP, RETRIES), x=SLEEP, y=RETRIES),
        *([plot_lag(sweep_of(value, SLEEP), x=SLEEP)] if value > 300 else []),
        race([sweep_of(value, SLEEP)], x=SLEEP),
        *results_of(value),
    ]


@pytest.mark.parametrize("value", [0.04, 1234.0, *(pytest.param(v, marks=pytest.mark.slow) for v in VALUES)])
def test_every_log_axis_has_two_labels_or_more(value: float) -> None:
    drawn = [log_axes(picture) for picture in pictures_of(value)]

    assert all(drawn), "a picture of this list has no log axis"
    assert [
        (axis.axes.get_title(loc="left"), axis.get_scale(), labels(axis))
        for axes in drawn
        for axis in axes
        if len(labels(axis)) < 2 or (axis.get_scale() == "symlog" and len(labels(axis)) < 3)
    ] == []


@pytest.mark.parametrize("width", [3.5, 9])
@pytest.mark.parametrize("most", [*np.geomspace(1e-3, 1e10, 27), 0.0, 9.99, 10.0, 999.0])
def test_a_symmetric_one_has_zero_and_a_label_near_its_end(most: float, width: float) -> None:
    axes = canvas((width, 3)).axes
    for axis in (axes.xaxis, axes.yaxis):
        symmetric_log(axis, most)
        numbers = labels(axis)
        assert numbers[0] == 0
        assert 2 <= sum(number > 0 for number in numbers) <= 12
        assert numbers[-1] >= most / 10


@pytest.mark.parametrize("rate_rps", [0.01, 500.0, pytest.param(100_000.0, marks=pytest.mark.slow)])
def test_the_curve_of_a_switch_has_labels_on_both_axes(rate_rps: float) -> None:
    given = load_scenario("scenarios/switch/kept-5-minutes.yaml").with_overrides({"traffic.arrival_rate_rps": rate_rps})
    axes = log_axes(lost_afterwards(given))

    assert len(axes) == 2
    assert all(len(labels(axis)) >= 2 for axis in axes)


def test_no_other_picture_has_a_log_axis() -> None:
    """Whoever adds one adds it to these tests."""
    users = {
        path.name: len(re.findall(r"(?:symmetric_log|set_[xy]scale)\(", path.read_text()))
        for path in sorted(PICTURES.glob("*.py"))
    }
    assert {name: n for name, n in users.items() if n} == {
        "canvas.py": 1, "keep_curve.py": 2, "lag_plot.py": 1, "plots.py": 2, "race_plot.py": 2,
        "results_pictures.py": 2, "rollout_plots.py": 3,
    }  # fmt: skip
