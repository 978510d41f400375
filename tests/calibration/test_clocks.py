"""The controller's clock against CloudTrail's: from v2 on a log has a call's end, of v1.1 only its beginning."""

import json
import os
from pathlib import Path

import pytest
from albsim_tests.records import BEGIN_S, GROUP, call, iso, log, trail

from sim.calibration.clocks import clock_notes, controller_ahead_s
from sim.records.reading import read
from sim.records.records import Records

TARGET = "10.0.1.72:8080"


def from_v1(directory: Path, begun_s: float, completed_s: float) -> Records:
    said = (
        f"{iso(begun_s, 'I%m%d %H:%M:%S.%f')}       1 targets.go:95] shop/web: Removing targets from {GROUP}: {TARGET}"
    )
    return both(directory, [said], completed_s)


def from_v2(directory: Path, begun_s: float, answered_s: float, completed_s: float) -> Records:
    begun = {"msg": "deRegistering targets", "arn": GROUP, "targets": [{"Id": "10.0.1.72", "Port": 8080}]}
    answered = {"msg": "deRegistered targets", "arn": GROUP}
    said = [begun | {"ts": BEGIN_S + begun_s}, answered | {"ts": BEGIN_S + answered_s}]
    return both(directory, [json.dumps(one) for one in said], completed_s)


def both(directory: Path, lines: list[str], completed_s: float) -> Records:
    written = log(directory / "controller.log", *lines)
    os.utime(written, (BEGIN_S + 600, BEGIN_S + 600))  # a line of v1.1 has no year
    trail(directory / "trail.json", call(completed_s, "DeregisterTargets", (TARGET,)))
    return read([directory])


@pytest.mark.parametrize(
    ("begun_s", "completed_s", "ahead_s"),
    [
        (10.9, 10.95, 0.0),  # within the trail's second
        (10.9, 48.2, 0.0),  # throttled for long
        (12.9, 10.95, 1.9),  # begun after the second in which the call was completed
    ],
)
def test_of_v1_only_a_clock_that_is_ahead_is_seen(
    tmp_path: Path, begun_s: float, completed_s: float, ahead_s: float
) -> None:
    records = from_v1(tmp_path, begun_s, completed_s)
    assert controller_ahead_s(records) == pytest.approx(ahead_s)
    said = next(clock_notes(records, (), ("CloudTrail",)))
    assert said.startswith("The controller's clock is 1.9 s ahead" if ahead_s else "No call shows")


@pytest.mark.parametrize("off_s", [-2.0, 0.0, 2.0])
def test_from_v2_on_a_call_s_end_tells_both(tmp_path: Path, off_s: float) -> None:
    records = from_v2(tmp_path, 10.4 + off_s, 10.5 + off_s, 10.5)
    assert controller_ahead_s(records) == pytest.approx(off_s)
