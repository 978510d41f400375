"""The retry policies by name, and what a warning needs to know of each. The policies are in `control_plane.aws`.

Sources: default_retryer.go of aws-sdk-go, whose shift stops at 8 in the older eras; jitter_backoff.go of aws-sdk-go-v2.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

RetryerName = Literal[
    "published",
    "published-repeat",
    "published-double",
    "aws-sdk-go-1.12",
    "aws-sdk-go-1.23.13",
    "aws-sdk-go-1.23.22",
    "aws-sdk-go-v2",
    "botocore-legacy",
    "botocore-standard",
    "botocore-adaptive",
    "full-jitter",
    "equal-jitter",
    "decorrelated-jitter",
]
"""The eras of aws-sdk-go are named for their first version."""

LONGEST_WAITS_S: Mapping[RetryerName, tuple[int, int]] = MappingProxyType(
    {
        "aws-sdk-go-1.12": (1, 256),
        "aws-sdk-go-1.23.13": (1, 256),
        "aws-sdk-go-1.23.22": (1, 300),
        "aws-sdk-go-v2": (2, 20),
    }
)
"""The longest wait before the first retry of a throttled call (doubled with each further one), and the cap of all."""
