"""The versions of the ingress controller as numbers, and what one of its flags means by version.

Sources: tags of kubernetes-sigs/aws-load-balancer-controller; what it hands to its SDK as `--aws-max-retries`,
internal/aws/cloud.go (v1) and pkg/aws/aws_config.go@128d15056b4f (`StandardOptions.MaxAttempts`, from v2.9 on); that
the SDK takes 0 attempts for any number, aws/retry/middleware.go of aws-sdk-go-v2 (`maxAttempts > 0 && …`), whose
`NewStandard` puts no default in its place.
"""

from __future__ import annotations

import re

FIRST = (1, 1, 0)
FLAG_COUNTS_ATTEMPTS_SINCE = (2, 9, 0)


def release(version: str) -> tuple[int, int, int]:
    """Return the release that `v2.4.7` or, for a first one, `v2.4` names; `ValueError` if it is none from v1.1.0 on."""
    parts = re.fullmatch(r"v(\d+)\.(\d+)(?:\.(\d+))?", version)
    major, minor, patch = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    if (major, minor, patch) < FIRST:
        raise ValueError(f"'version' must be a controller version from v1.1.0 on, such as v1.1.4 (got {version!r})")
    return major, minor, patch


def retries(version: str, aws_max_retries: int) -> int | None:
    """Return how often a throttled call is repeated at most with this `--aws-max-retries`; None: without end.

    Up to v2.8 the flag counts retries. From v2.9 it counts attempts, and 0 makes the SDK retry until it succeeds.
    """
    if release(version) < FLAG_COUNTS_ATTEMPTS_SINCE:
        return aws_max_retries
    return aws_max_retries - 1 if aws_max_retries else None
