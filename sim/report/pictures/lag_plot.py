"""The picture of a sweep's deregistration lag against a key, with the preStop sleep that has to outlast it."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.control_plane.kubernetes.kubelet import termination
from sim.experiment.provenance import PROVENANCE
from sim.report.pictures.canvas import BLUE, SKY_BLUE, VERMILION, symmetric_log
from sim.report.pictures.sweep_frame import canvas_of, check, listed, noun_in, positions, values_of
from sim.report.wording import key_label, plural
from sim.scenario.specs import Scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_SLOWEST, _MEDIAN = "deregistration_lag_s.max", "deregistration_lag_s.p50"
_SHARES = (0.5, 0.9, 0.99, 1.0)
POD, _CHECKS = "pod", "target_group.health_check"
_LOGARITHMIC_FROM_S = 300


def plot_lag(frame: pd.DataFrame, *, x: str) -> Figure:
    """Draw how long pods stay in rotation, and the preStop sleep that has to outlast the slowest of them.

    A pod that has stopped fails its health checks, and leaves the rotation by them if nothing else comes first. The
    lags end there, and a longer sleep may show longer ones. So this moment has a line where a lag comes near it.

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
    pods = blocks_at(frame, POD, x, values)
    pre_stop_s = np.array([pod.pre_stop_sleep_s for pod in pods])
    grace_s = np.array([pod.termination_grace_period_s for pod in pods])
    axes.plot(at, pre_stop_s, color=VERMILION, linewidth=2, label="preStop sleep")
    if np.any(pre_stop_s > grace_s):
        axes.plot(at, grace_s, color=VERMILION, linestyle="--", label="grace period")
    _draw_checks(axes, at, frame, x, pods=pods, longest_s=curves[-1])
    axes.set_xlabel(key_label(x))
    axes.set_ylabel("from a pod's deletion (s)")
    if axes.dataLim.y1 >= _LOGARITHMIC_FROM_S:
        symmetric_log(axes.yaxis, axes.dataLim.y1, least=10)
    else:
        axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, reverse=True)
    return picture


def _draw_checks(
    axes: Axes, at: Sequence[float], frame: pd.DataFrame, x: str, *, pods: list[Any], longest_s: NDArray[np.float64]
) -> None:
    """Draw the latest moment at which health checks take out a pod, if a lag comes within a check of it.

    Not where a lag counts from something else than the pod's deletion.
    """
    scenario = _scenario_of(frame)
    group, disrupted_by = scenario.target_group, scenario.disrupted_by
    if group.health_check is None or group.target_type != "ip" or disrupted_by.why_no_sleep or disrupted_by.delay_key:
        return
    checks = blocks_at(frame, _CHECKS, x, values_of(frame, x))
    every_s = np.array([check.interval_s for check in checks])
    fails_s = np.array([termination(pod, 0.0).fails_checks_s for pod in pods])
    taken_out_s = fails_s + [check.unhealthy_threshold * check.interval_s for check in checks]
    if np.any(longest_s > taken_out_s - every_s):
        axes.plot(at, taken_out_s, color="0.4", linestyle="--", label="health checks take out a stopped pod")


def blocks_at(frame: pd.DataFrame, block: str, x: str, values: list[Any]) -> list[Any]:
    """Return a block of the scenario as it is at each value of the key `x`."""
    base = attrgetter(block)(_scenario_of(frame))
    start = f"{block}."
    varied = {key.removeprefix(start): key for key in map(str, frame) if key.startswith(start)}
    by_value = frame.groupby(x, sort=False)
    of_names = {name: by_value[key].first().loc[values].tolist() for name, key in varied.items()}
    return [base.model_copy(update={name: of[place] for name, of in of_names.items()}) for place in range(len(values))]


def _scenario_of(frame: pd.DataFrame) -> Scenario:
    return Scenario.model_validate(frame.attrs[PROVENANCE]["scenario"])
