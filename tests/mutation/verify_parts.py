"""`albsim verify` in parts, each of which can be run alone: a group of checks, or some of a group's drawn scenarios."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT_ONCE = 5


def parts() -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield the name of each part, and what returns whether it passes. The draws are those of the command."""
    from sim.verification import CHECKS, twins

    for group in CHECKS:
        if group not in (twins.control_plane_twin, twins.data_plane_twin, twins.expected_against_sampled):
            yield group.__name__, lambda group=group: all(check.passed for check in group())
    for what, drawn, seeds in twins.rolled():
        for first in range(0, seeds, AT_ONCE):
            some = range(first, min(first + AT_ONCE, seeds))
            yield f"{what} {first}", lambda drawn=drawn, some=some: all(_as_the_twin_says(drawn(k)) for k in some)
    for target_type, routing in product(twins.TARGET_TYPES, twins.ROUTINGS):
        for first in range(0, twins.TIMELINES, AT_ONCE):
            numbers = range(first, first + AT_ONCE)
            yield (
                f"{target_type}, {routing} {first}",
                lambda asked=(target_type, routing), numbers=numbers: all(_ends_alike(*asked, k) for k in numbers),
            )
    for estimated in twins.ESTIMATED:
        yield f"expected, {estimated[0]}", lambda estimated=estimated: twins.estimate_check(*estimated).passed


def _as_the_twin_says(scenario: object) -> bool:
    from sim.verification import twins

    return all(pair.alike for pair in twins.drawn_records(scenario))


def _ends_alike(target_type: str, routing: str, number: int) -> bool:
    from sim.verification import twins
    from sim.verification.agreement import agreeing

    return all(agreeing(*twins.drawn_requests(target_type, routing, number)))
