from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest
from albsim_tests.reports import summary

from sim.data_plane.outcomes import Outcome
from sim.experiment.figures import ANY_502, OUTCOMES, RATE_502, RESPONSES, SPREAD_502
from sim.experiment.statistics import Estimate, Spread, spread
from sim.report.tables import FORMATS, WIDTH, render, tables
from sim.report.wording import plain

NAN = math.nan


def _bad() -> Any:
    figures = {
        OUTCOMES[Outcome.CONNECT_REFUSED]: Estimate(1000.0, 500.0, 1500.0),
        OUTCOMES[Outcome.CLOSED_IN_FLIGHT]: Estimate(250.0, 0.0, 500.0),
        OUTCOMES[Outcome.IDLE_TIMEOUT]: Estimate(9000.0, 0.0, 9000.0),
        SPREAD_502: Spread(Estimate(900, 40, 1100), Estimate(2600, 1700, math.inf), Estimate(1250, -50, 2550), 0.2, 9),
        RESPONSES[504]: Estimate(9000.0, 0.0, 9000.0),
        RATE_502: Estimate(0.0125, 0.01, 0.015),
        ANY_502: Estimate(0.5, 0.2538, 0.7462),
    }
    return summary(figures, scenario="bad|pipe")


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in line.replace(r"\|", "\0").strip("| ").split(" | ")]


def test_markdown_says_what_was_measured() -> None:
    heading, rule, *rows, _, counted = render([summary(), _bad()], "markdown").splitlines()
    assert len({line.replace(r"\|", "").count("|") for line in (heading, rule, *rows)}) == 1
    assert counted == "Requests: every one drawn (estimator: sampled)."
    quiet, bad = (dict(zip(_cells(heading), _cells(row), strict=True)) for row in rows)
    assert quiet["scenario"] == "quiet"
    assert quiet["502s, median"] == quiet["502s, mean"] == "0"
    assert quiet["share with 502s"] == "none in 12 (at most 24.2 %)"
    assert quiet["main cause of the 502s"] == "none seen"
    assert [quiet[f"lag (s), {part}"] for part in ("median", "99 %", "longest")] == ["7.00", "10.0", "12.5"]
    assert (quiet["AWS calls"], quiet["throttled AWS calls"]) == ("1,230", "0")
    assert (quiet["reconciles"], quiet["failed reconciles"]) == ("9.00", "0.250")
    assert bad["502s, median"] == "900 (40.0 to 1,100)"
    assert bad["502s, 95 % quantile"] == "2,600 (at least 1,700)"
    assert bad["502s, mean"] == "1,250 (0 to 2,550)"
    assert bad["share with 502s"] == "50.0 % of 12 (25.4 to 74.6 %)"
    assert bad["main cause of the 502s"] == "connect_refused (80.0 %)", "a 504 is no cause of 502s"
    assert (bad["503s, mean"], bad["504s, mean"]) == ("0", "9,000")


def test_one_replication_has_no_interval() -> None:
    alone = summary({RESPONSES[502]: Estimate(7.0, NAN, NAN), SPREAD_502: spread([7.0])}, replications=1)
    assert "| 7.00 | 7.00 | 7.00 | none seen |" in render([alone], "markdown")
    assert json.loads(render([alone], "json"))[0]["responses"]["502"] == {"mean": 7.0, "ci95": None}
    (row,) = csv.DictReader(io.StringIO(render([alone], "csv")))
    assert (row["responses.502.mean"], row["responses.502.ci95.low"]) == ("7.0", "")


def test_a_mean_that_one_rollout_makes_has_no_interval() -> None:
    heavy = summary({SPREAD_502: spread([0.0] * 8 + [10, 20, 30, 940])})
    assert "| 83.3 (94.0 % by one) |" in render([heavy], "markdown")
    told = json.loads(render([heavy], "json"))[0]["responses_502"]
    assert told["mean"] == {"value": pytest.approx(1000 / 12), "ci95": None}
    assert told["largest_share"] == 0.94
    assert told["p50"] == {"value": 0, "ci95": [0, pytest.approx(16.67, abs=0.01)]}
    assert told["p95"]["ci95"][1] is None
    assert told["replications_for_mean"] > 200


def test_json_is_the_interface_s_list() -> None:
    summaries = [summary(), _bad()]
    printed = json.loads(render(summaries, "json"))
    assert printed == [one.as_json() for one in summaries]
    assert list(printed[0]) == [
        "scenario", "seed", "replications", "estimator", "version", "requests", "responses", "outcomes", "rate_502",
        "any_502", "responses_502", "rollout_s", "deregistration_lag_s", "exposure_s", "no_healthy_target_s",
        "least_healthy_targets", "latency_s", "aws_api",
    ]  # fmt: skip
    assert printed[1]["any_502"] == {"fraction": 0.5, "ci95": [0.2538, 0.7462]}


def _leaf(value: Any, path: str) -> Any:
    for key in path.removesuffix(".low").removesuffix(".high").split("."):
        value = value[key]
    return value[path.endswith(".high")] if isinstance(value, list) else value


def test_csv_has_every_leaf_of_the_json_under_its_path() -> None:
    summaries = [summary(), _bad()]
    text = render(summaries, "csv")
    assert "\r" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    for row, one in zip(rows, summaries, strict=True):
        for path, cell in row.items():
            leaf = _leaf(one.as_json(), path)
            assert cell == ("" if leaf is None else str(leaf)), path
    assert {"rate_502.mean", "any_502.fraction", "any_502.ci95.high", "rollout_s.p99", "aws_api.calls.mean"} <= set(
        rows[0]
    )


def test_table_fits_and_keeps_names_whole() -> None:
    name = "a-scenario-with-a-rather-long-name"
    text = render([summary(scenario=name), _bad()], "table")
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count(name) == 6, "a row in each table"
    assert "none in 12" in text
    narrow = plain(tables([summary(), _bad()]), width=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "connect_refused" in narrow
    assert narrow.count("per rollout") == 2
    assert plain(tables([summary(), summary(disruption="scale_in")]), width=80).count("per disruption") == 2
    assert "How often a node drain has 502s" in render([summary(disruption="node_drain")] * 2, "table")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_summaries_give_the_same_bytes(form: str) -> None:
    text = render([summary(), _bad()], form)
    assert text == render([summary(), _bad()], form)
    assert not text.endswith("\n")


def test_no_scenario_is_a_head_without_rows() -> None:
    assert json.loads(render([], "json")) == []
    assert not render([], "csv")
    of_none, of_one = (render(summaries, "markdown").splitlines() for summaries in ([], [summary()]))
    assert of_none == [line for line in of_one if not line.startswith("| quiet |")]
    assert len(of_none) == len(of_one) - 1
    assert "quiet" in render([summary()], "table")
    assert "quiet" not in render([], "table")
    assert "scenario" in render([], "table")
