"""Numbers, outcomes and keys as people read them: three significant digits, thousands apart, with their units."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import RenderableType

    from sim.data_plane.outcomes import Outcome
    from sim.experiment.estimators import Estimator

_UNITS = {"_rps": "requests/s", "_per_s": "per s", "_s": "s"}
_FLAGS = {"aws_max_retries": "--aws-max-retries"}
_WORDS = {"pre stop": "preStop", "aws": "AWS", "alb": "ALB"}
_MARKDOWN = re.compile(r"[\\`*\[\]<>|]")
NOTHING = "-"
WIDTH = 80
"""How many columns the tables and texts of a terminal may take."""
SIGNIFICANT_DIGITS = 3
NEGLIGIBLE = 1e-6
"""Below this value a figure is practically zero, or a remainder of rounding, and its digits would say nothing."""


def number(value: float) -> str:
    """Return a number as text, with three significant digits and its thousands apart.

    NaN is a dash, and a negligible number is `≈0`.
    """
    if not math.isfinite(value):
        return NOTHING
    if 0 < abs(value) < NEGLIGIBLE:
        return "≈0"
    rounded = _significant(value)
    return f"{rounded:,.{max(0, -_last_place(rounded))}f}" if rounded else "0"


def _significant(value: float) -> float:
    return round(value, -_last_place(value)) if value else 0.0


def _last_place(value: float) -> int:
    """Return the power of ten of the last significant digit."""
    return math.floor(math.log10(abs(value))) - SIGNIFICANT_DIGITS + 1


def about(count: int) -> str:
    """Return a whole number to three digits, without decimals: `54`, `1,230`."""
    return f"{_significant(count):,.0f}"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage."""
    return f"{number(100 * fraction)} %" if math.isfinite(fraction) else NOTHING


def count(n: int, noun: str) -> str:
    """Return a number with its noun: `1 pod`, `2,000 pods`, `10 retries`."""
    return f"{n:,} {noun if n == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural: `pods`, `retries`, `crashes`."""
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("sh", "ch")) else f"{noun}s"


def times(n: int) -> str:
    """Return how often, in words: `once`, `6 times`."""
    return "once" if n == 1 else f"{n:,} times"


def listed(parts: Iterable[str]) -> str:
    """Return a list in words: `a, b and c`."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def counted_by(estimators: Mapping[str, Estimator]) -> str:
    """Return how the requests of scenarios were counted, in words. The keys are the scenarios' names."""
    drawn = [name for name, estimator in estimators.items() if estimator == "sampled"]
    if len(drawn) == len(estimators):
        return "Requests: every one drawn (estimator: sampled)."
    expected = "Requests: expected values, given the control plane's acts (estimator: expected)"
    return f"{expected}; every one drawn (sampled) for {listed(drawn)}." if drawn else f"{expected}."


def markdown(text: str) -> str:
    """Return a text so that Markdown shows it literally and takes no part of it for a tag, a link or a cell."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def plain(renderable: RenderableType, *, width: int) -> str:
    """Return what rich can show as plain text of a fixed width: the same bytes on a terminal, in a pipe and in CI."""
    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        color_system=None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def seconds(value_s: float) -> str:
    """Return a time to a tenth of a second: `1,234.5 s`."""
    return f"{tenths(value_s)} s"


def tenths(value: float) -> str:
    """Return a number with one decimal, or a dash for infinity."""
    return f"{value:,.1f}" if math.isfinite(value) else NOTHING


def cause(outcome: Outcome) -> str:
    """Return the words of an outcome: `connect refused`."""
    return outcome.name.lower().replace("_", " ")


def answered_with(outcome: Outcome) -> str:
    """Return the HTTP status with which requests end, in words: `502`, or `no status`."""
    return "no status" if outcome.status is None else str(outcome.status)


def by_outcome(counts: Mapping[Outcome, int]) -> str:
    """Return counts by outcome in words, the most frequent first."""
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{outcome.name.lower()} {n:,}" for outcome, n in most_first) or "none"


def key_label(key: str) -> str:
    """Return the words of a scenario's key, with its unit: `pod.pre_stop_sleep_s` is `preStop sleep (s)`."""
    name = key.rpartition(".")[2]
    if name in _FLAGS:
        return _FLAGS[name]
    unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    suffix = next((suffix for suffix in _UNITS if name.endswith(suffix)), "")
    words = name.removesuffix(suffix).replace("_", " ")
    for plain, proper in _WORDS.items():
        words = words.replace(plain, proper)
    return f"{words} ({unit})" if unit else words
