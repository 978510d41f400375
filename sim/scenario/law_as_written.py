"""How a law is written in a scenario: as a number, as the name of a CSV file, or with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.scenario.fields import LONGEST_S
from sim.scenario.measured import is_csv_name, names_a_file
from sim.scenario.problems import plain

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class OrNumber:
    """Let a plain number or the name of a CSV file stand for a law, also in the JSON Schema."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema of a number, a file's name, or whatever the law itself may be."""
        number = {"type": "number", "minimum": 0, "maximum": LONGEST_S}
        file = {"type": "string", "pattern": r"\.[cC][sS][vV]$"}
        comment = f"a number from 0 to {plain(LONGEST_S)} or a distribution such as {{dist: uniform, low: 1, high: 2}}"
        return {"anyOf": [number, file, handler(core_schema)], "$comment": comment}


def as_law(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return a plain number or the name of a CSV file as a distribution, everything else as it is."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"dist": "constant", "value": value}
    if is_csv_name(value):
        return {"dist": "empirical", "csv": value}
    if isinstance(value, dict) and "dist" not in value and names_a_file(value):
        return {"dist": "empirical", **value}
    return value
