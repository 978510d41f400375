"""The committed results: what every scenario of a directory gives, as one page of Markdown with its pictures.

- Each scenario is simulated with `expected`, which has no noise of requests, if its settings allow that, else with
  `sampled`. The story of its worst rollout always has drawn requests.
- A page is a map of file names to text: the page itself, and for each picture the CSV from which alone it is made.
- The texts hold numbers at their printed precision and no version, so they differ exactly when the behaviour does.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.diagnosis.findings import findings
from sim.experiment.figures import RESPONSES
from sim.experiment.replication import simulate
from sim.experiment.replications import replicate
from sim.experiment.spreadsheet import csv_of
from sim.experiment.summary import summarise
from sim.report.answer import answer
from sim.report.disruption import noun_of, shared_noun
from sim.report.pictures.results_pictures import PICTURES
from sim.report.tables import markdown_tables
from sim.report.wording import markdown, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from sim.experiment.summary import Summary
    from sim.scenario.specs import Scenario

PAGE, FIGURES = "results.md", "figures"


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario, its figures, and the answer of its rollout with the most 502s, `worst`."""

    scenario: Scenario
    summary: Summary
    worst: int
    answer: str


def result_of(scenario: Scenario, executor: Executor | None = None) -> Result:
    """Return the result of all replications of a scenario. Without an executor this process does the work."""
    figures = list(replicate(scenario, executor))
    n_502 = [of_rollout[RESPONSES[502]] for of_rollout in figures]
    worst = n_502.index(max(n_502))
    told = answer(findings(simulate(scenario, replication=worst, estimator="sampled")))
    return Result(scenario, summarise(scenario, figures), worst, told)


def page(results: Sequence[Result]) -> dict[str, str]:
    """Return the texts of the page: file names, relative to its directory, with their contents."""
    summaries = [result.summary for result in results]
    return {PAGE: _markdown(results)} | {
        f"{FIGURES}/{picture.name}.csv": csv_of(picture.rows(summaries, [result.scenario for result in results]))
        for picture in PICTURES
    }


def pictures(texts: Mapping[str, str]) -> dict[str, bytes]:
    """Return the pictures of a page, drawn from its CSV files: file names, relative to its directory, with SVG."""
    from sim.report.pictures.canvas import drawn

    return {
        f"{FIGURES}/{picture.name}.svg": drawn(
            picture.draw(list(csv.DictReader(io.StringIO(texts[f"{FIGURES}/{picture.name}.csv"])))), "svg"
        )
        for picture in PICTURES
    }


def _markdown(results: Sequence[Result]) -> str:
    tables = [f"## {title}\n\n{table}" for title, table in markdown_tables([result.summary for result in results])]
    noun = shared_noun(result.scenario.disruption for result in results)
    captions = {picture.name: picture.caption.format(noun=noun, nouns=plural(noun)) for picture in PICTURES}
    shown = [f"![{caption}]({FIGURES}/{name}.svg)\n\n*{caption}*" for name, caption in captions.items()]
    parts = [
        "# What the scenarios give",
        _ORIGIN,
        *tables[:2],
        *shown[:2],
        *tables[2:],
        *shown[2:],
        "## One by one",
        *map(_section, results),
    ]
    return "\n\n".join(parts) + "\n"


_ORIGIN = (
    "Written by `albsim results` from the scenarios of this directory; do not edit. `albsim results --check` fails\n"
    "when the code gives other numbers than these. Intervals are 95 %."
)


def _section(result: Result) -> str:
    scenario, summary = result.scenario, result.summary
    runs = f"{summary.replications} {plural(noun_of(summary))}, seed {scenario.seed}, requests {summary.estimator}"
    return "\n\n".join(
        part
        for part in (
            f"### {markdown(scenario.name)}",
            scenario.description.strip().replace("<", r"\<"),
            f"{runs}. The worst, replication {result.worst}, with drawn requests: {result.answer}",
        )
        if part
    )
