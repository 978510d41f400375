"""Which outcomes of a request are 502s, and how counts by outcome are written."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sim.data_plane.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTCOMES_502 = tuple(outcome for outcome in Outcome if outcome.status == HTTPStatus.BAD_GATEWAY)


def by_outcome(counts: Mapping[Outcome, int]) -> str:
    """Write counts by outcome, the most frequent first."""
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{outcome.name.lower()} {n:,}" for outcome, n in most_first) or "none"
