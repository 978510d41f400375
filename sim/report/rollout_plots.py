"""Pictures of one scenario's rollouts: how many requests fail in each, and how long its targets stay in rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.data_plane.outcomes import Outcome
from sim.report.figures import BLUE, VERMILION, square_root
from sim.report.plot_labels import cause
from sim.report.plots import CAUSES
from sim.report.wording import count, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.replication import Figures
    from sim.scenario.specs import PodSpec, Scenario

MOST_ROLLOUTS = 200
_SIZE = (9.0, 3.6)


def failures_by_rollout(scenario: Scenario, figures: Sequence[Figures]) -> Figure:
    """Draw the failed requests of each rollout, stacked by cause, the worst first: at most `MOST_ROLLOUTS`."""
    outcomes = [Outcome[column.removeprefix("outcomes.").upper()] for column in CAUSES]
    failed = np.array([of_rollout.outcomes[outcomes] for of_rollout in figures])
    failed = failed[np.argsort(-failed.sum(axis=1), kind="stable")][:MOST_ROLLOUTS]
    shown = f"the {len(failed)} worst of " if len(failed) < len(figures) else ""
    figure, axes = _canvas(f"{scenario.name}: failed requests of {shown}{count(len(figures), 'rollout')}")
    bottom = np.zeros(len(failed))
    for (column, colour), heights in zip(CAUSES.items(), failed.T, strict=True):
        if heights.any():
            axes.bar(range(1, len(failed) + 1), heights, bottom=bottom, color=colour, width=0.85, label=cause(column))
            bottom += heights
    axes.set_xlim(0.4, len(failed) + 0.6)
    axes.set_ylim(0, 1.05 * bottom.max(initial=0) or 1)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_xlabel("rollouts, the one with most failed requests first")
    axes.set_ylabel("failed requests")
    axes.yaxis.set_major_formatter("{x:,.10g}")
    if bottom.any():
        axes.legend(frameon=False)
    else:
        axes.annotate("none", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return figure


def lags_of_all(scenario: Scenario, figures: Sequence[Figures]) -> Figure:
    """Draw the share of all rollouts' deleted pods whose targets are still in rotation, against time.

    With it, how long preStop lets the pods serve: what is still in rotation then may be sent requests that fail.
    """
    lags_s = np.sort(np.concatenate([of_rollout.deregistration_lag_s for of_rollout in figures]))
    figure, axes = _canvas(f"{scenario.name}: targets still in rotation after their pods' deletion")
    slept_s, what = _slept(scenario.pod)
    late = f"{percent(float(np.mean(lags_s > slept_s)))} of {count(lags_s.size, 'pod')}" if lags_s.size else "no pod"
    at_s = np.concatenate(([0.0], lags_s))
    left = 100 * (1 - np.arange(at_s.size) / max(lags_s.size, 1))
    axes.step(at_s, left, where="post", color=BLUE)
    is_late = at_s >= slept_s
    from_s = np.concatenate(([slept_s], at_s[is_late]))
    share = 100 * np.mean(lags_s > slept_s) if lags_s.size else 0.0
    axes.fill_between(from_s, np.concatenate(([share], left[is_late])), step="post", color=VERMILION, alpha=0.4, lw=0)
    axes.axvline(slept_s, color=VERMILION, linewidth=2, label=f"{what}, {slept_s:g} s: {late} later than that")
    square_root(axes, float(max(at_s[-1], slept_s)))
    axes.set_ylim(0, 100)
    axes.set_xlabel("since the pod's deletion (s)")
    axes.set_ylabel("still in rotation (% of pods)")
    axes.legend(frameon=False)
    return figure


def _slept(pod: PodSpec) -> tuple[float, str]:
    """Give how long preStop lets a deleted pod serve, in s, and what ends it."""
    if pod.pre_stop_sleep_s <= pod.termination_grace_period_s:
        return pod.pre_stop_sleep_s, "preStop sleep"
    return pod.termination_grace_period_s, "grace period, which ends preStop"


def _canvas(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(visible=True, axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
