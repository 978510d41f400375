"""CSV that a spreadsheet shows and does not run: a text that would count as a formula begins with an apostrophe.

Sources: OWASP, "CSV Injection": cells that begin with =, +, -, @, a tab or a carriage return are formulas.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def guarded(value: T) -> T | str:
    """Return a text so that no spreadsheet takes it for a formula, and any other value unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def unguarded(text: str) -> str:
    """Return a text as it was before `guarded`."""
    return text.removeprefix("'")


def csv_of(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the CSV of rows with the same columns, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0] if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: guarded(value) for column, value in row.items()} for row in rows)
    return text.getvalue()
