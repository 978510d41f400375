"""Measured values as a law: listed in the scenario, or in a column of a CSV file, whose header may be missing if alone.

Left out: units. The values are kept, not the file's name, so that a scenario that has been read needs no file.
"""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from sim.scenario.fields import LONGEST_S, Seconds, complaint
from sim.scenario.law import Law, require_dist, tail_product
from sim.scenario.problems import did_you_mean, plain, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from pydantic_core import PydanticCustomError

    Floats = NDArray[np.float64]

_MOST_BYTES = 20_000_000
_MOST_NAMED = 20
_EXPECTED = f"a CSV file with one number from 0 to {plain(LONGEST_S)} in each line"
FILE_KEYS = ("csv", "file", "path")
"""The names of the key for a file of measured values."""
_COLUMN = "column"


def is_csv_name(value: object) -> bool:
    """Return whether a value is the name of a CSV file, which may take the place of a distribution."""
    return isinstance(value, str) and value.lower().endswith(".csv")


def names_a_file(given: Mapping[str, object]) -> bool:
    """Return whether a distribution names a file of measured values, and so need not name its family."""
    return any(key in given for key in FILE_KEYS)


def _or_csv(schema: dict[str, Any]) -> None:
    require_dist(schema)
    schema["required"] = []
    schema["minProperties"] = 1
    for key in FILE_KEYS:
        schema["properties"][key] = {
            "type": "string",
            "description": "Instead of `values`: a CSV file beside the scenario, a number in each line, or a table with"
            " a header and a `column` of numbers. `dist` may then be left out.",
        }
    schema["properties"][_COLUMN] = {"type": "string", "description": "The column of a file with several."}


class Empirical(Law):
    """Measured values, each as likely as the others: `values`, or `csv`, a file of them beside the scenario.

    The file's name may also stand alone, `deregistration_lag_s: lags.csv`, or as `file` or `path`.
    """

    model_config = ConfigDict(json_schema_extra=_or_csv)

    dist: Literal["empirical"] = "empirical"
    values: Annotated[tuple[Seconds, ...], Field(strict=False, min_length=1)]
    """The values, in any order; from `csv: FILE` they are read when the scenario is."""

    @model_validator(mode="before")
    @classmethod
    def _read_csv(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(given, dict):
            return given
        if is_csv_name(values := given.get("values")):
            file = Path(str(values)).name
            raise complaint(key="values", expected="a list of values", found=shown(file), hint=f"write file: {file}")
        if not names_a_file(given):
            return given
        named = [key for key in (*FILE_KEYS, "values") if key in given]
        if len(named) > 1:
            raise complaint(expected="values or csv", found=" and ".join(named))
        rest = {key: value for key, value in given.items() if key not in {*FILE_KEYS, _COLUMN}}
        return rest | {"values": _read(given[named[0]], given.get(_COLUMN))}

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(np.asarray(self.values, dtype=np.float64))

    def _sample(self, rng: np.random.Generator, size: int) -> Floats:
        return self._sorted[(rng.random(size) * len(self.values)).astype(np.intp)]

    def _limited_mean(self, x: Floats) -> Floats:
        below = np.searchsorted(self._sorted, x, side="right")
        sums = np.concatenate(([0.0], np.cumsum(self._sorted)))
        return (sums[below] + tail_product(x, 1.0 * (len(self.values) - below))) / len(self.values)

    def _sf(self, x: Floats) -> Floats:
        return 1.0 - np.searchsorted(self._sorted, x, side="right") / len(self.values)

    def _ppf(self, q: Floats) -> Floats:
        return np.asarray(np.quantile(self._sorted, q, method="inverted_cdf"))


def _read(name: object, column: object) -> list[float]:
    """Return the numbers in a CSV file's column. Raises a complaint if there are none, or other values."""
    if not isinstance(name, str) or not name:
        raise complaint(expected="the name of a CSV file", found=shown(name))
    if column is not None and not isinstance(column, str):
        raise complaint(key=_COLUMN, expected="the name of a column", found=shown(column))
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise complaint(expected=_EXPECTED, found=f"{name}, which is not UTF-8 text") from None
    except OSError as error:
        raise complaint(expected=_EXPECTED, found=f"{name}: {error.strerror}") from None
    except ValueError:
        raise complaint(expected=_EXPECTED, found=f"{shown(name)}, which no file can be called") from None
    if len(content) > _MOST_BYTES:
        raise complaint(expected=_EXPECTED, found=f"{name}, which is larger than {_MOST_BYTES // 10**6} MB")
    return _numbers(name, _cells(name, lines, column))


def _cells(name: str, lines: list[str], column: str | None) -> list[tuple[int, str]]:
    """Return the cells of the column with the numbers of their lines, without the header."""
    reader = csv.reader(lines)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise complaint(expected=_EXPECTED, found=f"{name}: {error}") from None
    if not rows:
        raise _unfit(f"{name}, which has none")
    header = rows[0][1]
    has_header = all(_number(cell) is None for cell in header)
    at = _place_of(name, column, header if has_header else [])
    if at is None:
        if len(header) > 1:
            raise _several(name, header if has_header else [])
        at = 0
    return [(line, row[at] if at < len(row) else "") for line, row in rows[has_header:]]


def _place_of(name: str, column: str | None, header: list[str]) -> int | None:
    if column is None:
        return None
    if column not in header:
        hint = did_you_mean(column, header)
        raise complaint(key=_COLUMN, expected=_one_of(name, header), found=shown(column), hint=hint)
    return header.index(column)


def _several(name: str, header: list[str]) -> PydanticCustomError:
    hint = "the file has several columns"
    if header:
        hint += f": write {{file: {Path(name).name}, {_COLUMN}: {shown(header[-1])}}}, or another of them"
    return complaint(key=_COLUMN, expected=_one_of(name, header), found="none", hint=hint)


def _one_of(name: str, header: list[str]) -> str:
    names = ", ".join(shown(one) for one in header[:_MOST_NAMED])
    return f"a column of {name}: one of {names}" if header else f"a header in {name} that names its columns"


def _numbers(name: str, cells: list[tuple[int, str]]) -> list[float]:
    wrong = next(((number, cell) for number, cell in cells if not _is_time(cell)), None)
    if wrong is not None:
        raise _unfit(f"{name}:{wrong[0]}: {shown(wrong[1])}")
    if not cells:
        raise _unfit(f"{name}, which has none")
    return [float(cell) for _, cell in cells]


def _unfit(found: str) -> PydanticCustomError:
    return complaint(expected=_EXPECTED, found=found)


def _is_time(cell: str) -> bool:
    number = _number(cell)
    return number is not None and 0 <= number <= LONGEST_S


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
