"""The committed results of scenarios/capacity, against the arithmetic of docs/facts/capacity.md §1 and today's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.experiment.replication import simulate
from sim.report.capacity import is_stalled
from sim.report.wording import number
from sim.scenario.loading import load_scenario

FOLDER = Path(__file__).parents[2] / "scenarios" / "capacity"
TABLE = (FOLDER / "results.md").read_text(encoding="utf-8").partition("## Nodes and addresses")[2].partition("![")[0]
ROWS = {cells[0]: cells[1:] for cells in (line.strip("| ").split(" | ") for line in TABLE.splitlines() if "|" in line)}

PER_NODE = 60
"""A c5.4xlarge with two interfaces of 30 addresses."""


def test_every_scenario_has_a_row_and_is_told() -> None:
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == ROWS.keys() - {"scenario", ":--"}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in names)


@pytest.mark.parametrize(
    ("name", "held", "free"),
    [
        ("one-zone", 65 * 30 + 3 * 30, 2043 - 2040),
        ("two-zones", 65 * PER_NODE, 2043 - 33 * PER_NODE),
        ("three-zones", 65 * PER_NODE, 2043 - 22 * PER_NODE),
        ("larger-subnet", 65 * PER_NODE, 8187 - 65 * PER_NODE),
        ("three-zones-second-cluster", None, None),
        ("prefixes", None, None),
    ],
)
def test_what_is_held_and_free(name: str, held: int | None, free: int | None) -> None:
    addresses = simulate(load_scenario(FOLDER / f"{name}.yaml")).addresses
    if held is not None:
        assert (addresses.held, addresses.free) == (held, free)
    assert ROWS[name][4:6] == [number(addresses.held), number(addresses.free)]


@pytest.mark.parametrize("name", ["surge-without-autoscaler", "surge-with-cluster-autoscaler", "surge-with-karpenter"])
def test_which_surge_ends(name: str) -> None:
    stalled = is_stalled(simulate(load_scenario(FOLDER / f"{name}.yaml")))
    assert stalled == (name == "surge-without-autoscaler")
    assert ROWS[name][0] == ("1.00" if stalled else "0")
