"""A scenario's time on the clock on the wall."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Scenario seconds, each of which takes `scale` seconds; t = 0 is `lead_s` scenario seconds from now."""

    def __init__(self, scale: float, *, lead_s: float) -> None:
        self.scale = scale
        self._zero = time.monotonic() + lead_s * scale

    @property
    def now_s(self) -> float:
        """Return the scenario's time."""
        return (time.monotonic() - self._zero) / self.scale

    def on_the_wall(self, duration_s: float) -> float:
        """Return the seconds that a duration of the scenario takes."""
        return duration_s * self.scale

    async def until(self, time_s: float) -> float:
        """Sleep until a time of the scenario; give the seconds on the wall by which it was missed."""
        await asyncio.sleep((time_s - self.now_s) * self.scale)
        return (self.now_s - time_s) * self.scale
