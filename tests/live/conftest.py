from __future__ import annotations

from typing import TYPE_CHECKING

from live.comparison import HEADER, TABLE

if TYPE_CHECKING:
    import pytest
    from _pytest.terminal import TerminalReporter


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = {}


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    rows = [row for table in config.stash[TABLE].values() for row in table]
    if rows:
        terminalreporter.section("the rig and the simulator")
        terminalreporter.write_line(HEADER)
        for row in rows:
            terminalreporter.write_line(str(row))
