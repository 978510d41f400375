"""Round trips of records that are not as calibration would have them: a table of docs/calibration.md.

`python tests/report/records/spoiled.py [--rollouts 20] [--rates 0.2,1] [--only WORDS]`: some seconds for each rollout.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from round_trip import scenario

from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.experiment.replication import simulate
from sim.records.reading import read
from sim.report.records.writing import write_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.records.records import Records

TRUE = {"median": 10.0, "p95": 20.0}
GAMMA = {"dist": "gamma", "shape": 4.693425, "mean": 10.7533}
"""Its median is 10 s, its 95 % quantile twice that."""
EARLY_END = {"pod.pre_stop_sleep_s": 15, "pod.termination_grace_period_s": 30}
LEAST = {"target_group.routing": "least_outstanding_requests"}

Change = dict[str, Any]


def without_a_file(directory: Path, rng: np.random.Generator) -> None:
    """Delete one of the access log's files: one in six or eight."""
    files = sorted(directory.rglob("*_app.*.log.gz"))
    files[int(rng.integers(len(files)))].unlink()


def without_the_controller(directory: Path, _: np.random.Generator) -> None:
    """Leave the calls to CloudTrail, which has whole seconds."""
    (directory / "controller.log").unlink()


def without_the_audit_log(directory: Path, _: np.random.Generator) -> None:
    """Leave nothing of Kubernetes."""
    (directory / "audit.log").unlink()


def nothing(*_: object) -> None:
    """Leave all as it is."""


def later(*frames: str, by_s: float = 2.0) -> Callable[[Records], None]:
    """Return what sets these clocks ahead."""

    def change(records: Records) -> None:
        for name in frames:
            getattr(records, name)["time_s"] += by_s

    return change


CONDITIONS: dict[str, tuple[Change, Callable[[Path, np.random.Generator], None], Callable[[Records], None]]] = {
    "nothing": ({}, nothing, nothing),
    "gamma law": ({PROPAGATION: GAMMA}, nothing, nothing),
    "random routing": ({"target_group.routing": "random"}, nothing, nothing),
    "least outstanding requests": (LEAST, nothing, nothing),
    "pods end after 15 s": (EARLY_END, nothing, nothing),
    "pods end after 15 s, least outstanding requests": (EARLY_END | LEAST, nothing, nothing),
    "whole seconds": ({}, without_the_controller, nothing),
    "a file missing": ({}, without_a_file, nothing),
    "the controller's clock 2 s ahead": ({}, nothing, later("reconciles")),
    "the controller's and CloudTrail's clocks 2 s ahead": ({}, nothing, later("reconciles", "calls")),
    "the controller's clock 2 s behind": ({}, nothing, later("reconciles", by_s=-2.0)),
    "the controller's and CloudTrail's clocks 2 s behind": ({}, nothing, later("reconciles", "calls", by_s=-2.0)),
    "CloudTrail alone, 2 s behind": ({}, without_the_controller, later("calls", by_s=-2.0)),
    "the controller's and CloudTrail's clocks 2 s behind, no audit log": (
        {},
        without_the_audit_log,
        later("reconciles", "calls", by_s=-2.0),
    ),
}
USUAL = (
    "Requests come more evenly",
    "The controller's clock and CloudTrail's agree",
    "The interval rests on",
    "The calls' clock may be",
)
"""What is said of every such rollout."""


def row(words: str, rate_rps: float, rollouts: int) -> str:
    """Return a line of the table."""
    changes, spoil, change = CONDITIONS[words]
    values, covered, warned = [], Counter(), Counter()
    for seed in range(rollouts):
        with tempfile.TemporaryDirectory() as directory:
            write_records(simulate(scenario(rate_rps, seed).with_overrides(changes)), Path(directory))
            spoil(Path(directory), np.random.default_rng(seed))
            records = read([Path(directory)])
        change(records)
        found = calibrate(records).measured[PROPAGATION]
        values.append([_quantile(found.value, q) for q in (0.5, 0.95)])
        for name, true_s in TRUE.items():
            low, high = found.ci95[name]
            covered[name] += low <= true_s <= high
        unusual = [note for note in found.notes if not note.startswith(USUAL)]
        warned.update(" ".join(word for word in note.split()[:8] if word[0] not in "0123456789") for note in unusual)
        warned["any"] += bool(unusual)
    medians, p95s = np.array(values).T
    said = ", ".join(f"{name} {100 * n / rollouts:.0f}" for name, n in warned.most_common() if name != "any")
    return (
        f"| {words} | {rate_rps:g} | {medians.mean():.1f} ± {medians.std():.1f} | {p95s.mean():.1f} ± {p95s.std():.1f} "
        f"| {100 * covered['median'] / rollouts:.0f} | {100 * covered['p95'] / rollouts:.0f} "
        f"| {100 * warned['any'] / rollouts:.0f} | {said} |"
    )


def _quantile(law: object, q: float) -> float:
    changed = scenario(1.0, 0).with_overrides({PROPAGATION: law})
    return float(changed.target_group.propagation_s.ppf(q))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=20)
    parser.add_argument("--rates", default="0.2,1")
    parser.add_argument("--only", default="", help="conditions whose name has these words")
    arguments = parser.parse_args()
    for words in CONDITIONS:
        for rate in map(float, arguments.rates.split(",")):
            if arguments.only in words:
                print(row(words, rate, arguments.rollouts), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
