"""A scenario's report as one HTML file (`albsim report`): everything in it, and nothing fetched.

Shown:
- the answer over all rollouts in a sentence, and that of the worst rollout;
- the warnings;
- two sliders, for other preStop sleeps and retry limits (`sliders`);
- the figures, as a table, as pictures, and all of them as `albsim run --format json` prints them;
- the worst rollout's story;
- the keys of the scenario that are not the default, and every key;
- where all values came from.

Equal input gives equal bytes. Pictures are SVG inside the page, as data: sharp at any size, and their names cannot
clash. Pictures follow the browser's dark mode, and a narrow screen gets narrower ones. The one script, of the sliders,
is named in the page's content security policy by its hash, so no other runs. Without this script the page is whole.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.experiment.figures import DEREGISTRATION_LAG_S, OUTCOMES, RESPONSES, SPREAD_502
from sim.experiment.provenance import model_version
from sim.report.answer import answer, headline
from sim.report.disruption import name_of
from sim.report.pictures.canvas import drawn
from sim.report.pictures.dark_mode import follows_dark_mode
from sim.report.pictures.gantt import gantt
from sim.report.pictures.keep_curve import lost_afterwards
from sim.report.pictures.plots import CAUSES
from sim.report.pictures.rollout_plots import (
    distribution_of_502s,
    distribution_of_lags,
    failures_by_cause,
    lags_of,
    share_later,
)
from sim.report.resolved import as_yaml, differences
from sim.report.short import waits_for_nodes
from sim.report.sliders import sliders
from sim.report.story import story
from sim.report.tables import cells, render
from sim.report.wording import cause, count, number, percent, plural, seconds
from sim.scenario.advice import advise
from sim.scenario.cluster_switch import ClusterSwitchSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.figure import Figure

    from sim.diagnosis.findings import Findings
    from sim.experiment.figures import Figures
    from sim.experiment.sleeps_and_retries import SleepsAndRetries
    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

_NARROW = 4.2
_LIBRARIES = ("numpy", "scipy", "simpy", "numba", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The content of a report: a scenario, all its rollouts, and the findings of the worst one.

    `command` is the command line that the page repeats. `grid`: what the sliders show, or None for no sliders.
    """

    scenario: Scenario
    summary: Summary
    figures: Sequence[Figures]
    worst: Findings
    command: str
    grid: SleepsAndRetries | None = None


class _Picture(NamedTuple):
    """A picture: its caption, with how to read it, its alternative text, and the picture as data URLs.

    `narrow`: the picture for a narrow screen.
    """

    caption: str
    alternative: str
    source: str
    narrow: str


class _Script(NamedTuple):
    """A script, and its hash as a content security policy names it."""

    text: str
    hash: str


def page(report: Report) -> str:
    """Return the report as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sim.report", "page"),
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
        "disruption": name_of(scenario),
        "disruptions": plural(name_of(scenario)),
        "headline": headline(report.summary),
        "answer": answer(report.worst),
        "worst": report.worst.replication.number,
        "labelled": cells(report.summary) | waits_for_nodes(report.summary),
        "json": render([report.summary], "json"),
        "pictures": list(_pictures(report)),
        "chart": _chart(report),
        "sliders": sliders(report.grid, report.summary.estimator, name_of(scenario)) if report.grid else None,
        "why_no_sleep": _sentence(scenario.disrupted_by.why_no_sleep.partition(":")[0]),
        "script": _script(),
        "story": story(report.worst),
        "flowing_story": story(report.worst, flows=True),
        "warnings": advise(scenario),
        "differences": differences(scenario),
        "every_key": every_key,
        "provenance": _provenance(report, every_key),
    }


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _script() -> _Script:
    from markupsafe import Markup

    text = files("sim.report").joinpath("page/sliders.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return _Script(Markup(text), f"sha256-{digest}")  # noqa: S704 - our own


def _pictures(report: Report) -> Iterator[_Picture]:
    scenario, figures, summary, name = report.scenario, report.figures, report.summary, name_of(report.scenario)
    n_502 = [of_rollout[RESPONSES[502]] for of_rollout in figures]
    yield _picture(
        f"How many 502s a {name} gives: the share of {plural(name)} (up) with more than so many (across, logarithmic, "
        "with a place for zero).",
        f"The 502s of {count(len(figures), name)}: from {number(min(n_502))} to {number(max(n_502))}, on average "
        f"{number(summary[SPREAD_502].mean.value)}.",
        partial(distribution_of_502s, scenario, figures, summary[SPREAD_502].mean),
    )
    yield _picture(
        f"Why requests fail, and what clients get: means per {name} (the axis is logarithmic, with a place for zero).",
        f"Failed requests per {name}, by cause: {_causes(summary)}.",
        partial(failures_by_cause, scenario, summary),
    )
    yield _picture(
        "The race: how long targets stay in rotation after their pods' deletion, over all pods of all "
        f"{plural(name)}. What outlasts preStop, shaded, may be sent requests that fail.",
        f"Deregistration lags: {_lags(report)}.",
        partial(distribution_of_lags, scenario, figures),
    )
    if scenario.disruption == ClusterSwitchSpec.kind:
        yield _picture(
            "What is lost by how long the old side is kept: every request that still looks there afterwards (both axes "
            "are logarithmic).",
            "The curve of `albsim recommend`, which has the numbers.",
            partial(lost_afterwards, scenario),
        )


def _chart(report: Report) -> _Picture:
    worst, name = report.worst.replication, name_of(report.scenario)
    return _picture(
        f"Replication {worst.number}, pod by pod: red is the time in which a dead pod is still sent requests. Below "
        "are the 502s and the controller's reconciles.",
        f"A Gantt chart of the worst {name}, which ended {number(worst.requests.n_status(502))} requests in a 502. The "
        "story below tells the same in words.",
        partial(gantt, report.worst),
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


def _picture(caption: str, alternative: str, draw: Callable[..., Figure]) -> _Picture:
    return _Picture(caption, alternative, _data_url(draw()), _data_url(draw(width=_NARROW)))


def _data_url(picture: Figure) -> str:
    content = base64.b64encode(follows_dark_mode(drawn(picture, "svg"))).decode()
    return f"data:image/svg+xml;base64,{content}"


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
