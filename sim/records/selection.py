"""Which of the records are wanted: those of one target group, or of a span of time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sim.records.names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A target group by its name or ARN, if one is given, and a span of time `[from_s, until_s)`."""

    target_group: str = ""
    from_s: float = -math.inf
    until_s: float = math.inf

    def in_time(self, time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which moments are wanted."""
        return (time_s >= self.from_s) & (time_s < self.until_s)

    def wants_group(self, arn: str) -> bool:
        """Return whether a target group is wanted."""
        return not self.target_group or self.target_group in (arn, name_of(arn))

    def of_requests(
        self, time_s: NDArray[np.float64], group: NDArray[np.int32], groups: Names
    ) -> NDArray[np.bool_] | None:
        """Return which requests are wanted, by the numbers of their groups. `None` means all requests."""
        if self == EVERYTHING:
            return None
        wanted = [groups.code(arn) for arn in groups.known() if self.wants_group(arn)]
        return self.in_time(time_s) & (np.isin(group, wanted) if self.target_group else np.bool_(True))

    def of(self, frame: pd.DataFrame, *, any_group: bool = False) -> pd.DataFrame:
        """Return the wanted rows of a frame with the columns `time_s` and `target_group`."""
        wanted = self.in_time(frame["time_s"].to_numpy())
        if self.target_group and not any_group:
            wanted &= frame["target_group"].map(self.wants_group).to_numpy(bool)
        return frame[wanted].reset_index(drop=True)


EVERYTHING = Selection()


def name_of(arn: str) -> str:
    """Return a target group's name from its ARN. Any other text is a name already."""
    parts = arn.split("/")
    return parts[1] if len(parts) == 3 and ":targetgroup" in parts[0] else arn  # noqa: PLR2004 - …:targetgroup/NAME/ID
