"""The table of `albsim verify`: each claim with theory, measurement and verdict.

Shown: the interval of the measurement (99.99 %, or rounding), and its distance from the theory in halfwidths. A check
passes from -1 to 1. An interval of rounding is left out.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from rich.table import Table

from sim.report.wording import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.verification.checks import Check

FORMATS = ("table", "json")
WIDTH = 160
_DRAWN = 1e-6
"""The relative width from which an interval is more than rounding."""


def render(checks: Sequence[Check], form: str) -> str:
    """Return the checks in one of `FORMATS`, without a line end. JSON has numbers in full."""
    return json.dumps([_json(check) for check in checks], indent=2) if form == "json" else _table(checks)


def _table(checks: Sequence[Check]) -> str:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("", "what", "for"):
        table.add_column(heading)
    for heading in ("theory", "measured", "from", "to", "off"):
        table.add_column(heading, justify="right", no_wrap=True)
    for check in checks:
        table.add_row("pass" if check.passed else "FAIL", check.claim, check.settings, *_numbers(check))
    failed = sum(not check.passed for check in checks)
    verdict = f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed"
    return f"{plain(table, width=WIDTH)}\n\n{verdict}"


def _numbers(check: Check) -> list[str]:
    measured = check.measured
    told = [f"{check.theory:.5g}", f"{measured.value:.5g}"]
    if not measured.high - measured.low > _DRAWN * max(1.0, abs(measured.value)):
        return [*told, "", "", "0" if check.passed else f"{check.off:.2g}"]
    return [*told, f"{measured.low:.5g}", f"{measured.high:.5g}", f"{check.off_halfwidths:+.2f}"]


def _json(check: Check) -> dict[str, object]:
    measured = check.measured
    numbers = {"theory": check.theory, "measured": measured.value, "low": measured.low, "high": measured.high}
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return {"claim": check.claim, "settings": check.settings, **finite, "passed": check.passed}
