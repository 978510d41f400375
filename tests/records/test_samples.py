"""Every line of the examples is read as the file beside it says."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.records.deregistrations import changes
from sim.records.reading import read

DATA = Path(__file__).parent / "data"
EXPECTED = [yaml.safe_load(path.read_text()) for path in sorted(DATA.glob("*.expected.yaml"))]
(ACCESS_LOG,) = (one for one in EXPECTED if one["kind"] == "alb_access_log")
(TRAIL,) = (one for one in EXPECTED if one["kind"] == "cloudtrail")
(CONTROLLER,) = (one for one in EXPECTED if one["kind"] == "controller_log")
UNDECIDED = ["connect_refused", "closed_in_flight", "keep_alive_race"]


def outcome(expected: dict[str, Any]) -> str:
    """Return the class of what a line leaves open."""
    return "reset" if expected["outcomes"] == UNDECIDED else expected["outcomes"][0]


@pytest.mark.parametrize("expected", ACCESS_LOG["lines"], ids=lambda expected: f"line {expected['line']}")
def test_each_line_alone(expected: dict[str, Any], tmp_path: Path) -> None:
    lines = gzip.decompress((DATA / ACCESS_LOG["file"]).read_bytes()).splitlines(keepends=True)
    alone = tmp_path / ACCESS_LOG["file"]
    alone.write_bytes(lines[expected["line"] - 1])
    requests = read([alone]).requests
    assert requests is not None
    assert requests["outcome"].tolist() == [outcome(expected)]
    assert requests["node"].tolist() == [ACCESS_LOG["node_from_file_name"]]


def test_all_lines_together() -> None:
    records = read([DATA / ACCESS_LOG["file"]])
    assert records.requests is not None
    assert sorted(records.requests["outcome"]) == sorted(outcome(expected) for expected in ACCESS_LOG["lines"])
    assert records.files["lines_not_read"].tolist() == [0]


@pytest.mark.parametrize("expected", TRAIL["records"], ids=lambda expected: f"record {expected['n']}")
def test_each_record_of_the_trail(expected: dict[str, Any]) -> None:
    calls = read([DATA / TRAIL["file"]]).calls
    assert calls is not None
    found = calls.iloc[expected["n"] - 1]
    assert found["action"] == f"elasticloadbalancing:{expected['event']}"
    assert found["throttled"] == expected["throttled"]
    assert [target.split(":")[0] for target in found["targets"]] == expected["targets"]


@pytest.mark.parametrize("expected", CONTROLLER["deregistered"])
def test_each_deregistration_of_the_controller(expected: dict[str, Any]) -> None:
    (found,) = changes(read([DATA / CONTROLLER["file"]]), "deregister")
    assert found.targets == (expected["target"],)
    assert (found.from_s, found.until_s) == (expected["started"], expected["done"])
