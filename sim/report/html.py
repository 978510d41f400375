"""A scenario's report as one HTML file (`albsim report`): everything in it, nothing fetched, no script.

Shown:
- the answer over all rollouts in a sentence, and that of the worst rollout;
- the warnings;
- the figures, as a table, as pictures, and all of them as `albsim run --format json` prints them;
- the worst rollout's story;
- the keys of the scenario that are not the default, and every key;
- where all of it came from.

Equal input gives equal bytes. Pictures are SVG inside the page, as data: sharp at any size, and their names cannot
clash.

Left out: anything that a reader could change. It is a page to send and to keep.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.experiment.figures import DEREGISTRATION_LAG_S, OUTCOMES, RESPONSES, SPREAD_502
from sim.experiment.provenance import model_version
from sim.report.answer import answer, headline
from sim.report.pictures.canvas import drawn
from sim.report.pictures.gantt import gantt
from sim.report.pictures.plots import CAUSES
from sim.report.pictures.rollout_plots import (
    distribution_of_502s,
    distribution_of_lags,
    failures_by_cause,
    lags_of,
    share_later,
)
from sim.report.resolved import as_yaml, differences
from sim.report.story import story
from sim.report.tables import cells, render
from sim.report.wording import cause, count, number, percent, seconds
from sim.scenario.advice import advise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from sim.diagnosis.findings import Findings
    from sim.experiment.figures import Figures
    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

_LIBRARIES = ("numpy", "scipy", "simpy", "numba", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The content of a report: a scenario, all its rollouts, and the findings of the worst one.

    `command` is the command line that the page repeats.
    """

    scenario: Scenario
    summary: Summary
    figures: Sequence[Figures]
    worst: Findings
    command: str


class _Picture(NamedTuple):
    """A picture: its caption, with how to read it, its alternative text, and the picture as a data URL."""

    caption: str
    alternative: str
    source: str


def page(report: Report) -> str:
    """Return the report as HTML."""
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


def _contents(report: Report) -> dict[str, Any]:
    scenario = report.scenario
    every_key = as_yaml(scenario)
    return {
        "scenario": scenario,
        "headline": headline(report.summary),
        "answer": answer(report.worst),
        "worst": report.worst.replication.number,
        "cells": cells(report.summary),
        "json": render([report.summary], "json"),
        "pictures": list(_pictures(report)),
        "story": story(report.worst),
        "warnings": advise(scenario),
        "differences": differences(scenario),
        "every_key": every_key,
        "provenance": _provenance(report, every_key),
    }


def _pictures(report: Report) -> Iterator[_Picture]:
    scenario, figures, summary, worst = report.scenario, report.figures, report.summary, report.worst.replication
    n_502 = [of_rollout[RESPONSES[502]] for of_rollout in figures]
    yield _picture(
        "How many 502s a rollout gives: the share of rollouts (up) with more than so many (across, logarithmic, "
        "with a place for zero).",
        f"The 502s of {count(len(figures), 'rollout')}: from {number(min(n_502))} to {number(max(n_502))}, on average "
        f"{number(summary[SPREAD_502].mean.value)}.",
        distribution_of_502s(scenario, figures, summary[SPREAD_502].mean),
    )
    yield _picture(
        "Why requests fail, and what clients get: means per rollout (the axis is logarithmic, with a place for zero).",
        f"Failed requests per rollout, by cause: {_causes(summary)}.",
        failures_by_cause(scenario, summary),
    )
    yield _picture(
        "The race: how long targets stay in rotation after their pods' deletion, over all pods of all rollouts. What "
        "outlasts preStop, shaded, may be sent requests that fail.",
        f"Deregistration lags: {_lags(report)}.",
        distribution_of_lags(scenario, figures),
    )
    yield _picture(
        f"The worst rollout, replication {worst.number}, pod by pod: red is the time in which a dead pod is "
        "still sent requests. Below, its 502s and the controller's reconciles.",
        f"A Gantt chart of the worst rollout, which ended {number(worst.requests.n_status(502))} requests in a "
        "502. The story below tells the same in words.",
        gantt(report.worst),
    )


def _causes(summary: Summary) -> str:
    means = {cause(outcome): summary[OUTCOMES[outcome]].value for outcome in CAUSES}
    most_first = sorted(means, key=lambda name: -means[name])
    return ", ".join(f"{name} {number(means[name])}" for name in most_first if means[name]) or "none"


def _lags(report: Report) -> str:
    lags_s = lags_of(report.figures)
    if not lags_s.size:
        return "none"
    middle, longest = report.summary[DEREGISTRATION_LAG_S]["p50"], float(lags_s.max())
    late = percent(share_later(report.scenario, lags_s))
    return f"the median is {seconds(middle)}, the longest {seconds(longest)}; {late} outlast preStop"


def _picture(caption: str, alternative: str, picture: Figure) -> _Picture:
    content = base64.b64encode(drawn(picture, "svg")).decode()
    return _Picture(caption, alternative, f"data:image/svg+xml;base64,{content}")


def _provenance(report: Report, every_key: str) -> dict[str, str]:
    libraries = ", ".join(f"{library} {version(library)}" for library in _LIBRARIES)
    return {
        "Command": report.command,
        "Seed": str(report.scenario.seed),
        "Replications": f"{report.summary.replications:,}",
        "Estimator": report.summary.estimator,
        "Version": report.summary.version,
        "Model version": model_version(),
        "Libraries": f"Python {platform.python_version()}, {libraries}",
        "SHA-256 of the scenario, every key": hashlib.sha256(every_key.encode()).hexdigest(),
    }
