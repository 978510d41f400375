"""The picture of a sweep's deregistration lag against a key, with the preStop sleep that has to outlast it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.provenance import PROVENANCE
from sim.report.pictures.canvas import BLUE, SKY_BLUE, VERMILION, symmetric_log
from sim.report.pictures.sweep_frame import canvas_of, check, listed, noun_in, positions, values_of
from sim.report.wording import key_label, plural
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_SLOWEST, _MEDIAN = "deregistration_lag_s.max", "deregistration_lag_s.p50"
_SHARES = (0.5, 0.9, 0.99, 1.0)
PRE_STOP, _GRACE = "pod.pre_stop_sleep_s", "pod.termination_grace_period_s"
_CHECK_EVERY, _CHECKS = "target_group.health_check.interval_s", "target_group.health_check.unhealthy_threshold"
_LOGARITHMIC_FROM_S = 300


def plot_lag(frame: pd.DataFrame, *, x: str) -> Figure:
    """Draw how long pods stay in rotation, and the preStop sleep that has to outlast the slowest of them.

    A pod that has stopped fails its health checks, and leaves the rotation by them at the latest. The lags end there,
    and a longer sleep may show longer ones. So this moment has a line where a lag comes near it.

    Parameters
    ----------
    frame
        What `sweep` has returned.
    x
        The varied key on the horizontal axis.

    Returns
    -------
    matplotlib.figure.Figure
        The picture; `savefig` writes it.

    Raises
    ------
    PlotError
        If the key is not varied, or if another one is that the picture would average over.
    """
    check(frame, [x], _SLOWEST)
    picture, axes = canvas_of(
        frame, f"deregistration lag by {listed([x])}", note=f"each {noun_in(frame)}'s slowest pod, quantiles"
    )
    values = values_of(frame, x)
    at = positions(axes.xaxis, values)
    by_value = frame.groupby(x, sort=False)
    curves = np.array([by_value[_SLOWEST].quantile(share).loc[values] for share in _SHARES])
    for above, below, strength in zip(curves[1:], curves[:-1], (0.45, 0.3, 0.15), strict=True):
        axes.fill_between(at, below, above, color=BLUE, alpha=strength, linewidth=0)
    axes.plot(at, by_value[_MEDIAN].median().loc[values], color=SKY_BLUE, label="median pod")
    noun = noun_in(frame)
    labels = (f"half of the {plural(noun)}", f"90 % of {plural(noun)}", f"99 % of {plural(noun)}", f"the worst {noun}")
    for curve, style, label in zip(curves, ("-", "--", "-.", ":"), labels, strict=True):
        axes.plot(at, curve, color=BLUE, linestyle=style, label=f"slowest pod, {label}")
    pre_stop_s, grace_s = (np.array(values_at(frame, key, x, values)) for key in (PRE_STOP, _GRACE))
    axes.plot(at, pre_stop_s, color=VERMILION, linewidth=2, label="preStop sleep")
    if np.any(pre_stop_s > grace_s):
        axes.plot(at, grace_s, color=VERMILION, linestyle="--", label="grace period")
    group = _scenario_of(frame).target_group
    if group.health_check is not None and group.target_type == "ip":
        every_s, checks = (np.array(values_at(frame, key, x, values)) for key in (_CHECK_EVERY, _CHECKS))
        taken_out_s = np.minimum(pre_stop_s, grace_s) + checks * every_s
        if np.any(curves[-1] > taken_out_s - every_s):
            axes.plot(at, taken_out_s, color="0.4", linestyle="--", label="health checks take out a stopped pod")
    axes.set_xlabel(key_label(x))
    axes.set_ylabel("from a pod's deletion (s)")
    if axes.dataLim.y1 >= _LOGARITHMIC_FROM_S:
        symmetric_log(axes.yaxis, axes.dataLim.y1, least=10)
    else:
        axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, reverse=True)
    return picture


def values_at(frame: pd.DataFrame, key: str, x: str, values: list[Any]) -> list[float]:
    """Return the number that a key of the scenario has at each value of the key `x`."""
    if key == x:
        return values
    if key in frame:
        return [float(value) for value in frame.groupby(x, sort=False)[key].first().loc[values]]
    return [float(attrgetter(key)(_scenario_of(frame)))] * len(values)


def _scenario_of(frame: pd.DataFrame) -> Scenario:
    return Scenario.model_validate(frame.attrs[PROVENANCE]["scenario"])
