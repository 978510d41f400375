"""The rollouts that scenarios/README.md tells of: their 502s, and the probability that each has any.

`python -m tests.docs.scenario_rollouts` simulates those that `data/scenario_rollouts.csv.gz` lacks, and keeps them as
they come; `--anew` begins with none. `tests/docs/test_scenarios_page.py` holds the page to them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np

from sim.experiment.estimators import choose_estimator
from sim.experiment.replication import simulate
from sim.scenario.loading import load_scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.scenario.specs import Scenario

FILE = Path(__file__).parent / "data" / "scenario_rollouts.csv.gz"
RETRIES = "controller.aws_max_retries"
_OTHERS, _BURST = "aws_api.other_clusters", "aws_api.buckets.waf_regional.capacity"
_CLUSTER = {"ingresses": 10, "churn_per_s": 0.2, "controller": {"version": "v1.1.4"}}
_AT_ONCE = 50


class Row(NamedTuple):
    """A row of the page: rollouts of a scenario, with changes."""

    scenario: str
    changes: dict[str, Any]
    rollouts: int = 200

    def load(self) -> Scenario:
        """Return the scenario with its changes."""
        return load_scenario(f"scenarios/{self.scenario}.yaml").with_overrides(self.changes)


ROWS = {
    **{name: Row(name, {}) for name in ("gree-400-pods", "gree-10-pods", "gree-50-pods")},
    "pre-stop-fails-health-check": Row("pre-stop-fails-health-check", {}, 500),
    **{name: Row(name, {}) for name in ("node-drain", "scale-in", "pre-stop-over-grace", "blue-green")},
    **{
        f"{n} others, {retries} retries": Row("gree-200-pods", {_OTHERS: [_CLUSTER] * n, RETRIES: retries})
        for n in (0, 1, 2, 5)
        for retries in (10, 4)
    },
    **{f"burst, {retries} retries": Row("gree-200-pods", {_BURST: 5, RETRIES: retries}) for retries in (10, 4)},
    **{name: Row(name, {}) for name in ("gree-200-pods-v1.1.9", "gree-200-pods-all-v1.1.9")},
    "controller-restart, none": Row("controller-restart", {"controller.restart_at_s": None}, 30),
    "black-hole, round_robin": Row("black-hole", {"target_group.routing": "round_robin"}, 30),
}
"""The rows that neither results.md nor the banks of the coverage have."""


@cache
def rollouts(key: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 502s of a row's rollouts, and the probability that each has any."""
    kept = _kept()[key]
    return np.array([n_502 for n_502, _ in kept]), np.array([any_502 for _, any_502 in kept])


def _kept() -> dict[str, list[tuple[float, float]]]:
    kept: dict[str, list[tuple[float, float]]] = {key: [] for key in ROWS}
    if FILE.exists():
        for key, n_502, any_502 in np.loadtxt(FILE, dtype=str, delimiter=";", ndmin=2):
            kept[str(key)].append((float(n_502), float(any_502)))
    return kept


def one(row: Row, number: int) -> tuple[float, float]:
    """Simulate one rollout: its 502s, and the probability that it has any."""
    scenario = row.load()
    figures = simulate(scenario, replication=number, estimator=choose_estimator([scenario])).figures()
    return figures.responses(502), figures.values["any_502"]


def _keep(kept: dict[str, list[tuple[float, float]]]) -> None:
    lines = [f"{key};{n_502:.4g};{any_502:.4g}" for key, of_row in kept.items() for n_502, any_502 in of_row]
    np.savetxt(FILE, lines, fmt="%s")


@click.command()
@click.option("--anew", is_flag=True, help="Simulate all rollouts.")
def main(*, anew: bool) -> None:
    """Simulate the rollouts that the file lacks."""
    kept = {key: [] for key in ROWS} if anew else _kept()
    for key, row in ROWS.items():
        for number in range(len(kept[key]), row.rollouts):
            kept[key].append(one(row, number))
            if (number + 1) % _AT_ONCE == 0 or number + 1 == row.rollouts:
                _keep(kept)
        click.echo(f"{key}: {len(kept[key])} rollouts")


if __name__ == "__main__":
    main()
