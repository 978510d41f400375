"""The releases of the ingress controller: what each does, and how it differs from the one before.

Modelled: the table of docs/facts/controller.md §1 to §4, with a row for each release at which anything changes, oldest
first. A row holds until the next one. What a row does not name is as in the row before. Controllers, retryers,
`albsim check`, `albsim import`, the records that `albsim run` writes, and docs/controllers.md know releases from here
alone. `release` has the columns, `v1` and `v2` the rows, `charts` the versions of the Helm chart.

Left out: releases before v1.1.0, and what `sim.control_plane.controllers` leaves out.

Sources:
- the tags of kubernetes-sigs/aws-load-balancer-controller (LBC), named in `v1` and `v2`;
- for 0 as `--aws-max-retries`: aws/retry/middleware.go of aws-sdk-go-v2 (`maxAttempts > 0 && …`), whose `NewStandard`
  puts no default in its place.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from sim.scenario.releases.release import IngressControllerRelease, LoadBalancerControllerRelease, Release
from sim.scenario.releases.v1 import V1
from sim.scenario.releases.v2 import NEWEST, V2

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "NEWEST",
    "RELEASES",
    "V1_VERSIONS",
    "IngressControllerRelease",
    "LoadBalancerControllerRelease",
    "Release",
    "first",
    "nearest",
    "release_of",
    "version_number",
]

RELEASES: tuple[Release, ...] = (*V1, *V2)
V1_VERSIONS = tuple(f"v1.1.{patch}" for patch in range(10))
"""Every release of v1.1."""
_MOST_PATCHES = 99


def version_number(version: str) -> tuple[int, int, int]:
    """Return the numbers of `v2.4.7` or `v2.4`. Raises `ValueError` if that is no version from v1.1.0 on."""
    parts = re.fullmatch(r"v(\d+)\.(\d+)(?:\.(\d+))?", version)
    major, minor, patch = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    if (major, minor, patch) < (1, 1, 0):
        raise ValueError(f"'version' must be a controller version from v1.1.0 on, such as v1.1.4 (got {version!r})")
    return major, minor, patch


def nearest(major: int, minor: int, patch: int) -> str:
    """Return the release with these numbers, or the nearest one that is known."""
    if (major, minor) < (1, 1):
        return V1_VERSIONS[0]
    if major == 1:
        return V1_VERSIONS[min(patch, len(V1_VERSIONS) - 1) if minor == 1 else -1]
    if (major, minor) > version_number(NEWEST)[:2]:
        return NEWEST
    return f"v{major}.{minor}.{patch}" if patch <= _MOST_PATCHES else NEWEST


def first(does: Callable[[Release], bool]) -> str:
    """Return the name of the first release for which the condition is true."""
    return next(release.since for release in RELEASES if does(release))


@cache
def release_of(version: str) -> Release:
    """Return the row of a version such as `v2.4.7`. Raises `ValueError` if that is no version from v1.1.0 on."""
    number = version_number(version)
    return [release for release in RELEASES if version_number(release.since) <= number][-1]
