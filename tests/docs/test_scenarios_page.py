"""The page of the scenarios says what their results say: of 30 rollouts the committed results, of 200 the banks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.experiment.statistics import quantile_estimate
from tests.experiment.coverage import rollouts

PAGE, RESULTS = Path("scenarios/README.md"), Path("scenarios/results.md")
_ROW = re.compile(r"^\| `?([a-z0-9.-]+)`? \| (.*) \|$", re.MULTILINE)
_INTERVAL = re.compile(r"\([\d,.]+ to [\d,.]+\)")
_ESTIMATE = re.compile(r"([\d,.≈]+) \(([\d,.≈]+) to ([\d,.]+)\)")


def rows(text: str) -> dict[str, str]:
    """Return what the tables' rows of each scenario say, by its name."""
    found: dict[str, str] = {}
    for name, cells in _ROW.findall(text):
        found[name] = f"{found.get(name, '')} {cells}"
    return found


def test_what_is_said_of_30_rollouts_stands_in_the_results() -> None:
    told, given = rows(PAGE.read_text()), rows(RESULTS.read_text())
    of_30 = {name: said for name, said in told.items() if re.search(r"of 30\b(?! s)", said) and "200" not in said}
    intervals = {(name, interval) for name, said in of_30.items() for interval in _INTERVAL.findall(said)}
    assert {name for name, _ in intervals} >= {"black-hole", "controller-restart", "crash", "liveness-failure"}
    assert {(name, interval) for name, interval in intervals if interval not in given[name]} == set()


@pytest.mark.parametrize("name", ["baseline", "gree-200-pods", "gree-200-pods-4-retries", "manifest-defaults"])
def test_what_is_said_of_200_rollouts_is_that_of_the_bank_s_first_ones(name: str) -> None:
    """The page's table has a few digits, and ≈0 for less than one."""
    n_502 = rollouts(name)[0][:200]
    said = [
        [0.0 if "≈" in number else float(number.replace(",", "")) for number in numbers]
        for numbers in _ESTIMATE.findall(rows(PAGE.read_text())[name])
    ]
    for told, probability in zip(said, (0.5, 0.95), strict=True):
        estimate = quantile_estimate(n_502, probability)
        assert told == pytest.approx([estimate.value, estimate.low, estimate.high], rel=0.03, abs=0.5)
