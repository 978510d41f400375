"""The text of `albsim recommend --for`: one sleep for several disruptions, and which of them decides."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table

from sim.report.recommendation import record
from sim.report.recommendation_words import goal_in_words
from sim.report.wording import WIDTH, listed, percent, plain
from sim.scenario.disruptions import DISRUPTIONS

if TYPE_CHECKING:
    from sim.experiment.recommend_for import ForAll
    from sim.experiment.recommendation import Recommendation


def render(found: ForAll, form: str) -> str:
    """Return the recommendation as `table` or `json`, without a line end."""
    if form == "json":
        return json.dumps(_record(found), indent=2, ensure_ascii=False)
    return plain(Group(answer(found), "", _table(found)), width=WIDTH)


def answer(found: ForAll) -> str:
    """Return in words what to set, and which disruption decides."""
    changes = [f"{key} to {value:g}" for key, value in found.settings.items()]
    names = listed([f"a {DISRUPTIONS[kind].noun}" for kind in found.by_kind])
    goal = goal_in_words(next(iter(found.by_kind.values())).goal, "case")
    what = f"Set {listed(changes)}" if changes else "Nothing need change"
    decides = DISRUPTIONS[found.decided_by].noun
    said = f"{what}, for {goal} of {names}. The {decides} decides: it needs {found.sleep_s:g} s of preStop sleep."
    if found.unmet:
        unmet = listed([DISRUPTIONS[kind].noun for kind in found.unmet])
        said += f" No sleep attains the goal in: {unmet}; `albsim recommend --set disruption=…` says why."
    return said


def _table(found: ForAll) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("disruption", "least sleep (s)", "95 % interval", "advised", "goal met"):
        table.add_column(heading, justify="left" if heading == "disruption" else "right")
    for kind, of_kind in found.by_kind.items():
        table.add_row(DISRUPTIONS[kind].noun, *_cells(of_kind))
    return table


def _cells(found: Recommendation) -> tuple[str, str, str, str]:
    sleep = found.least
    value, high = (f"{of:g}" if math.isfinite(of) else "none" for of in (sleep.value, sleep.high))
    met = percent(found.best.with_at_most(found.goal.most_failed).value)
    return value, f"{sleep.low:g} to {high}", f"{found.best.scenario.pod.pre_stop_sleep_s:g}", met


def _record(found: ForAll) -> dict[str, Any]:
    return {
        "said": answer(found),
        "set": found.settings,
        "decided_by": found.decided_by,
        "unmet": found.unmet,
        "for": {kind: record(of_kind, ()) for kind, of_kind in found.by_kind.items()},
    }
