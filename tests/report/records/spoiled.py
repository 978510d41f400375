"""Records that differ from what the method assumes, or that were spoiled: a table of docs/calibration.md.

`python tests/report/records/spoiled.py [--rollouts N] [--rates 0.2,1] [--only WORDS]`: half a second for each condition
and rollout, at 0.2 requests/s. What is written once is read once, for all conditions that only change what was read.

Warnings are what the output says of `target_group.propagation_s`, without what it says of every such rollout. The last
columns count the rollouts whose interval missed the truth without a warning. Beside them are those in which the output
allows for as much as the calls' clock is off: "may be up to 2.3 s ahead".
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from albsim_tests.coverage_table import Tally, short
from round_trip import scenario

from sim.calibration.calibrate import PROPAGATION, calibrate
from sim.experiment.replication import simulate
from sim.records.deregistrations import changes
from sim.records.reading import read
from sim.report.records.writing import write_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.records.records import Records

OFF_S = 2.0
QUANTILES = {"median": 0.5, "p95": 0.95}
GAMMA = {"dist": "gamma", "shape": 4.693425, "mean": 10.7533}
"""Its median is 10 s, its 95 % quantile twice that."""
TWO_KINDS = {"dist": "empirical", "values": [5.4, 5.7, 5.9, 6.1, 6.3, 6.5, 6.8, 18.4, 20.0, 21.6]}
EARLY_END = {"pod.pre_stop_sleep_s": 15, "pod.termination_grace_period_s": 30}
LEAST = {"target_group.routing": "least_outstanding_requests"}

Change = dict[str, Any]


def without_a_file(directory: Path, rng: np.random.Generator) -> None:
    """Delete one of the access log's files: one in six or eight."""
    files = sorted(directory.rglob("*_app.*.log.gz"))
    files[int(rng.integers(len(files)))].unlink()


def without_some_files(directory: Path, rng: np.random.Generator) -> None:
    """Delete each of the access log's files with a chance of 5 %."""
    for file in sorted(directory.rglob("*_app.*.log.gz")):
        if rng.random() < 0.05:
            file.unlink()


def without_the_controller(directory: Path, _: np.random.Generator) -> None:
    """Leave the calls to CloudTrail, which has whole seconds."""
    (directory / "controller.log").unlink()


def without_the_audit_log(directory: Path, _: np.random.Generator) -> None:
    """Leave nothing of Kubernetes."""
    (directory / "audit.log").unlink()


def without_some_calls(records: Records) -> Records:
    """Leave out every fourth DeregisterTargets, of the controller's log and of CloudTrail."""
    lost = {change.targets for change in changes(records, "deregister")[::4]}
    frames = {"reconciles": ("kind", "deregister"), "calls": ("action", "Deregister")}
    return replace(
        records,
        **{
            name: frame[~(frame["targets"].isin(lost) & frame[column].str.contains(words))]
            for name, (column, words) in frames.items()
            for frame in [getattr(records, name)]
        },
    )


def nothing(*_: object) -> None:
    """Leave all files as they are."""


def as_read(records: Records) -> Records:
    """Leave what was read as it is."""
    return records


def later(*frames: str, by_s: float = OFF_S) -> Callable[[Records], Records]:
    """Return what sets these clocks ahead."""

    def change(records: Records) -> Records:
        read = {name: getattr(records, name) for name in frames}
        return replace(records, **{name: frame.assign(time_s=frame["time_s"] + by_s) for name, frame in read.items()})

    return change


CONDITIONS: dict[str, tuple[Change, Callable[[Path, np.random.Generator], None], Callable[[Records], Records]]] = {
    "nothing": ({}, nothing, as_read),
    "gamma law": ({PROPAGATION: GAMMA}, nothing, as_read),
    "two kinds of nodes": ({PROPAGATION: TWO_KINDS}, nothing, as_read),
    "random routing": ({"target_group.routing": "random"}, nothing, as_read),
    "least outstanding requests": (LEAST, nothing, as_read),
    "pods end after 15 s": (EARLY_END, nothing, as_read),
    "pods end after 15 s, least outstanding requests": (EARLY_END | LEAST, nothing, as_read),
    "whole seconds": ({}, without_the_controller, as_read),
    "a file missing": ({}, without_a_file, as_read),
    "5 % of files missing": ({}, without_some_files, as_read),
    "a quarter of the calls not in the records": ({}, nothing, without_some_calls),
    "the controller's clock 2 s ahead": ({}, nothing, later("reconciles")),
    "the controller's and CloudTrail's clocks 2 s ahead": ({}, nothing, later("reconciles", "calls")),
    "the controller's clock 2 s behind": ({}, nothing, later("reconciles", by_s=-OFF_S)),
    "the controller's and CloudTrail's clocks 2 s behind": ({}, nothing, later("reconciles", "calls", by_s=-OFF_S)),
    "CloudTrail alone, 2 s behind": ({}, without_the_controller, later("calls", by_s=-OFF_S)),
    "the controller's and CloudTrail's clocks 2 s behind, no audit log": (
        {},
        without_the_audit_log,
        later("reconciles", "calls", by_s=-OFF_S),
    ),
}
USUAL = (
    "Requests come more evenly",
    "No call shows the controller's clock and CloudTrail's apart",
    "The interval rests on",
    "The calls' clock may be",
    "If Kubernetes' clock is right",
)
"""What is said of every such rollout."""


@cache
def written(rate_rps: float, seed: int, changes: str, spoil: Callable[[Path, np.random.Generator], None]) -> Records:
    """Return the records of a rollout whose scenario has these changes, as JSON, and whose files were spoiled."""
    with tempfile.TemporaryDirectory() as directory:
        write_records(simulate(scenario(rate_rps, seed).with_overrides(json.loads(changes))), Path(directory))
        spoil(Path(directory), np.random.default_rng(seed))
        return read([Path(directory)])


def most_s(note: str) -> float:
    """Return by how much the calls' clock may be off, if a note says so, else 0."""
    if "clock may be" not in note:
        return 0.0
    known = re.search(r"up to ([\d.]+) s", note)
    return float(known[1]) if known else math.inf


class Row:
    """A line of the table."""

    def __init__(self, words: str, rate_rps: float) -> None:
        self._words, self._rate_rps = words, rate_rps
        self._changes, self._spoil, self._change = CONDITIONS[words]
        law = scenario(rate_rps, 0).with_overrides(self._changes).target_group.propagation_s
        self._tally = Tally({name: float(law.ppf(q)) for name, q in QUANTILES.items()})
        self._missed = self._missed_in_silence = self._n = self._refused = self._allowed = 0
        self._off = next((way for way in ("ahead", "behind") if way in words), "")

    def add(self, seed: int) -> None:
        """Count one rollout more."""
        records = written(self._rate_rps, seed, json.dumps(self._changes), self._spoil)
        calibration = calibrate(self._change(records))
        if calibration.propagation is None:
            self._refused += 1
            return
        found = calibration.measured[PROPAGATION]
        unusual = {short(note) for note in found.notes if not note.startswith(USUAL)}
        held = self._tally.add(calibration.propagation, found.ci95, unusual)
        self._n += 1
        self._missed += not held
        self._missed_in_silence += not held and not unusual
        self._allowed += any(f" {self._off} " in note and most_s(note) >= OFF_S for note in found.notes)

    def __str__(self) -> str:
        n = f"{self._n} of {self._n + self._refused}" if self._refused else f"{self._n}"
        cells = f"{self._rate_rps:g} | {n} | {self._tally.cells()}"
        allowed = f"{100 * self._allowed / self._n:.0f}" if self._off else ""
        return f"| {self._words} | {cells} | {self._missed_in_silence} of {self._missed} | {allowed} |"


def main() -> None:
    """Print the table, and on stderr what there is of it after every tenth rollout. "9 of 10": one was refused."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=100)
    parser.add_argument("--rates", default="0.2,1")
    parser.add_argument("--only", default="", help="conditions whose name has these words")
    arguments = parser.parse_args()
    for rate in map(float, arguments.rates.split(",")):
        rows = [Row(words, rate) for words in CONDITIONS if arguments.only in words]
        for seed in range(arguments.rollouts):
            written.cache_clear()
            for row in rows:
                row.add(seed)
            if seed % 10 == 9:
                print(*rows, sep="\n", end="\n\n", file=sys.stderr, flush=True)  # noqa: T201
        print(*rows, sep="\n", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
