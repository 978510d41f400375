"""Targets whose requests end without a DeregisterTargets, and files that all ALB nodes lack."""

from pathlib import Path

import pytest
from albsim_tests.records import BEGIN_S, NODES, call, line, log, log_name, trail

from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.records.observation import observe
from sim.records.reading import read
from sim.report.observed import render

STAYING, LEAVING, SILENT = ("10.0.1.1:8080", "10.0.1.2:8080"), "10.0.1.72:8080", "10.0.1.99:8080"


def sent(until_s: float, *targets: str, every_s: float = 1.0) -> list[str]:
    return [line(every_s * number, target) for number in range(int(until_s / every_s)) for target in targets]


def silent(directory: Path) -> dict[str, float]:
    return {target: last_s - BEGIN_S for target, last_s in observe(read([directory])).silent.items()}


def test_a_target_is_silent_whose_requests_end_without_a_call(tmp_path: Path) -> None:
    log(tmp_path / "log", *sent(100, *STAYING), *sent(40, LEAVING), *sent(60, SILENT))
    trail(tmp_path / "trail", call(30, "DeregisterTargets", (LEAVING,)))
    assert silent(tmp_path) == {SILENT: pytest.approx(59)}
    words = render(observe(read([tmp_path])), "table")
    assert "1 target fell silent without a DeregisterTargets" in words
    assert SILENT in words.partition("fell silent")[2]


def test_too_near_the_end_of_the_log_none_is(tmp_path: Path) -> None:
    log(tmp_path / "log", *sent(75, *STAYING), *sent(60, SILENT))
    trail(tmp_path / "trail", call(30, "DeregisterTargets", (LEAVING,)))
    assert silent(tmp_path) == {}


def test_one_that_came_back_by_its_address_needs_a_call_of_its_own(tmp_path: Path) -> None:
    log(tmp_path / "log", *sent(100, *STAYING), *sent(60, SILENT))
    calls = [call(10, "DeregisterTargets", (SILENT,)), call(20, "RegisterTargets", (SILENT,))]
    trail(tmp_path / "trail", *calls)
    assert silent(tmp_path) == {SILENT: pytest.approx(59)}


def test_without_records_of_calls_nothing_is_said(tmp_path: Path) -> None:
    log(tmp_path / "log", *sent(100, *STAYING), *sent(60, SILENT))
    assert silent(tmp_path) == {}


def files_but(directory: Path, minute: str) -> None:
    """Write three files for each node, but those of a minute."""
    for end in ("05", "10", "15"):
        for node in NODES:
            if end != minute:
                begin_s = 60.0 * (int(end) - 5)
                lines = [line(begin_s + one, STAYING[0]) for one in range(0, 300, 10)]
                log(directory / log_name(node, f"20260817T10{end}Z"), *lines)


def test_a_file_that_every_node_lacks_is_missing_where_there_is_traffic(tmp_path: Path) -> None:
    files_but(tmp_path, "10")
    missing = observe(read([tmp_path])).missing_files
    assert [(one.node, one.from_s - BEGIN_S) for one in missing] == [(NODES[0], 300), (NODES[1], 300)]


def test_a_law_is_refused_if_no_file_is_there_around_the_calls(tmp_path: Path) -> None:
    files_but(tmp_path, "10")
    trail(tmp_path / "trail", call(450, "DeregisterTargets", (STAYING[0],)))
    found = calibrate(read([tmp_path]))
    assert found.not_measured[PROPAGATION] == "files of the access log are missing around every DeregisterTargets call"
