"""The command `verify`: a row that fails makes the exit status 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sim import verification
from sim.cli import main
from sim.scenario.problems import Problem, ScenarioError
from sim.verification.checks import of_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.verification.checks import Check


def right() -> Iterator[Check]:
    yield of_value("two and two", "integers", 4, 2 + 2)


def wrong() -> Iterator[Check]:
    yield of_value("two and two", "integers", 4, 5)


@pytest.mark.parametrize(("groups", "status"), [((right,), 0), ((right, wrong), 1), ((wrong, right), 1)])
def test_one_failing_row_decides(groups: tuple[object, ...], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHECKS", groups)
    result = CliRunner().invoke(main, ["verify"])
    assert result.exit_code == status
    assert [line[:4] for line in result.stdout.splitlines() if "integers" in line] == [
        "pass" if group is right else "FAIL" for group in groups
    ]


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHECKS", (wrong,))
    result = CliRunner().invoke(main, ["verify", "--format", "json", "--quiet"])
    assert result.exit_code == 1
    assert [check["passed"] for check in json.loads(result.stdout)] == [False]
    assert result.stderr == ""


def test_a_check_that_cannot_be_made_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless() -> Iterator[Check]:
        yield of_value("two and two", "", 4, 4)
        raise ScenarioError([Problem(found="no end")])

    monkeypatch.setattr(verification, "CHECKS", (endless,))
    result = CliRunner().invoke(main, ["verify"])
    assert result.exit_code == 1
    assert isinstance(result.exception, RuntimeError)
