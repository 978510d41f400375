from __future__ import annotations

import json
import math

from sim.experiment.statistics import Estimate
from sim.report.verification import render
from sim.verification.checks import Check, of_violations

DRAWN = Check("refused = share", "lag 10 s", 400.0, Estimate(398.0, 394.0, 402.0))
OFF = Check("lost at SIGKILL", "grace 15 s", 17.5, Estimate(20.0, 19.0, 21.0))
EXACT = Check("SIGKILL, s", "grace 30 s", 32.0, Estimate(32.0, 32 - 1e-9, 32 + 1e-9))
BROKEN = of_violations("one outcome", "10 rollouts", [True, False, False])
NOTHING = Check("one draw", "", 1.0, Estimate(1.0, math.nan, math.nan))


def test_a_table_says_pass_or_fail_and_by_how_much_below_each_claim() -> None:
    lines = render([DRAWN, OFF, EXACT, BROKEN, NOTHING], "table").splitlines()
    assert ["for", "theory", "measured", "from", "to", "off"] in map(str.split, lines)
    below = {lines[at - 1]: lines[at].split() for at in range(4, len(lines)) if lines[at][:4] in ("pass", "FAIL")}
    assert below["refused = share"] == ["pass", "lag", "10", "s", "400", "398", "394", "402", "-0.50"]
    assert below["lost at SIGKILL"] == ["FAIL", "grace", "15", "s", "17.5", "20", "19", "21", "+2.50"]
    assert below["SIGKILL, s"] == ["pass", "grace", "30", "s", "32", "32", "0"]
    assert below["one outcome"] == ["FAIL", "10", "rollouts", "0", "2", "2"]
    assert below["one draw"][0] == "FAIL"
    assert lines[-1] == "3 of 5 checks failed"


def test_a_claim_stands_once_above_all_its_rows_and_nothing_is_wider_than_80_columns() -> None:
    long = Check("SIGKILL, s", "least_outstanding_requests: 7352 requests, 20 rollouts", 1e5, Estimate(1e5, 1e5, 1e5))
    text = render([EXACT, OFF, long], "table")
    assert text.count("SIGKILL, s") == 1
    assert max(map(len, text.splitlines())) <= 80


def test_all_passed_is_said() -> None:
    assert render([DRAWN, EXACT], "table").splitlines()[-1] == "all 2 checks passed"


def test_json_has_every_number_and_the_verdict() -> None:
    first, _, last = json.loads(render([DRAWN, OFF, NOTHING], "json"))
    assert first == {
        "claim": "refused = share",
        "settings": "lag 10 s",
        "theory": 400.0,
        "measured": 398.0,
        "low": 394.0,
        "high": 402.0,
        "passed": True,
    }
    assert (last["low"], last["passed"]) == (None, False)
