"""The committed results of scenarios/switch, against the arithmetic of docs/facts/capacity.md §4."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

import pytest
from scipy.integrate import quad

from sim.scenario.loading import load_scenario

FOLDER = Path(__file__).parents[2] / "scenarios" / "switch"
TABLE = (FOLDER / "results.md").read_text(encoding="utf-8").partition("## Failed requests")[2].partition("![")[0]
ROWS = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in TABLE.splitlines() if "|" in line)}
RPS, UNTIL_S, DELETED_AFTER_S = 2000, 4 * 3600, {5: 600, 30: 2100, 120: 7500}
"""The requests a second, until when they are counted, and when the old ALB goes, by the minutes that its pods stay."""
LONGEST_UNSEEN_S = 60
"""The preStop sleep and the slowest deregistration: who is served or refused meanwhile gets no 503."""


def held(t_s: float) -> float:
    """Return the share of new connections after the TTL: 7.5 % hold on, of whom half have let go after 300 s."""
    return 0.075 * (1 - NormalDist().cdf(math.log(t_s / 300) / 1.5)) if t_s else 0.075


def number(cell: str) -> float:
    return float(cell.replace(",", ""))


def test_every_scenario_has_a_row_and_is_told() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == ROWS.keys() - {"scenario", ":--"}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in names)
    assert all(load_scenario(FOLDER / f"{name}.yaml").disruption == "cluster_switch" for name in names)


def test_new_pods_that_start_with_the_switch_are_missed_until_the_first_is_a_target() -> None:
    """A pod needs 25 s at least: an image of 5 s or more and a start of 20 s or more. The first one needs no 45 s."""
    n_503 = number(ROWS["new-pods-with-the-record"][2]) - number(ROWS["new-pods-before"][2])

    def follow_within(until_s: float) -> float:
        return RPS * quad(lambda t_s: 1 - held(t_s) - 0.925 * (1 - t_s / 60), 0, until_s)[0]

    assert follow_within(25) < n_503 < follow_within(45)
    for name in ("new-pods-before", "kept-30-minutes"):
        assert number(ROWS[name][2]) == pytest.approx(number(ROWS["kept-30-minutes"][2]), rel=0.02)


@pytest.mark.parametrize("minutes", [5, 30, 120])
def test_what_is_lost_is_the_integral_of_the_share(minutes: int) -> None:
    _, _, n_503, n_504, no_answer = ROWS[f"kept-{minutes}-minutes"]
    removed_s, deleted_s = 60 * minutes, DELETED_AFTER_S[minutes]
    without_pods, without_alb = RPS * quad(held, removed_s, deleted_s)[0], RPS * quad(held, deleted_s, UNTIL_S)[0]
    assert number(no_answer) == pytest.approx(without_alb, rel=0.005)
    assert without_pods - RPS * held(removed_s) * LONGEST_UNSEEN_S < number(n_503) < without_pods
    assert n_504 == "0"
