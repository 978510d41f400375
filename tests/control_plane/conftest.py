from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.control_plane.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def make_env() -> Callable[[], Clock]:
    return Clock
