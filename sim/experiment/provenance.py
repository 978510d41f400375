"""What results came from: the scenario, its seed, and the version of the model.

The model's version is the package's, with a digest of two things: the source on which results depend, and the versions
of the libraries that draw and compute. So results of an edited working copy never pass for those of the release.

Left out: the processor's floating point, the operating system, and the time of the run (so that the same input gives
the same bytes).
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.experiment.estimators import Estimator
    from sim.scenario.specs import Scenario

PROVENANCE = "albsim"
"""The key in a frame's `attrs`, and in a file's metadata, under which its provenance stands."""
_LIBRARIES = ("numba", "numpy", "scipy", "simpy")
_SUFFIXES = {".py", ".csv"}
"""The suffixes of code, and of the tables beside it."""
_PARTS = ("streams.py", "scenario", "control_plane", "data_plane", "experiment")
_WITHOUT_EFFECT = {"name", "description", "replications", "sweep"}
"""Keys of a scenario on which no single replication depends."""


@cache
def model_version() -> str:
    """Return the version of the model, such as `0.1.0+3f2a90c1d4be`."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for file in _sources():
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{version('albsim')}+{digest.hexdigest()[:12]}"


def replication_keys(scenario: Scenario, numbers: Iterable[int], estimator: Estimator) -> list[str]:
    """Return a name for the result of each of a scenario's replications, from all settings that it depends on.

    These settings are the scenario, the number, the estimator and the model's version.
    """
    canonical = scenario.model_dump_json(exclude=_WITHOUT_EFFECT)
    digest = hashlib.sha256(json.dumps([model_version(), canonical]).encode()).hexdigest()
    return [f"{digest}/{estimator}/{number}" for number in numbers]


def _sources() -> list[Path]:
    package = Path(__file__).parents[1]
    found = [file for part in _PARTS for file in [package / part, *sorted((package / part).rglob("*"))]]
    return [file for file in found if file.is_file() and file.suffix in _SUFFIXES]
