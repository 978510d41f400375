"""The sliders of `albsim report`: the 502s at other preStop sleeps and retry limits, as a reader's browser shows them.

Everything is written beforehand: for each setting a cell of a table, with its sentence and its curve. A short script
shows those of the setting that the sliders choose. Without the script the table and the curve as it is remain.

The curve is the share of rollouts (up) with more than so many 502s (across, logarithmic, with a place for zero).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.experiment.figures import ANY_502, SPREAD_502
from sim.report.wording import count, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.estimators import Estimator
    from sim.experiment.sleeps_and_retries import Of, Setting, SleepsAndRetries

_HALF_A_PERCENT = 0.005
LEFT, RIGHT, TOP, BOTTOM = 60, 670, 14, 250
"""The edges of the curve's area in the picture, in its units; 700 by 310 in all."""


class Tick(NamedTuple):
    """A marked place of an axis, in the picture's units, and its label."""

    at: float
    label: str


class Cell(NamedTuple):
    """A setting in the table.

    - `share`: how often a rollout has a 502.
    - `shade`: the same in whole percent, for the cell's colour.
    - `words`: a sentence.
    - `curve`: the path of its curve.
    """

    sleep: int
    retries: int
    share: str
    shade: int
    words: str
    curve: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliders:
    """What the page shows of a grid. `given` is the cell of the scenario as it is."""

    sleeps: Sequence[str]
    retry_limits: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    given: Cell
    rollouts: str
    across: Sequence[Tick]
    up: Sequence[Tick]


def sliders(grid: SleepsAndRetries, estimator: Estimator, noun: str) -> Sliders:
    """Return the sliders of a grid. `noun`: what one replication is."""
    axis = _Axis(max(of.n_502 for rollouts in grid.rollouts.values() for of in rollouts))
    sleeps_s, limits = grid.sleeps_s, grid.retry_limits

    def cell(setting: Setting) -> Cell:
        rollouts = grid.rollouts[setting]
        share = ANY_502.over.of_all([of.any_502 for of in rollouts], estimator).value
        return Cell(
            sleep=sleeps_s.index(setting.sleep_s),
            retries=limits.index(setting.retries),
            share=_whole_percent(share),
            shade=round(100 * share),
            words=_words(setting, rollouts, estimator, noun, says_retries=len(limits) > 1),
            curve=_curve([of.n_502 for of in rollouts], axis),
        )

    cells = {setting: cell(setting) for setting in grid.rollouts}
    given = cells[grid.given]
    return Sliders(
        sleeps=[f"{sleep_s:g}" for sleep_s in sleeps_s],
        retry_limits=[str(limit) for limit in limits],
        rows=[[one for one in cells.values() if one.sleep == at] for at in range(len(sleeps_s))],
        given=given,
        rollouts=count(len(grid.rollouts[grid.given]), noun),
        across=axis.ticks(),
        up=[Tick(_height(share), f"{share:g}") for share in (0, 25, 50, 75, 100)],
    )


class _Axis:
    """The axis of 502s: linear from 0 to 1, and logarithmic from there up to a power of ten."""

    def __init__(self, most: float) -> None:
        self._powers = max(1, math.ceil(math.log10(max(most, 1.0))))
        self._step = (RIGHT - LEFT) / (self._powers + 1)

    def place(self, n_502: float) -> int:
        """Return the place of a number, in the picture's units."""
        return round(LEFT + self._step * (n_502 if n_502 <= 1 else 1 + math.log10(n_502)))

    def ticks(self) -> list[Tick]:
        """Return zero and the powers of ten."""
        marked = [0, *(10**power for power in range(self._powers + 1))]
        return [Tick(self.place(n_502), _short(n_502)) for n_502 in marked]


def _short(n_502: int) -> str:
    """Return a power of ten as text: `100`, `10 k`, `1 M`."""
    for size, letter in ((1_000_000, " M"), (1_000, " k")):
        if n_502 >= size:
            return f"{n_502 // size}{letter}"
    return str(n_502)


def _height(share: float) -> int:
    return round(BOTTOM - (BOTTOM - TOP) * share / 100)


def _whole_percent(share: float) -> str:
    """Return a fraction in whole percent; what is not quite nothing or all is no `0 %` or `100 %`."""
    if 0 < share < _HALF_A_PERCENT:
        return "< 1 %"
    return "> 99 %" if 1 - _HALF_A_PERCENT < share < 1 else f"{100 * share:.0f} %"


def _curve(n_502: Sequence[float], axis: _Axis) -> str:
    """Return the path of the share of rollouts with more than so many 502s."""
    values = np.sort(np.asarray(n_502))
    above = 100 * (1 - np.searchsorted(values, np.append(0.0, values), side="right") / values.size)
    path = f"M{LEFT} {_height(above[0])}"
    for value, share in zip(values, above[1:], strict=True):
        path += f"H{axis.place(value)}V{_height(share)}"
    return f"{path}H{RIGHT}"


def _words(setting: Setting, rollouts: Sequence[Of], estimator: Estimator, noun: str, *, says_retries: bool) -> str:
    """Return how often a rollout has a 502 with a setting, and how many, in words."""
    share = ANY_502.over.of_all([of.any_502 for of in rollouts], estimator).value
    spread = SPREAD_502.over.of_all([of.n_502 for of in rollouts], estimator)
    retries = f" and --aws-max-retries {setting.retries}" if says_retries else ""
    settings = f"With a preStop sleep of {setting.sleep_s:g} s{retries}"
    often = f"{percent(share)} of {count(len(rollouts), noun)} have a 502"
    how_many = f"the median one has {number(spread.p50.value)}, and one of 20 more than {number(spread.p95.value)}"
    return f"{settings}, {often}; {how_many}."
