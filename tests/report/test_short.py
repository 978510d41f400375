from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.cli import main

SCENARIO = str(Path(__file__).parents[2] / "scenarios" / "fixed-lag.yaml")
ALONE = ("run", SCENARIO, "--replications", "3", "--workers", "1", "--quiet")


def test_one_scenario_is_told_in_sentences_and_labelled_lines() -> None:
    """By hand: four pods, each dead and in rotation for 10 s with a fifth of 50 requests per second; 2 cut."""
    told, _, *lines = CliRunner().invoke(main, ALONE).stdout.partition("\n\n")

    assert told.startswith("fixed-lag: ")
    assert "402" in told
    assert "(connect_refused, 99.5 % of them)" in " ".join(told.split())
    assert "`albsim recommend`" in told
    assert "a dead pod is sent requests   half 10.0 s, 99 % 10.0 s, longest 10.0 s" in lines[0]


def test_where_nothing_fails_there_is_no_next_step() -> None:
    told = CliRunner().invoke(main, [*ALONE, "--set", "pod.pre_stop_sleep_s=30"]).stdout

    assert "No 502 is to be expected" in told
    assert "Next" not in told


@pytest.mark.parametrize("changes", [(), ("--set", f"name={'x' * 70}"), ("--set", "traffic.arrival_rate_rps=123456")])
def test_it_fits_80_columns(changes: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*ALONE, *changes])

    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
