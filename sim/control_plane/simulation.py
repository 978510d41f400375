"""What every part of one simulation of the control plane is given: its clock, its random streams and its trace."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import simpy

    from sim.control_plane.clock import Clock
    from sim.control_plane.trace import Trace
    from sim.streams import Stream, Streams


@dataclass(frozen=True, slots=True)
class Simulation:
    """One simulation: parts run their processes in `env`, draw from `streams`, and record in `trace` what happens."""

    env: Clock
    streams: Streams
    trace: Trace

    def within(self, stream: Stream, *entity: int) -> Simulation:
        """Return the same simulation for an entity that has streams of its own."""
        return replace(self, streams=self.streams.within(stream, *entity))


def call_when(event: simpy.Event, action: Callable[[], object]) -> None:
    """Call `action` when an event comes, which must be yet to come.

    Such a call is cheaper than a process that waits for the event.
    """

    def call(_: simpy.Event) -> None:
        action()

    event.callbacks.append(call)
