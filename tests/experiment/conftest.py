from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def scenario_paths() -> list[Path]:
    return sorted(Path("scenarios").glob("*.yaml"))
