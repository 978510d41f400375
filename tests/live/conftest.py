from __future__ import annotations

from typing import TYPE_CHECKING

from albsim_tests.live.comparison import HEADER

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Show the table, from whichever process a scenario was compared in."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [line for report in reports for name, line in report.user_properties if name == "row"]
    if lines:
        terminalreporter.section("the rig and the simulator")
        for line in (HEADER, *sorted(lines)):
            terminalreporter.write_line(line)
