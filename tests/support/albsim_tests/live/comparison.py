"""What the rig measured beside what the simulator says, as z-scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.data_plane.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Row:
    """One outcome of one scenario: the mean counts of a rollout, and how many standard errors they are apart."""

    scenario: str
    outcome: str
    measured: float
    simulated: float
    z: float

    def __str__(self) -> str:
        """Return the row as the table shows it."""
        return f"{self.scenario:34} {self.outcome:29} {self.measured:9.1f} {self.simulated:9.1f} {self.z:6.2f}"


COINCIDENCES = 0.25
"""Requests of a run that meet a change in the very moment of it, such as a connection that is still in the accept queue
when the listener closes: a real machine's, in no model; they widen the errors (as a Poisson count), never the means."""
HEADER = f"{'scenario':34} {'outcome':29} {'measured':>9} {'simulated':>9} {'z':>6}"


def rows(scenario: str, measured: NDArray[np.float64], simulated: NDArray[np.float64]) -> Iterator[Row]:
    """Compare counts by outcome, shape (runs, outcomes), for each outcome that either side has."""
    for outcome in Outcome:
        ours, theirs = measured[:, outcome], simulated[:, outcome]
        if ours.any() or theirs.any():
            yield Row(scenario, outcome.name.lower(), float(ours.mean()), float(theirs.mean()), z_score(ours, theirs))


def z_score(measured: NDArray[np.float64], simulated: NDArray[np.float64]) -> float:
    """Return the difference of two means in its standard errors, under one variance pooled from both samples.

    An outcome that is never simulated may be measured as often as coincidences are, and no more.
    """
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in (measured, simulated))
    variance = squares / (measured.size + simulated.size - 2) + COINCIDENCES
    error = math.sqrt(variance * (1 / measured.size + 1 / simulated.size))
    return float(measured.mean() - simulated.mean()) / error
