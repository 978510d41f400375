"""The command `backoff`: what it prints, and how it refuses."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sim.cli.backoff import backoff


def test_the_talks_table() -> None:
    result = CliRunner().invoke(backoff, ["--retryer", "published", "--max-retries", "7", "--format", "csv"])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == ["1,1,1", "2,1,2", "3,2,4", "4,7,11", "5,15,26", "6,30,56", "7,61,117"]


def test_the_controllers_default_of_ten_retries() -> None:
    result = CliRunner().invoke(backoff, ["--retryer", "aws-sdk-go-1.23.22", "--format", "json"])
    rows = json.loads(result.stdout)
    assert len(rows) == 10
    assert (rows[-1]["cumulative_low_s"], rows[-1]["cumulative_high_s"]) == (405.5, 811)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--retryer", "publishd"], "did you mean 'published'?"),
        (["--retryer", "published", "--max-retries", "8"], "'published-double'"),
        (["--retryer", "published", "--max-retries", "-1"], "-1 is not in the range"),
        (["--retryer", "published", "--max-retries", "101"], "101 is not in the range"),
        (["--retryer", "published", "--max-retries", "1.5"], "not a valid integer"),
        (["--retryer", "published", "--max-retries", "7", "--format", "xml"], "xml"),
        ([], "--retryer"),
    ],
)
def test_wrong_input_ends_with_a_message_and_status_2(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(backoff, arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr
