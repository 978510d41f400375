"""A scenario's report as one HTML file (`albsim report`): everything in it, nothing fetched, no script.

What is in it: the answer over all rollouts in a sentence, and that of the worst rollout; its figures; the table; three
pictures; the worst rollout's story; the warnings; the scenario as it was resolved; where all of it came from. Equal
input gives equal bytes. Pictures are SVG inside the page: sharp at any size, and their names cannot clash.
What is left out: what a reader could change; it is a page to send and to keep.
"""

from __future__ import annotations

import base64
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from sim.experiment.provenance import model_version
from sim.report.answer import answer
from sim.report.figures import drawn
from sim.report.findings import findings
from sim.report.gantt import gantt
from sim.report.rollout_plots import failures_by_rollout, lags_of_all
from sim.report.story import story
from sim.report.tables import cells
from sim.report.wording import count, number, percent
from sim.scenario.advice import advise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from sim.experiment.replication import Figures, Replication
    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

_LIBRARIES = ("numpy", "scipy", "simpy", "numba", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report tells: a scenario, all its rollouts, and the worst of them whole, with drawn requests.

    `command`: what was typed, as the page repeats it.
    """

    scenario: Scenario
    summary: Summary
    figures: Sequence[Figures]
    worst: Replication
    command: str


class _Picture(NamedTuple):
    caption: str
    source: str


def page(report: Report) -> str:
    """Write the report as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sim.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(_contents(report))


def headline(summary: Summary) -> str:
    """Say in a sentence what all rollouts of a scenario come to."""
    rollouts = count(summary.replications, "rollout")
    n_502, rate, any_502 = summary.responses[502], summary.rate_502, summary.any_502
    of_them = f"{percent(any_502.value)} of {rollouts} had any ({number(100 * any_502.low)} to {percent(any_502.high)})"
    if any_502.value == 0:
        return (
            f"No request ended in a 502 in {rollouts}: with 95 % confidence at most {percent(any_502.high)} have any."
        )
    interval = "" if n_502.low == n_502.high else f" (95 %: {number(max(0.0, n_502.low))} to {number(n_502.high)})"
    return f"{number(n_502.value)} 502s per rollout{interval}, {percent(rate.value)} of its requests; {of_them}."


def resolved(scenario: Scenario, *, with_defaults: bool = False) -> str:
    """Write a scenario as YAML: what its files and the command line set, or every key; it loads as an equal one."""
    written: dict[str, Any] = scenario.model_dump(mode="json", exclude_unset=not with_defaults)
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=100)


def _contents(report: Report) -> dict[str, Any]:
    scenario = report.scenario
    return {
        "scenario": scenario,
        "headline": headline(report.summary),
        "answer": answer(findings(report.worst)),
        "worst": report.worst.number,
        "cells": cells(report.summary),
        "pictures": _pictures(report),
        "story": story(report.worst),
        "warnings": advise(scenario),
        "set_keys": resolved(scenario),
        "every_key": resolved(scenario, with_defaults=True),
        "provenance": _provenance(report),
    }


def _pictures(report: Report) -> list[_Picture]:
    scenario, figures = report.scenario, report.figures
    return [
        _picture("Failed requests, rollout by rollout", failures_by_rollout(scenario, figures)),
        _picture("How long the targets of deleted pods stay in rotation", lags_of_all(scenario, figures)),
        _picture(f"The worst rollout, replication {report.worst.number}", gantt(report.worst)),
    ]


def _picture(caption: str, figure: Figure) -> _Picture:
    content = base64.b64encode(drawn(figure, "svg")).decode()
    return _Picture(caption, f"data:image/svg+xml;base64,{content}")


def _provenance(report: Report) -> dict[str, str]:
    libraries = ", ".join(f"{library} {version(library)}" for library in _LIBRARIES)
    return {
        "Command": report.command,
        "Seed": str(report.scenario.seed),
        "Rollouts": f"{report.summary.replications}, requests {report.summary.estimator}",
        "Model": f"albsim {model_version()}",
        "Libraries": f"Python {platform.python_version()}, {libraries}",
    }
