from __future__ import annotations

import math
from statistics import fmean, stdev
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from sim.experiment.figures import COLUMN_OF, COLUMNS
from sim.report.pictures.canvas import save
from sim.report.pictures.lag_plot import plot_lag
from sim.report.pictures.plots import plot_causes, plot_heatmap, plot_line
from sim.report.pictures.sweep_frame import PlotError, estimate, only
from sim.report.wording import key_label

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SLEEP, RETRIES, VERSION = "pod.pre_stop_sleep_s", "controller.aws_max_retries", "controller.version"
T_OF_FIVE = 2.77645
"""The 97.5 % quantile of Student's t with four degrees of freedom, as in the tables."""
WILSON_HIGH_OF_FIVE = {0: 0.43449, 1: 0.62446, 2: 0.76933, 3: 0.88238, 4: 0.96381, 5: 1.0}
"""The upper end of Wilson's 95 % interval, by the successes of five: the greater root p of (p - k/5)^2 =
z^2 p (1 - p) / 5, where z = 1.95996."""
VALUES = {SLEEP: [0, 20, 40], RETRIES: [2, 10], VERSION: ["v1.1.9", "v1.1.4"]}


def results(*keys: str) -> pd.DataFrame:
    """Make a sweep's results of 5 replications, of numbers that no simulation had to give."""
    rng = np.random.default_rng(5)
    grid = pd.MultiIndex.from_product([*(VALUES[key] for key in keys), range(5)], names=[*keys, "replication"])
    figures = pd.DataFrame(rng.gamma(2, 3, (len(grid), len(COLUMNS))), columns=list(COLUMNS), index=grid)
    figures["any_502"] = (figures["any_502"] > 5).astype(float)
    figures["rate_502"] /= 100
    figures["outcomes.idle_timeout"] = 0.0
    frame = figures.reset_index()
    frame.attrs["albsim"] = {
        "scenario": {
            "name": "made-up",
            "traffic": {"arrival_rate_rps": 1},
            "deployment": {"replicas": 1},
            "pod": {"pre_stop_sleep_s": 15},
        },
        "seed": 7,
        "vary": {key: VALUES[key] for key in keys},
        "version": "1.2.3",
    }
    return frame


def axes_of(picture: Figure) -> Axes:
    return picture.axes[0]


def test_a_line_goes_through_the_means_in_a_band_of_their_intervals() -> None:
    frame = results(SLEEP)
    frame["rate_502"] = [
        0.01 * spread + 0.1 * (at // 5) for at, spread in enumerate([1, 2, 3, 4, 5] * len(VALUES[SLEEP]))
    ]
    axes = axes_of(plot_line(frame, x=SLEEP, y="rate_502"))

    samples = [frame[frame[SLEEP] == sleep_s]["rate_502"].tolist() for sleep_s in VALUES[SLEEP]]
    means = [fmean(sample) for sample in samples]
    margins = [T_OF_FIVE * stdev(sample) / math.sqrt(5) for sample in samples]
    x, y = axes.lines[0].get_data()
    assert list(x) == VALUES[SLEEP]
    assert list(y) == pytest.approx([100 * mean for mean in means])
    band = axes.collections[0].get_paths()[0].get_extents()
    assert band.ymin == pytest.approx(100 * max(0, min(map(float.__sub__, means, margins))), rel=1e-4)
    assert band.ymax == pytest.approx(100 * max(map(float.__add__, means, margins)), rel=1e-4)


def test_a_fraction_s_band_is_wilson_s() -> None:
    frame = results(SLEEP)
    axes = axes_of(plot_line(frame, x=SLEEP, y="any_502"))

    most = max(frame.groupby(SLEEP)["any_502"].sum())
    band = axes.collections[0].get_paths()[0].get_extents()
    assert band.ymax == pytest.approx(100 * WILSON_HIGH_OF_FIVE[most], rel=1e-3)


def test_there_is_a_line_for_each_hue_and_a_legend_that_says_which() -> None:
    axes = axes_of(plot_line(results(SLEEP, RETRIES), x=SLEEP, hue=RETRIES))

    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["2", "10"]
    assert legend.get_title().get_text() == "--aws-max-retries"
    assert len({str(drawn.get_color()) for drawn in axes.lines}) == 2


def test_text_stands_side_by_side_in_the_sweep_s_order() -> None:
    axes = axes_of(plot_line(results(VERSION), x=VERSION))

    assert [label.get_text() for label in axes.get_xticklabels()] == ["v1.1.9", "v1.1.4"]


def test_axes_have_words_and_units_and_the_title_names_the_scenario() -> None:
    axes = axes_of(plot_line(results(SLEEP), x=SLEEP, y="rollout_s"))

    assert axes.get_xlabel() == "preStop sleep (s)"
    assert axes.get_ylabel() == "rollout duration (s)"
    assert axes.get_title(loc="left") == "made-up: rollout duration by preStop sleep"


def test_the_chance_of_any_502_is_drawn_from_0_to_100() -> None:
    axes = axes_of(plot_line(results(SLEEP), x=SLEEP, y="any_502"))

    assert axes.get_yscale() == "linear"
    assert axes.get_ylim() == (0, 100)


def test_the_heatmap_has_each_point_s_mean() -> None:
    frame = results(SLEEP, RETRIES)
    axes = axes_of(plot_heatmap(frame, x=SLEEP, y=RETRIES, colour="responses.502"))

    shown = axes.images[0].get_array()
    assert shown is not None
    for row, retries in enumerate(VALUES[RETRIES]):
        for column, sleep_s in enumerate(VALUES[SLEEP]):
            rows = frame[(frame[SLEEP] == sleep_s) & (frame[RETRIES] == retries)]
            assert shown[row, column] == pytest.approx(rows["responses.502"].mean())
    assert len(axes.texts) == 6


@pytest.mark.parametrize(("x", "expected"), [(SLEEP, [0, 20, 40]), (RETRIES, [15, 15])])
def test_the_lag_has_the_pre_stop_sleep_drawn_in(x: str, expected: list[float]) -> None:
    frame = results(x)
    axes = axes_of(plot_lag(frame, x=x))

    drawn = {str(curve.get_label()): list(curve.get_data()[1]) for curve in axes.lines}
    assert drawn["preStop sleep"] == expected
    slowest = frame.groupby(x)["deregistration_lag_s.max"]
    assert drawn["slowest pod, 90 % of rollouts"] == pytest.approx(slowest.quantile(0.9).to_list())
    assert drawn["slowest pod, the worst rollout"] == pytest.approx(slowest.max().to_list())


def test_a_grace_period_that_ends_pre_stop_is_drawn_in_too() -> None:
    frame = results(SLEEP)  # up to 40 s, in a grace period of 30 s
    drawn = {str(curve.get_label()): list(curve.get_data()[1]) for curve in axes_of(plot_lag(frame, x=SLEEP)).lines}
    assert drawn["grace period"] == [30, 30, 30]

    frame.attrs["albsim"]["scenario"]["pod"]["termination_grace_period_s"] = 40
    assert not [curve for curve in axes_of(plot_lag(frame, x=SLEEP)).lines if "grace" in str(curve.get_label())]


@pytest.mark.parametrize(("longest_s", "drawn"), [(29.0, None), (31.0, [45, 45])])
def test_where_health_checks_end_a_lag_a_line_says_so(longest_s: float, drawn: list[float] | None) -> None:
    frame = results(RETRIES)  # a sleep of 15 s, and two checks 15 s apart: the second fails from 30 s to 45 s
    frame["deregistration_lag_s.max"] = longest_s
    lines = {str(curve.get_label()): list(curve.get_data()[1]) for curve in axes_of(plot_lag(frame, x=RETRIES)).lines}

    assert lines.get("health checks take out a stopped pod") == drawn


@pytest.mark.parametrize(
    ("changed", "fails_s"),
    [
        ({"serve_after_sigterm_s": 5}, 20),  # after the sleep of 15 s the listener stays open
        ({"on_sigterm": "ignore"}, 30),  # until SIGKILL, at the end of the grace period
        ({"pre_stop_fails_health_check": True}, 0),
    ],
)
def test_the_checks_fail_from_where_the_kubelet_has_it(changed: dict[str, object], fails_s: float) -> None:
    frame = results(RETRIES)
    frame["deregistration_lag_s.max"] = 61.0
    frame.attrs["albsim"]["scenario"]["pod"].update(changed)
    lines = {str(curve.get_label()): list(curve.get_data()[1]) for curve in axes_of(plot_lag(frame, x=RETRIES)).lines}

    assert lines["health checks take out a stopped pod"] == [fails_s + 30] * 2


@pytest.mark.parametrize("disruption", ["crash", "blue_green"])
def test_lags_that_do_not_count_from_the_deletion_have_no_such_line(disruption: str) -> None:
    frame = results(RETRIES)
    frame["deregistration_lag_s.max"] = 44.0
    frame.attrs["albsim"]["scenario"]["disruption"] = disruption

    assert not [line for line in axes_of(plot_lag(frame, x=RETRIES)).lines if "checks" in str(line.get_label())]


def test_lags_of_minutes_have_a_logarithmic_axis() -> None:
    frame = results(RETRIES)
    for longest_s, scale in ((299.0, "linear"), (301.0, "symlog")):
        frame["deregistration_lag_s.max"] = longest_s
        assert axes_of(plot_lag(frame, x=RETRIES)).get_yscale() == scale


def test_the_lag_s_small_print_says_what_is_averaged() -> None:
    picture = plot_lag(results(SLEEP), x=SLEEP)
    assert picture.get_supxlabel().startswith("each rollout's slowest pod, quantiles of 5 rollouts; seed 7;")


def test_causes_add_up_to_the_failed_requests() -> None:
    frame = results(SLEEP)
    axes = axes_of(plot_causes(frame, x=SLEEP))

    failed = [name for name in COLUMNS if name.startswith("outcomes.") and name != "outcomes.ok"]
    heights = frame.groupby(SLEEP)[failed].sum().sum(axis="columns") / 5
    tops = [max(bar.get_y() + bar.get_height() for bar in axes.patches if bar.get_x() == x - 0.35) for x in range(3)]  # type: ignore[attr-defined]
    assert tops == pytest.approx(heights.to_list())
    legend = axes.get_legend()
    assert legend is not None
    assert "idle timeout" not in [text.get_text() for text in legend.get_texts()], "there was none"


def test_what_would_be_averaged_over_unseen_is_refused() -> None:
    frame = results(SLEEP, RETRIES)
    with pytest.raises(PlotError, match=f"'{RETRIES}' is varied too"):
        plot_line(frame, x=SLEEP)

    assert len(axes_of(plot_line(only(frame, {RETRIES: "10"}), x=SLEEP)).lines) == 1


def test_what_the_sweep_has_not_is_refused() -> None:
    frame = results(SLEEP)
    with pytest.raises(PlotError, match=r"is not varied in this sweep; it varies pod\.pre_stop_sleep_s"):
        plot_line(frame, x=RETRIES)
    with pytest.raises(PlotError, match=r"did you mean 'responses\.502'"):
        plot_line(frame, x=SLEEP, y="response.502")
    with pytest.raises(PlotError, match=r"expected one of 0, 20, 40 \(got 30\)"):
        only(frame, {SLEEP: "30"})


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_results_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("one", "two"):
        save(plot_heatmap(results(SLEEP, RETRIES), x=SLEEP, y=RETRIES), tmp_path / f"{name}.{suffix}")

    assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_every_figure_has_a_label() -> None:
    assert len({COLUMN_OF[figure].label for figure in COLUMNS}) == len(COLUMNS)


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("pod.pre_stop_sleep_s", "preStop sleep (s)"),
        ("traffic.arrival_rate_rps", "arrival rate (requests/s)"),
        ("controller.aws_max_retries", "--aws-max-retries"),
        ("aws_api.buckets.elbv2_describe.refill_per_s", "refill (per s)"),
        ("deployment.replicas", "replicas"),
    ],
)
def test_keys_have_words_and_units(key: str, label: str) -> None:
    assert key_label(key) == label


def test_a_key_is_not_shown_twice() -> None:
    frame = results(SLEEP, RETRIES)
    with pytest.raises(PlotError, match="sleep_s' is shown twice"):
        plot_line(frame, x=SLEEP, hue=SLEEP)
    with pytest.raises(PlotError, match="retries' is shown twice"):
        plot_heatmap(frame, x=RETRIES, y=RETRIES)


def test_an_interval_ends_where_no_fraction_can_be() -> None:
    """Student's interval of two rates is 0.995 ± 12.7 · 0.005; of two probabilities it is Wilson's."""
    of_rates = estimate(pd.Series([0.99, 1.0]), "rate_502")
    assert (of_rates.low, of_rates.high) == (pytest.approx(0.9315, abs=1e-4), 1)
    of_any = estimate(pd.Series([0.25, 0.75]), "any_502")
    assert (of_any.low, of_any.high) == pytest.approx((0.0945, 0.9055), abs=1e-4)


def test_a_mean_that_one_rollout_makes_has_no_band() -> None:
    """Nine rollouts without a 502 and one with ten: by 25 squared skewnesses of 2.67 it takes 178 rollouts."""
    alone = estimate(pd.Series([0.0] * 9 + [10.0]), "responses.502")
    assert alone.value == 1
    assert np.isnan([alone.low, alone.high]).all()


def test_a_boolean_is_chosen_as_yaml_writes_it() -> None:
    frame = results(SLEEP)
    frame["pod.readiness_gate"] = frame[SLEEP] == 20
    frame.attrs["albsim"]["vary"]["pod.readiness_gate"] = [False, True]
    assert only(frame, {"pod.readiness_gate": "true"})[SLEEP].unique().tolist() == [20]
