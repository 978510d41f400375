r"""Fields of access logs: a block of lines in, a table for each number of fields out.

Fields are separated by spaces, and some are quoted. New fields come at the end: 24 of 2018, then 25, 27, 29, 30, 33,
34, and 36 in 2026.

Modelled:
- Any number of fields from 24 on, also mixed in one file.
- Quotes within quotes, as `\"` or `\x22`.
- A line is read if the fields that are used can be understood.

Left out: the client's address, the URL and the user agent. These fields are split off, and never kept.

Sources: docs/facts/logs.md §1 (fields, quotes), §5 (pyarrow and its options).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from sim.records.names import taken
from sim.records.times import seconds_of_all

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow import csv

FEWEST_FIELDS = 24
_FIELDS = {
    "type": 1,
    "time": 2,
    "target": 5,
    "request_processing": 6,
    "target_processing": 7,
    "response_processing": 8,
    "elb_status": 9,
    "target_status": 10,
    "target_group": 17,
    "created": 22,
    "actions": 23,
    "error_reason": 25,
    "node": 34,
    "target_error": 35,
    "elb_error": 36,
}
"""The fields that are used, by their number as AWS counts, from 1."""
_TIMES = ("time", "created")
"""All other fields have few values, which are looked at once each."""
_TIME = r"^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$"
_DURATION = r"^-1(\.0+)?$|^\d{1,7}(\.\d{1,9})?$"
_SHAPES = {
    "type": r"^(https?|h2|grpcs|wss?)$",
    "time": _TIME,
    "created": _TIME,
    "request_processing": _DURATION,
    "target_processing": _DURATION,
    "response_processing": _DURATION,
    "elb_status": r"^\d{3}$|^-$",
    "target_status": r"^\d{3}$|^-$",
}
_QUOTED = rb'"(?:[^"\\]|\\.)*+"(?:[^ \\]|\\.)*+'
_PLAIN = rb'(?:[^ "\\]|\\.)(?:[^ \\]|\\.)*+'
_QUOTES_CLOSED = re.compile(rb"(?:(?:" + _QUOTED + b"|" + _PLAIN + rb")(?: |$)| )++")
"""A line that ends outside of quotes. A quote opens a field only at the field's beginning."""
FIRST_FIELDS = rb"(https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT\S+ \S+ \S+ \S+ -?\d"
"""How a line of an access log begins."""


def tables(block: bytes) -> list[dict[str, pa.Array]]:
    """Return the fields of the lines that can be read: one table for each number of fields."""
    block = _as_utf_8(block)
    rows = _parsed(block, max(_n_fields(block), FEWEST_FIELDS))
    if rows.swallowed_line_ends:
        block = b"".join(line for line in block.splitlines(keepends=True) if _QUOTES_CLOSED.fullmatch(line.rstrip()))
        rows = _parsed(block, max(_n_fields(block), FEWEST_FIELDS))
    parsed = [rows.table]
    for n_fields, lines in rows.misfits.items():
        if n_fields >= FEWEST_FIELDS:
            parsed.append(_parsed("\n".join([*lines, ""]).encode(), n_fields).table)
    understood = [_understood(table) for table in parsed if table.num_rows]
    return [fields for fields in understood if len(fields["time"])]


def _as_utf_8(block: bytes) -> bytes:
    return block if block.isascii() else block.decode(errors="replace").encode()


class _Rows:
    """A table of the rows with so many fields, and the text of those with another number, by that."""

    def __init__(self) -> None:
        self.table: pa.Table
        self.misfits: dict[int, list[str]] = defaultdict(list)

    def set_aside(self, row: csv.InvalidRow) -> str:
        self.misfits[row.actual_columns].append(row.text)
        return "skip"

    @property
    def swallowed_line_ends(self) -> bool:
        """Whether a quote that is never closed has made one row of several lines."""
        return any("\n" in text for texts in self.misfits.values() for text in texts)


def _parsed(block: bytes, n_fields: int) -> _Rows:
    import pyarrow as pa
    from pyarrow import csv

    rows = _Rows()
    names = [str(number) for number in range(1, n_fields + 1)]
    used = {str(number): name for name, number in _FIELDS.items() if number <= n_fields}
    word = pa.dictionary(pa.int32(), pa.string())
    rows.table = csv.read_csv(
        pa.BufferReader(block),
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
        csv.ParseOptions(delimiter=" ", double_quote=False, escape_char="\\", invalid_row_handler=rows.set_aside),
        csv.ConvertOptions(
            include_columns=list(used),
            column_types={number: pa.string() if name in _TIMES else word for number, name in used.items()},
            strings_can_be_null=False,
        ),
    )
    return rows


def _n_fields(block: bytes) -> int:
    """Return the number of fields of the first line."""
    first = block.lstrip(b"\n").partition(b"\n")[0] + b"\n"
    return next(iter(_parsed(first, 1).misfits), 1)


def _understood(table: pa.Table) -> dict[str, pa.Array]:
    """Return the fields by name, times in seconds, for the rows in which every field has its proper form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = {str(number): name for name, number in _FIELDS.items()}
    fields = {numbers[column]: table[column].combine_chunks() for column in table.column_names}
    good = np.ones(table.num_rows, bool)
    for name, shape in _SHAPES.items():
        column = fields[name]
        texts = column if name in _TIMES else column.dictionary
        fits = pc.match_substring_regex(texts, shape).to_numpy(zero_copy_only=False)
        good &= fits if name in _TIMES else taken(fits, column)
    shapely = _of_rows(fields, good)
    shapely |= {name: pa.array(seconds_of_all(shapely[name])) for name in _TIMES}
    return _of_rows(shapely, ~np.isnan(shapely["time"].to_numpy() + shapely["created"].to_numpy()))


def _of_rows(fields: dict[str, pa.Array], good: NDArray[np.bool_]) -> dict[str, pa.Array]:
    """Return some rows of the columns, without words that only other rows have."""
    import pyarrow as pa

    if good.all():
        return fields
    some = {name: column.filter(pa.array(good)) for name, column in fields.items()}
    return {
        name: column if name in _TIMES else column.dictionary_decode().dictionary_encode()
        for name, column in some.items()
    }
