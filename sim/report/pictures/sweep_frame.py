"""What the pictures of a sweep have in common: rows, values of a key, a figure's mean, the canvas and its words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sim.experiment.figures import ANY_502, COLUMN_OF, COLUMNS
from sim.experiment.provenance import PROVENANCE
from sim.experiment.statistics import fraction_estimate, trusted_mean_estimate
from sim.report.pictures.canvas import Canvas, canvas
from sim.report.wording import key_label, plural
from sim.scenario.disruptions import DISRUPTIONS
from sim.scenario.problems import did_you_mean
from sim.scenario.variations import expanded, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from sim.experiment.statistics import Estimate
    from sim.scenario.disruptions import DisruptionKind

NOTE = "means, with 95 % intervals where there are replications enough,"
_SIZE = (8.0, 4.8)


class PlotError(Exception):
    """Raised for a picture for which this sweep has no data, or too much."""


def only(frame: pd.DataFrame, chosen: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows at these values of these keys. Raises PlotError if there are none."""
    for key, value in chosen.items():
        _check_varied(frame, key)
        rows = frame[frame[key].astype(str).str.lower() == str(value).lower()]
        if rows.empty:
            found = ", ".join(map(str, values_of(frame, key)))
            raise PlotError(f"{key}: expected one of {found} (got {value})")
        frame = rows
    return frame


def varied(frame: pd.DataFrame) -> list[str]:
    """Return the keys with several values, in the order of the sweep. Of keys that move together it has the first."""
    first = [keys_of(together)[0] for together in frame.attrs[PROVENANCE]["vary"]]
    return [key for key in first if len(frame[key].unique()) > 1]


def check(frame: pd.DataFrame, shown: Sequence[str], figure: str) -> None:
    """Raise PlotError unless these keys are varied, no other is, and the figure is one of a sweep."""
    for key in shown:
        _check_varied(frame, key)
        if shown.count(key) > 1:
            raise PlotError(f"'{key}' is shown twice: choose another key for one of them")
    known = [column for column in COLUMNS if column in frame]
    if figure not in known:
        hint = did_you_mean(figure, known) or f"one of {', '.join(known)}"
        raise PlotError(f"'{figure}' is no figure of a sweep; {hint}")
    for key in varied(frame):
        if frame.groupby(list(shown))[key].nunique().max() > 1:
            values = ", ".join(map(str, values_of(frame, key)))
            raise PlotError(f"'{key}' is varied too: choose one of its values with --where {key}=VALUE, {values}")


def _check_varied(frame: pd.DataFrame, key: str) -> None:
    known = expanded(frame.attrs[PROVENANCE]["vary"])
    if key not in known:
        raise PlotError(f"'{key}' is not varied in this sweep; it varies {', '.join(known)}")


def rollouts(frame: pd.DataFrame) -> str:
    """Return how many rollouts a point of a sweep has: `50`, or `50 to 200`."""
    keys = list(expanded(frame.attrs[PROVENANCE]["vary"]))
    sizes = frame.groupby(keys).size() if keys else [len(frame)]
    least, most = min(sizes), max(sizes)
    return str(least) if least == most else f"{least} to {most}"


def values_of(frame: pd.DataFrame, key: str) -> list[Any]:
    """Return a key's values: numbers sorted, others in the order of the sweep."""
    values = frame[key].unique().tolist()
    return values if isinstance(values[0], str) else sorted(values)


def estimate(values: pd.Series, figure: str) -> Estimate:
    """Return a figure's mean over rollouts, cut to possible means, with NaN for bounds where rollouts are too few."""
    if figure == ANY_502.name:
        return fraction_estimate(values.sum(), len(values))
    mean = trusted_mean_estimate(values)
    return replace(mean, low=max(mean.low, 0.0), high=min(mean.high, COLUMN_OF[figure].unit.at_most))


def noun_in(frame: pd.DataFrame) -> str:
    """Return the word for one replication of a sweep: `rollout`, `node drain` or `scale-in`."""
    return DISRUPTIONS[disruption_in(frame)].noun


def disruption_in(frame: pd.DataFrame) -> DisruptionKind:
    """Return what ends pods in a sweep."""
    kind: DisruptionKind = frame.attrs[PROVENANCE]["scenario"].get("disruption", "rollout")
    return kind


def label_in(frame: pd.DataFrame, column: str) -> str:
    """Return the label of a sweep's column, with the word for one replication."""
    return COLUMN_OF[column].label.replace("rollout", noun_in(frame))


def canvas_of(frame: pd.DataFrame, what: str, *, note: str = "means") -> Canvas:
    """Return an empty canvas with a title that names the scenario, and a footer that says what is shown."""
    source, each = frame.attrs[PROVENANCE], f"{rollouts(frame)} {plural(noun_in(frame))}"
    return canvas(
        _SIZE,
        title=f"{source['scenario']['name']}: {what}",
        origin=f"{note} of {each}; seed {source['seed']}; albsim {source['version']}",
    )


def positions(axis: Any, values: list[Any]) -> list[float]:  # noqa: ANN401 - matplotlib's axis
    """Return the positions of a key's values: numbers at their value, others side by side."""
    if not isinstance(values[0], str):
        axis.get_major_locator().set_params(integer=all(isinstance(value, int) for value in values))
        return values
    axis.set_ticks(range(len(values)), values)
    return list(range(len(values)))


def listed(keys: Iterable[str]) -> str:
    """Return the labels of keys, without their units."""
    return " and ".join(bare(key_label(key)) for key in keys)


def bare(label: str) -> str:
    """Return a label without its unit."""
    return label.partition(" (")[0]
