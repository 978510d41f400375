"""Oracle: the committed page, and docs/facts/controller.md §1 to §4 written out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main
from sim.scenario.releases import version_number

PAGE = Path(__file__).parents[2] / "docs" / "controllers.md"
ELBV2, EC2, WAF = "elasticloadbalancing", "ec2", "waf-regional"


def _printed(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["controllers", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def rows() -> dict[str, dict]:
    return {row["since"]: row for row in json.loads(_printed("--format", "json"))}


def test_the_committed_page_is_what_the_code_gives() -> None:
    """If this fails, the code counts otherwise: write `docs/controllers.md` as its head says, and review it."""
    assert PAGE.read_text(encoding="utf-8") == _printed("--format", "markdown")


def test_every_boundary_of_the_facts_has_its_row(rows: dict[str, dict]) -> None:
    v1 = ["v1.1.0", "v1.1.2", "v1.1.3", "v1.1.5", "v1.1.6", "v1.1.7"]
    calls = ["v2.0", "v2.2", "v2.2.1", "v2.3", "v2.3.1", "v2.4.4", "v2.5.4", "v2.6.2", "v2.7.1", "v2.8.2", "v2.9"]
    calls += ["v2.9.1", "v2.10.1", "v2.13.3", "v3.2", "v3.4"]
    logs_and_annotations = ["v2.5", "v2.10", "v2.13", "v3.3"]
    marks_of_nodes = ["v2.1.1"]
    v2 = sorted([*calls, *logs_and_annotations, *marks_of_nodes], key=version_number)
    assert [version for version, row in rows.items() if row["changes"].keys() != {"sdk"}] == v1 + v2


@pytest.mark.parametrize(
    ("version", "elbv2", "ec2", "waf_cold", "waf_warm"),
    [("v1.1.2", 7, 2, 1, 1), ("v1.1.3", 7, 3, 1, 1), ("v1.1.5", 7, 3, 1, 0), ("v1.1.7", 7, 3, 1, 0)],
)
def test_before_deregister_targets_v1_makes_3_4_g_and_2_g_calls(
    rows: dict[str, dict], version: str, elbv2: int, ec2: int, waf_cold: int, waf_warm: int
) -> None:
    for state, waf in (("cold", waf_cold), ("warm", waf_warm)):
        before = rows[version][state]["before"]
        assert (before[ELBV2], before[EC2], before.get(WAF, 0)) == (elbv2, ec2, waf)
        # 4 + 4 G + L + H, and DeregisterTargets itself.
        assert rows[version][state]["whole"][ELBV2] == 4 + 4 + 2 + 1 + 1


def test_v2_makes_three_calls_at_first_and_then_one(rows: dict[str, dict]) -> None:
    for version in [version for version in rows if not version.startswith("v1.")]:
        assert rows[version]["cold"]["before"] == {ELBV2: 1, EC2: 2}
        assert rows[version]["warm"]["before"] == {ELBV2: 1}


def test_the_longest_waits(rows: dict[str, dict]) -> None:
    by_sdk = {
        version: (row["attempts"], row["waits_most_s"], round(row["waits_mean_s"])) for version, row in rows.items()
    }
    assert by_sdk["v1.1.3"] == (11, 767, 575)
    assert by_sdk["v1.1.5"] == by_sdk["v2.7"] == (11, 811, 617)
    assert by_sdk["v2.9"] == by_sdk["v3.2"] == (10, 130, 115)


def test_what_changes_is_named(rows: dict[str, dict]) -> None:
    changes = rows["v1.1.6"]["changes"]
    assert changes.keys() == {"has_readiness_gates", "enqueues_namespace", "enqueues_on_cordon", "heeds_marks"}
    assert changes["enqueues_namespace"] == [True, False]
    assert rows["v1.1.0"]["changes"] == rows["v2.0"]["changes"] == {}
    throttled = "`Elastic Load Balancing v2:^RegisterTargets|^DeregisterTargets=4:20`"
    page = _printed("--format", "markdown")
    assert f"- v2.4.4: aws api throttle {throttled}" in page
    assert "- v2.5.4: sync period (s) 36000 instead of 3600; resyncing informers 2 instead of 1" in page
    assert "- v1.1.7: sequence: `wafv2:GetWebACLForResource` after `waf-regional:GetWebACLForResource`; enq" in page
    web_acls = "`wafv2:GetWebACLForResource` and `waf-regional:GetWebACLForResource`"
    assert f"- v2.8.2: sequence: no longer {web_acls}" in page
    assert "- v2.10.1: sequence: `elasticloadbalancing:DescribeListenerAttributes` for each listener after" in page


def test_the_tables_of_a_terminal_fit_80_columns_and_name_a_version_where_figures_change() -> None:
    lines = _printed().splitlines()
    assert max(map(len, lines)) <= 80
    cells = [line.split() for line in lines]
    # docs/facts/controller.md §1 to §4: 3 + 4 G + WAF calls before DeregisterTargets, from v2.0 on 3 and then 1.
    assert ["v1.1.7", "12", "10", "22", "20"] in cells
    assert ["v2.0", "3", "1", "4", "2"] in cells
    assert ["v2.9", "10", "115", "130"] in cells
    assert not [line for line in cells if line[:2] == ["v2.1", "3"]]
