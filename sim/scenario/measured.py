"""Measured values as a law: listed in the scenario, or in a CSV file with one number in each line, header or not.

What is left out: several columns, quoting, units. The values are kept, not the file's name, so that a scenario that has
been read needs no file.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from sim.scenario.fields import LONGEST_S, Seconds, complaint
from sim.scenario.law import Law, require_dist, tail_product
from sim.scenario.problems import plain, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydantic_core import PydanticCustomError

    Floats = NDArray[np.float64]

_MOST_BYTES = 20_000_000
_EXPECTED = f"a CSV file with one number from 0 to {plain(LONGEST_S)} in each line"


def _or_csv(schema: dict[str, Any]) -> None:
    require_dist(schema)
    schema["required"].remove("values")
    schema["properties"]["csv"] = {
        "type": "string",
        "description": "Instead of `values`: a file beside the scenario with one number in each line.",
    }


class Empirical(Law):
    """Measured values, each as likely as the others: `values`, or `csv`, a file of them beside the scenario."""

    model_config = ConfigDict(json_schema_extra=_or_csv)

    dist: Literal["empirical"] = "empirical"
    values: Annotated[tuple[Seconds, ...], Field(strict=False, min_length=1)]
    """The values, in any order; from `csv: FILE` they are read when the scenario is."""

    @model_validator(mode="before")
    @classmethod
    def _read_csv(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        if not isinstance(given, dict) or "csv" not in given:
            return given
        if "values" in given:
            raise complaint(expected="values or csv", found="both")
        rest = {key: value for key, value in given.items() if key != "csv"}
        return rest | {"values": _read(given["csv"])}

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


def _read(name: object) -> list[float]:
    """Read the numbers of a CSV file; a complaint if it has none or holds something else."""
    if not isinstance(name, str) or not name:
        raise complaint(expected="the name of a CSV file", found=shown(name))
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
    return _numbers(name, lines)


def _numbers(name: str, lines: list[str]) -> list[float]:
    cells = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if cells and _number(cells[0][1]) is None:
        cells = cells[1:]
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
