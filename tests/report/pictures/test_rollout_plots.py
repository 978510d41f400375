from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from albsim_tests.reports import scenario, summary

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import DEREGISTRATION_LAG_S, OUTCOMES, RESPONSES, Figures
from sim.experiment.statistics import Estimate
from sim.report.pictures.canvas import save
from sim.report.pictures.rollout_plots import distribution_of_502s, distribution_of_lags, failures_by_cause

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

MEAN = Estimate(2.0, 1.0, 3.0)


def rollout(n_502: float, *lags_s: float) -> Figures:
    return Figures({RESPONSES[502].name: n_502, DEREGISTRATION_LAG_S.name: np.array(lags_s)}, "sampled")


def at(axes: Axes, value: float) -> float:
    """Return the height of the first curve just right of a value."""
    x, y = map(np.asarray, axes.lines[0].get_data())
    return float(y[np.searchsorted(x, value, side="right") - 1])


def labels(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_the_curve_is_the_share_of_rollouts_with_more_502s() -> None:
    axes = distribution_of_502s(scenario(), [rollout(0), rollout(1), rollout(1), rollout(9)], MEAN).axes[0]

    assert [at(axes, n) for n in (0, 0.5, 1, 8, 9)] == [75, 75, 25, 25, 0]
    assert labels(axes) == ["its 95 % interval", "mean, 2.00"]
    assert axes.get_title(loc="left") == "by-hand: 502s of 4 rollouts"


def test_the_curve_is_the_share_of_targets_still_in_rotation_and_what_outlasts_pre_stop_is_shaded() -> None:
    axes = distribution_of_lags(scenario(), [rollout(0, 5, 10, np.inf), rollout(0, 12, 40, -np.inf)]).axes[0]

    assert [at(axes, lag_s) for lag_s in (0, 4, 5, 10, 12, 40)] == [100, 100, 75, 50, 25, 0]
    assert labels(axes) == ["preStop sleep, 10 s: 50.0 % take longer"]
    assert list(axes.lines[1].get_xdata()) == [10, 10]
    shaded = axes.collections[0].get_paths()[0].get_extents()
    assert (shaded.xmin, shaded.xmax, shaded.ymax) == (10, 40, 50)


def test_a_grace_period_that_ends_pre_stop_is_drawn_instead() -> None:
    short = scenario(pre_stop_sleep_s=60, termination_grace_period_s=30)
    axes = distribution_of_lags(short, [rollout(0, 35)]).axes[0]

    assert labels(axes) == ["grace period, which ends preStop, 30 s: 100 % take longer"]
    assert list(axes.lines[1].get_xdata()) == [30, 30]


def test_many_values_keep_their_ends() -> None:
    lags_s = np.random.default_rng(1).gamma(2, 10, 30_000)
    axes = distribution_of_lags(scenario(), [rollout(0, *lags_s)]).axes[0]

    x, y = map(np.asarray, axes.lines[0].get_data())
    assert x.size <= 2000
    assert (x[0], x[-1], y[0], y[-1]) == (0, lags_s.max(), 100, 0)
    middle = float(np.median(lags_s))
    assert at(axes, middle) == pytest.approx(50, abs=0.1)


def test_the_causes_are_the_means_the_largest_first() -> None:
    few, many = Estimate(3.0, 1.0, 5.0), Estimate(400.0, 300.0, 500.0)
    means = {OUTCOMES[Outcome.CONNECT_REFUSED]: few, OUTCOMES[Outcome.IDLE_TIMEOUT]: many}
    axes = failures_by_cause(scenario(), summary(means)).axes[0]

    assert [bar.get_width() for bar in axes.patches] == [400, 3]  # type: ignore[attr-defined]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["idle timeout (504)", "connect refused (502)"]


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    quiet = failures_by_cause(scenario(), summary())
    assert "no request failed" in [text.get_text() for text in quiet.axes[0].texts]
    for number, picture in enumerate((quiet, distribution_of_lags(scenario(), [rollout(0)]))):
        save(picture, tmp_path / f"{number}.svg")
    one = Estimate(0.0, np.nan, np.nan)
    save(distribution_of_502s(scenario(), [rollout(0)], one), tmp_path / "one.svg")
