"""What a figure is: its name, its value in one replication, how values are aggregated, and where it is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from sim.experiment.aggregation import Aggregation, S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sim.experiment.simulated import Simulated
    from sim.scenario.specs import Scenario

V = TypeVar("V")
"""The value of a figure in one replication."""


Table = Literal["502s", "failures", "lags", "exposures", "course", "calls", "nodes"]
"""The tables of `albsim run`, in their order. The last is shown where a scenario has `nodes`."""


class Unit(NamedTuple):
    """The unit in brackets after a figure's label, the factor for values in that unit, and their greatest value."""

    words: str = ""
    factor: float = 1.0
    at_most: float = math.inf


NO_UNIT = Unit()
SECONDS = Unit("s")


class Cell(NamedTuple):
    """A column of the tables of `albsim run`: its table, its place in it, its heading, and what it shows of a figure.

    `shows`: the mean, the fraction, or the name of a quantile.
    """

    table: Table
    place: int
    heading: str
    shows: str = "mean"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figure(Generic[V, S]):
    """One figure of the results.

    - `name`: its place in the JSON, and the name, or the beginning of the names, of its columns in a sweep.
    - `of`: the figure's value in one replication.
    - `over`: how the values of all replications become one result.
    - `label`: its name on a picture's axis.
    - `cells`: the columns that show the figure in tables, if any do.
    - `swept`: whether a sweep has columns for the figure.
    - `block`: what of a scenario (`simulated_blocks`) it takes for such a figure.
    """

    name: str
    of: Callable[[Simulated], V]
    over: Aggregation[V, S]
    label: str
    unit: Unit = NO_UNIT
    cells: tuple[Cell, ...] = ()
    swept: bool = True
    block: Literal["nodes", "vpc_cni", "readiness_gate"] | None = None

    def is_of(self, scenario: Scenario) -> bool:
        """Return whether a scenario has the figure."""
        return self.block is None or self.block in scenario.simulated_blocks

    def columns(self) -> Iterator[Column]:
        """Yield the figure's columns in a sweep."""
        if self.swept:
            unit = f" ({self.unit.words})" if self.unit.words else ""
            for part, words in self.over.parts.items() or [("", "")]:
                name, label = (f"{self.name}.{part}", f"{self.label}, {words}") if part else (self.name, self.label)
                yield Column(name, f"{label}{unit}", self.unit)


_QUANTILES = {"p50": "median", "p99": "99 %", "max": "longest"}


def quantile_cells(
    table: Table, place: int, heading: str, quantiles: Sequence[str] = tuple(_QUANTILES)
) -> tuple[Cell, ...]:
    """Return a column for each quantile, from a place on."""
    return tuple(Cell(table, place + at, f"{heading},\n{_QUANTILES[name]}", name) for at, name in enumerate(quantiles))


class Column(NamedTuple):
    """A column of a sweep: its name, its label on a picture's axis, and its unit."""

    name: str
    label: str
    unit: Unit
