"""The table of `albsim verify`: each claim, and below it each case with theory, measurement and verdict.

Shown: the interval of the measurement (99.99 %, or rounding), and its distance from the theory in halfwidths. A check
passes from -1 to 1. An interval of rounding is left out.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from sim.report.wording import WIDTH, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.verification.checks import Check

FORMATS = ("table", "json")
_COLUMNS = {"": 4, "for": 30, "theory": 7, "measured": 8, "from": 7, "to": 7, "off": 5}
"""The columns with their widths: with two spaces between them they are as wide as a terminal."""
_READING = (
    "from, to: the 99.99 % interval of what is measured, empty where nothing is drawn. off: how far the theory is from "
    "it, in halves of the interval; -1 to 1 passes."
)
_DRAWN = 1e-6
"""The relative width from which an interval is more than rounding."""


def render(checks: Sequence[Check], form: str) -> str:
    """Return the checks in one of `FORMATS`, without a line end. JSON has numbers in full."""
    return json.dumps([_json(check) for check in checks], indent=2) if form == "json" else _table(checks)


def _table(checks: Sequence[Check]) -> str:
    by_claim: dict[str, list[Check]] = {}
    for check in checks:
        by_claim.setdefault(check.claim, []).append(check)
    parts: list[str | Table] = [_READING, "", _rows([list(_COLUMNS)])]
    for claim, of_claim in by_claim.items():
        cells = [["pass" if check.passed else "FAIL", check.settings, *_numbers(check)] for check in of_claim]
        parts += ["", claim, _rows(cells)]
    failed = sum(not check.passed for check in checks)
    verdict = f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed"
    return plain(Group(*parts, "", verdict), width=WIDTH)


def _rows(rows: Iterable[Sequence[str]]) -> Table:
    """Return rows without a heading, in columns that are as wide as those of every other claim."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for heading, width in _COLUMNS.items():
        table.add_column(width=width, justify="left" if heading in ("", "for") else "right", overflow="fold")
    for cells in rows:
        table.add_row(*cells)
    return table


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
