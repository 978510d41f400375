"""The releases that each version of the Helm chart aws-load-balancer-controller installs.

Source: helm/aws-load-balancer-controller/Chart.yaml at each tag (docs/facts/manifests.md §1.4).
"""

from __future__ import annotations

from sim.scenario.releases import nearest

_NUMBERS_AGREE_SINCE = (1, 7)
"""From this chart on, chart 1.N.P installs v2.N.P; chart 3.N.P installs v3.N.P."""
_BEFORE = {
    "1.2.3": "v2.2.1",
    "1.3.0": "v2.3.0",
    "1.3.3": "v2.3.1",
    "1.4.0": "v2.4.0",
    "1.4.1": "v2.4.1",
    "1.4.4": "v2.4.3",
    "1.4.5": "v2.4.4",
    "1.4.7": "v2.4.6",
    "1.4.8": "v2.4.7",
    "1.5.0": "v2.5.0",
    "1.5.1": "v2.5.1",
    "1.5.3": "v2.5.2",
    "1.5.4": "v2.5.3",
    "1.5.5": "v2.5.4",
    "1.6.0": "v2.6.0",
    "2.7.0": "v2.7.0",
}
_MAJOR_OF_CHART = {1: 2, 3: 3}


def release_of_chart(major: int, minor: int, patch: int) -> str | None:
    """Return the release that a chart installs, the nearest one that is known; None for an unknown chart."""
    version = f"{major}.{minor}.{patch}"
    if version in _BEFORE:
        return _BEFORE[version]
    if major not in _MAJOR_OF_CHART or (major, minor) < _NUMBERS_AGREE_SINCE:
        return None
    return nearest(_MAJOR_OF_CHART[major], minor, patch)
