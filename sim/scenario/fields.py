"""What every part of the schema is made of: the base of its models and the kinds of value that a key may have.

A value is never coerced: text is no number, and `true` is no number. A float is a whole number only without a fraction
(1e3). Upper bounds keep sums and conversions finite; `advice` says what is sensible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

LONGEST_S = 1e9
MOST_PODS = 150_000
"""The largest cluster that Kubernetes is built for (kubernetes.io, "Considerations for large clusters")."""


class Frozen(BaseModel):
    """A model that cannot be changed and accepts only its own keys. The docstring below a key describes the key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON Schema, with the docstring below each key as its description."""
        from sim.scenario.docstrings import attribute_docstrings

        schema = handler(core_schema)
        keys = handler.resolve_ref_schema(schema)["properties"]
        for base in (base for base in reversed(cls.__mro__) if issubclass(base, Frozen)):
            for name, docstring in attribute_docstrings(base).items():
                if name in cls.model_fields:  # a class variable is no key
                    keys[cls.model_fields[name].alias or name]["description"] = docstring
        return schema


class Spec(Frozen):
    """A group of a scenario's keys."""


def complaint(*, found: str, expected: str = "", hint: str = "", key: str = "") -> PydanticCustomError:
    """Return the error for a validator to raise, in the problem's final words. `key` names a key within the value."""
    context = {"found": found, "expected": expected, "hint": hint, "key": key}
    return PydanticCustomError("complaint", "expected {expected} (got {found}) {hint}", context)


def _whole(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Count = Annotated[int, Field(ge=1, le=10_000), WHOLE]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
PositiveSeconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
Share = Annotated[float, Field(ge=0, le=1)]
CallsPerSecond = Annotated[float, Field(ge=0, le=10_000)]

_Pods = Annotated[int, Field(ge=0, le=MOST_PODS), WHOLE]
_AnyPercentage = Annotated[str, Field(pattern=r"^[0-9]{1,4}%$")]
_Percentage = Annotated[str, Field(pattern=r"^([0-9]{1,2}|100)%$")]
PodsOrAnyPercentage = Annotated[
    _Pods | _AnyPercentage,
    Field(json_schema_extra={"$comment": f"a number of pods from 0 to {MOST_PODS} or a percentage such as '25%'"}),
]
PodsOrPercentage = Annotated[
    _Pods | _Percentage,
    Field(
        json_schema_extra={"$comment": f"a number of pods from 0 to {MOST_PODS} or a percentage from '0%' to '100%'"}
    ),
]
"""Kubernetes takes whole percentages only, and of these two refuses the one above 100 % for maxUnavailable alone
(IsValidPercent; ValidateRollingUpdateDeployment, kubernetes/pkg/apis/apps/validation/validation.go)."""


def hundredths(value: int | str, replicas: int) -> int:
    """Return a number of pods or a percentage of `replicas` in hundredths of a pod, to be rounded by the caller."""
    return value * 100 if isinstance(value, int) else int(value.removesuffix("%")) * replicas


def is_zero(value: int | str) -> bool:
    """Return whether a number of pods or a percentage is zero."""
    return hundredths(value, 1) == 0
