"""The page of the scenarios says what their results say: of 30 rollouts the committed results, of more the banks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.experiment.replication import simulate
from sim.experiment.statistics import fraction_estimate, mean_estimate, quantile_estimate
from sim.scenario.loading import load_scenario
from tests.docs.scenario_rollouts import ROWS, one
from tests.docs.scenario_rollouts import rollouts as rollouts_of_row
from tests.experiment.coverage import banks, rollouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

PAGE, RESULTS = Path("scenarios/README.md"), Path("scenarios/results.md")
_ROW = re.compile(r"^\| `?([a-z0-9.-]+)`? \| (.*) \|$", re.MULTILINE)
_INTERVAL = re.compile(r"\([\d,.]+ to [\d,.]+\)")
_ESTIMATE = re.compile(r"([\d,.≈]+)(?: %)? \(([\d,.≈]+) to ([\d,.]+)(?: %)?\)")


def rows(text: str) -> dict[str, str]:
    """Return what the tables' rows of each scenario say, by its name."""
    found: dict[str, str] = {}
    for name, cells in _ROW.findall(text):
        found[name] = f"{found.get(name, '')} {cells}"
    return found


def estimates(text: str) -> list[list[float]]:
    """Return the values and intervals that a text tells, with ≈0 for less than one."""
    return [
        [0.0 if "≈" in number else float(number.replace(",", "")) for number in numbers]
        for numbers in _ESTIMATE.findall(text)
    ]


def of(key: str, *, whole: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 502s of a row's rollouts, and the probabilities that each has any; of a bank 200, or the whole."""
    if key not in banks():
        return rollouts_of_row(key)
    n_502, any_502 = rollouts(key)
    return (n_502, any_502) if whole else (n_502[:200], any_502[:200])


def share(key: str, *, whole: bool = False) -> Any:
    """Return how many of a row's rollouts have any 502, with its interval (%), as exactly as the page says it."""
    any_502 = of(key, whole=whole)[1]
    estimate = fraction_estimate(any_502.sum(), any_502.size)
    return pytest.approx([100 * estimate.value, 100 * estimate.low, 100 * estimate.high], abs=0.06)


def quantiles(key: str, *, whole: bool = False) -> Iterator[Any]:
    """Yield the median and the 95 % quantile of a row's 502s, in three digits or to half a request."""
    for probability in (0.5, 0.95):
        estimate = quantile_estimate(of(key, whole=whole)[0], probability)
        yield pytest.approx([estimate.value, estimate.low, estimate.high], rel=0.006, abs=0.51)


def test_what_is_said_of_30_rollouts_stands_in_the_results() -> None:
    told, given = rows(PAGE.read_text()), rows(RESULTS.read_text())
    of_30 = {name: said for name, said in told.items() if re.search(r"of 30\b(?! s)", said) and "200" not in said}
    intervals = {(name, interval) for name, said in of_30.items() for interval in _INTERVAL.findall(said)}
    assert {name for name, _ in intervals} >= {"black-hole", "controller-restart", "crash", "liveness-failure"}
    assert {(name, interval) for name, interval in intervals if interval not in given[name]} == set()


@pytest.mark.parametrize(
    ("name", "n"),
    [("gree-10-pods", 2), ("gree-50-pods", 3), ("gree-200-pods", 3), ("gree-400-pods", 3),
     ("gree-200-pods-4-retries", 3), ("gree-200-pods-v1.1.9", 2), ("gree-200-pods-all-v1.1.9", 2),
     ("pre-stop-fails-health-check", 1), ("baseline", 2), ("manifest-defaults", 2), ("pre-stop-over-grace", 2),
     ("node-drain", 2), ("scale-in", 1), ("blue-green", 1)],
)  # fmt: skip
def test_every_estimate_of_a_row_is_one_of_its_rollouts(name: str, n: int) -> None:
    """The row of the drain tells of a rollout of the same pods too."""
    told = estimates(rows(PAGE.read_text())[name])
    true = [one for key in (name, *_BESIDE.get(name, ())) for one in (share(key), *quantiles(key))]

    assert len(told) == n
    assert [one for one in told if one not in true] == []


_BESIDE = {"node-drain": ("gree-50-pods",)}


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        *((str(n or "none"), [f"{n} others, {retries} retries" for retries in (10, 4)]) for n in (0, 1, 2, 5)),
        ("**3**, as assumed", ["gree-200-pods", "gree-200-pods-4-retries"]),
        ("3, `waf_regional` with a burst of 5", [f"burst, {retries} retries" for retries in (10, 4)]),
    ],
)
def test_what_the_incident_depends_on(said: str, keys: list[str]) -> None:
    (cells,) = re.findall(rf"^\| {re.escape(said)} \| (.* %.*) \|$", PAGE.read_text(), re.MULTILINE)

    assert estimates(cells) == [share(key) for key in keys]


@pytest.mark.parametrize(
    ("page", "of_10_retries", "of_4_retries"),
    [("README.md", 3, 0), ("docs/size-my-sleep.md", 3, 2), ("docs/upgrade-my-controller.md", 3, 0)],
)
def test_other_pages_tell_of_all_rollouts_of_the_banks(page: str, of_10_retries: int, of_4_retries: int) -> None:
    told = estimates(Path(page).read_text())
    for name, n in (("gree-200-pods", of_10_retries), ("gree-200-pods-4-retries", of_4_retries)):
        true = [share(name, whole=True), *quantiles(name, whole=True)]
        assert sum(one in true for one in told) == n


def test_what_a_change_of_a_row_s_scenario_gives() -> None:
    said = rows(PAGE.read_text())
    none, round_robin = of("controller-restart, none"), of("black-hole, round_robin")

    assert f"{100 * none[1].mean():.0f} % have any" in said["controller-restart"]
    assert round_robin[0].mean() == pytest.approx(4690, abs=5)
    assert "4,690 on average with `--set target_group.routing=round_robin`" in said["black-hole"]


@pytest.mark.slow
@pytest.mark.parametrize("key", ROWS)
def test_the_first_rollout_of_each_row_is_what_the_code_gives(key: str) -> None:
    """If this fails, behaviour changed: `python -m tests.docs.scenario_rollouts --anew`, and review the difference."""
    n_502, any_502 = rollouts_of_row(key)
    assert n_502.size == ROWS[key].rollouts
    assert one(ROWS[key], 0) == pytest.approx((n_502[0], any_502[0]), rel=1e-3)


@pytest.mark.slow
def test_the_page_s_arithmetic_by_hand_is_what_200_rollouts_count() -> None:
    scenario = load_scenario("scenarios/fixed-lag.yaml")
    figures = [simulate(scenario, replication=n, estimator="sampled").figures() for n in range(200)]
    text = PAGE.read_text()[PAGE.read_text().index("## Arithmetic by hand") :]
    counted = [
        mean_estimate([of_rollout.values[f"outcomes.{name}"] for of_rollout in figures])
        for name in ("connect_refused", "closed_in_flight")
    ]
    for told, true in zip(estimates(text), counted, strict=True):
        assert told == pytest.approx([true.value, true.low, true.high], rel=0.003)
