from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import simpy

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def make_env() -> Callable[[], simpy.Environment]:
    return simpy.Environment
