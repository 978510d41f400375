"""Pictures of one scenario's rollouts: how many 502s, of which causes, and how long targets stay in rotation.

A distribution is drawn as the share of rollouts, or of pods, that have more than a value. The curve begins at the share
that has any. Nothing is binned or smoothed; of very many values, only as many are marked as can be told apart. The axes
of values are logarithmic, with a place for zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.figures import DEREGISTRATION_LAG_S, OUTCOMES, RESPONSES
from sim.experiment.provenance import model_version
from sim.report.disruption import name_of
from sim.report.pictures.canvas import BLACK, BLUE, PALE, VERMILION, canvas, symmetric_log
from sim.report.pictures.plots import CAUSES
from sim.report.wording import NEGLIGIBLE, answered_with, cause, count, number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from sim.experiment.figures import Figures
    from sim.experiment.statistics import Estimate
    from sim.experiment.summary import Summary
    from sim.scenario.specs import PodSpec, Scenario

_WIDTH, _HEIGHT, _PER_CAUSE = 7.5, 3.4, 0.42
_ROOM_FOR_A_NUMBER = 1.25
_MOST_STEPS = 2000


def distribution_of_502s(
    scenario: Scenario, figures: Sequence[Figures], mean: Estimate, *, width: float = _WIDTH
) -> Figure:
    """Return a picture of the share of rollouts with more than so many 502s, and of their mean with its interval."""
    n_502 = np.array([of_rollout[RESPONSES[502]] for of_rollout in figures])
    title = f"{scenario.name}: 502s of {count(len(figures), name_of(scenario))}"
    picture, axes = canvas((width, _HEIGHT), title=title, origin=_origin(scenario, len(figures)))
    _draw_shares_above(axes, n_502)
    if mean.low < mean.high:
        axes.axvspan(max(0.0, mean.low), mean.high, color=PALE, lw=0, zorder=0, label="its 95 % interval")
    axes.axvline(mean.value, color=BLACK, linestyle="--", label=f"mean, {number(mean.value)}")
    symmetric_log(axes.xaxis, float(np.nanmax([n_502.max(), mean.high])))
    axes.set_xlabel(f"502s in the {name_of(scenario)}")
    axes.set_ylabel(f"{plural(name_of(scenario))} with more (%)")
    axes.legend(frameon=False)
    return picture


def failures_by_cause(scenario: Scenario, summary: Summary, *, width: float = _WIDTH) -> Figure:
    """Return a picture of the failed requests per rollout by cause, with the status that clients get."""
    means = {outcome: summary[OUTCOMES[outcome]].value for outcome in CAUSES}
    shown = sorted((outcome for outcome in CAUSES if means[outcome] >= NEGLIGIBLE), key=lambda one: -means[one])
    picture, axes = canvas(
        (width, 1.5 + _PER_CAUSE * max(len(shown), 1)),
        title=f"{scenario.name}: failed requests per {name_of(scenario)}, by cause",
        origin=f"means of {_origin(scenario, summary.replications)}",
        grid="x",
    )
    for row, outcome in enumerate(shown):
        axes.barh(row, means[outcome], color=CAUSES[outcome], height=0.65)
        axes.annotate(
            number(means[outcome]), (means[outcome], row), (5, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set_yticks(range(len(shown)), [f"{cause(outcome)} ({answered_with(outcome)})" for outcome in shown])
    axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    symmetric_log(axes.xaxis, _ROOM_FOR_A_NUMBER * max(means.values()))
    axes.set_xlabel(f"requests per {name_of(scenario)}")
    if not shown:
        axes.annotate("no request failed", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return picture


def distribution_of_lags(scenario: Scenario, figures: Sequence[Figures], *, width: float = _WIDTH) -> Figure:
    """Return a picture of the share of deleted pods whose targets are still in rotation, against time.

    The picture marks how long preStop lets the pods serve. Requests to targets still in rotation after that may fail.
    """
    lags_s = lags_of(figures)
    slept_s, what = _slept(scenario.pod)
    picture, axes = canvas(
        (width, _HEIGHT),
        title=f"{scenario.name}: deregistration lag of {count(lags_s.size, 'pod')}",
        origin=f"all pods of {_origin(scenario, len(figures))}",
    )
    _draw_shares_above(axes, lags_s, shaded_from=slept_s)
    later = f": {percent(share_later(scenario, lags_s))} take longer" if lags_s.size else ""
    axes.axvline(slept_s, color=VERMILION, linewidth=2, label=f"{what}, {slept_s:g} s{later}")
    symmetric_log(axes.xaxis, float(np.max(lags_s, initial=slept_s)), least=10)
    axes.set_xlabel("since the pod's deletion (s)")
    axes.set_ylabel("targets still in rotation (%)")
    axes.legend(frameon=False)
    return picture


def lags_of(figures: Sequence[Figures]) -> NDArray[np.float64]:
    """Return the deregistration lags of all rollouts' pods whose targets were in rotation, in s."""
    lags_s = np.concatenate([of_rollout[DEREGISTRATION_LAG_S] for of_rollout in figures])
    return np.asarray(lags_s[np.isfinite(lags_s)])


def share_later(scenario: Scenario, lags_s: NDArray[np.float64]) -> float:
    """Return the fraction of lags that outlast preStop."""
    return float(np.mean(lags_s > _slept(scenario.pod)[0]))


def _slept(pod: PodSpec) -> tuple[float, str]:
    """Return how long preStop lets a deleted pod serve, in s, and what ends it."""
    if pod.pre_stop_sleep_s <= pod.termination_grace_period_s:
        return pod.pre_stop_sleep_s, "preStop sleep"
    return pod.termination_grace_period_s, "grace period, which ends preStop"


def _draw_shares_above(axes: Axes, values: NDArray[np.float64], *, shaded_from: float = np.inf) -> None:
    """Draw, against a value, the percentage of values above it. The area beyond `shaded_from` is shaded."""
    at = np.unique(np.append(values, 0.0))
    at = at[np.linspace(0, at.size - 1, min(at.size, _MOST_STEPS)).round().astype(int)]
    axes.step(at, _percent_above(values, at), where="post", color=BLUE, linewidth=2)
    if np.isfinite(shaded_from):
        beyond = np.append(shaded_from, at[at > shaded_from])
        axes.fill_between(beyond, _percent_above(values, beyond), step="post", color=VERMILION, alpha=0.35, lw=0)
    axes.set_ylim(0, 102)


def _percent_above(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    n_not_above = np.searchsorted(np.sort(values), at, side="right")
    return 100 * (values.size - n_not_above) / max(values.size, 1)


def _origin(scenario: Scenario, rollouts: int) -> str:
    return f"{count(rollouts, name_of(scenario))}; seed {scenario.seed}; albsim {model_version()}"
