from __future__ import annotations

import math

import pytest
from rich.table import Table

from sim.report.wording import count, number, percent, plain, seconds, times


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (1, "1.00"),
        (-12.34, "-12.3"),
        (0.000123456, "0.000123"),
        (1e-6, "0.00000100"),
        (9e-7, "≈0"),
        (-5.9e-14, "≈0"),
        (9.996, "10.0"),
        (99.95, "100"),
        (394.4, "394"),
        (999.6, "1,000"),
        (12_345, "12,300"),
        (1_083_983, "1,080,000"),
        (math.nan, "-"),
        (math.inf, "-"),
    ],
)
def test_three_significant_digits(value: float, written: str) -> None:
    assert number(value) == written


def test_units_and_plurals() -> None:
    assert percent(0.1234) == "12.3 %"
    assert percent(math.nan) == "-"
    assert seconds(1234.56) == "1,234.6 s"
    assert seconds(math.inf) == "- s"
    assert [count(0, "pod"), count(1, "pod"), count(2000, "pod")] == ["0 pods", "1 pod", "2,000 pods"]
    assert [count(1, "retry"), count(10, "retry")] == ["1 retry", "10 retries"]
    assert [times(1), times(6)] == ["once", "6 times"]


def test_plain_text_has_neither_colour_nor_the_terminal_s_width(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("a", "b", header_style="bold red")
    table.add_row("x" * 10, "y" * 10)
    in_a_pipe = plain(table, width=60)
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert plain(table, width=60) == in_a_pipe
    assert "\x1b" not in in_a_pipe
    assert "x" * 10 in in_a_pipe
