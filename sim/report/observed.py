"""What a user's records tell, on a terminal, as JSON and as CSV.

- The terminal shows first the answer (how many requests failed, and of what), then each rollout with its lags. Then
  follow the callers of the AWS API, and at the end what was not read and what to doubt.
- JSON is as docs/interface.md describes it.
- CSV has a row for each rollout.
"""

from __future__ import annotations

import csv
import io
import json
import math
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table

from sim.records.observation import iso
from sim.records.records import POD_OUTCOMES
from sim.records.selection import name_of
from sim.report import against
from sim.report.doubts import MOST_SHOWN, doubts_of
from sim.report.wording import WIDTH, count, number, percent, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from sim.records.against import Against
    from sim.records.lags import TargetLag
    from sim.records.observation import Observation
    from sim.records.rollouts import Rollout

FORMATS = ("table", "json", "csv")
RESET = "reset: refused, cut in flight or a keep-alive race; one line of an access log does not tell which."


def render(observation: Observation, form: str, found: Against | None = None) -> str:
    """Return the observation, and its comparison with a scenario, in one of `FORMATS`, without a line end."""
    if form == "json":
        told = observation.as_json() | ({} if found is None else against.as_json(found))
        return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
    return _csv(observation) if form == "csv" else plain(tables(observation, found), width=WIDTH)


def tables(observation: Observation, found: Against | None = None) -> Group:
    """Return the sections for a terminal."""
    sections: list[RenderableType] = [_headline(observation)]
    for section in (_outcomes, _error_codes, _rollouts, _target_groups, _targets, _clients):
        part = section(observation)
        sections += ["", part] if part is not None else []
    if found is not None:
        sections += ["", against.table(found)]
    doubts = list(doubts_of(observation))
    return Group(*sections, *(["", "To bear in mind", *(f"  {doubt}" for doubt in doubts)] if doubts else []))


def _headline(observation: Observation) -> str:
    requests = observation.records.requests
    if requests is None or requests.empty:
        return "No access log among the records that are wanted: nothing on requests."
    failed = observation.requests - observation.outcomes["ok"] - observation.outcomes["application_5xx"]
    first_s, last_s = requests["time_s"].iloc[0], requests["time_s"].iloc[-1]
    return (
        f"{count(observation.requests, 'request')} to pods over {count(len(observation.nodes), 'ALB node')}, "
        f"{iso(first_s)} to {iso(last_s)}: {failed:,} failed ({percent(failed / max(observation.requests, 1))}), in "
        f"{count(len(observation.rollouts), 'rollout')} {_failed_in(observation.rollouts):,}."
    )


def _failed_in(rollouts: Iterable[Rollout]) -> int:
    passed = ("ok", "application_5xx")
    return sum(rollout.outcomes.get(name, 0) for rollout in rollouts for name in POD_OUTCOMES if name not in passed)


def _outcomes(observation: Observation) -> Table | None:
    if not observation.requests:
        return None
    table = _table("Requests by outcome", ("outcome", "requests", "share"), words=1)
    for name in POD_OUTCOMES:
        n = observation.outcomes[name]
        if n:
            table.add_row(name, f"{n:,}", percent(n / observation.requests))
    table.caption = RESET if observation.outcomes["reset"] else None
    table.caption_justify = "left"
    return table


def _error_codes(observation: Observation) -> Table | None:
    codes = observation.records.error_codes
    if not codes:
        return None
    headings = ("outcome", "field 35", "field 36", "requests")
    table = _table("What the ALB wrote in the log's fields 35 and 36, which AWS does not explain", headings, words=3)
    for (outcome, *fields), n in sorted(codes.items(), key=lambda one: -one[1])[:MOST_SHOWN]:
        table.add_row(outcome, *(field or "-" for field in fields), f"{n:,}")
    return table


def _rollouts(observation: Observation) -> Table | None:
    if not observation.rollouts:
        return None
    headings = ("from (UTC)", "took, s", "left / new", "requests", "failed", "lag, s\np50 / max")
    table = _table(
        "Rollouts (lag: from the pod's deletion, else from DeregisterTargets, to the last request)", headings
    )
    for rollout in observation.rollouts:
        row = _row(rollout)
        table.add_row(
            _began(rollout),
            number(rollout.until_s - rollout.from_s),
            f"{len(rollout.lags)} / {rollout.new_targets}",
            f"{row['requests']:,}",
            f"{row['failed']:,}",
            f"{number(float(row['lag_p50_s']))} / {number(float(row['lag_max_s']))}",
        )
    return table


def _target_groups(observation: Observation) -> Table | None:
    """Return whose pods each rollout replaced, and why its requests failed."""
    if not observation.rollouts:
        return None
    table = _table("Target group and failed requests of each", ("from (UTC)", "target group", "by cause"))
    for rollout in observation.rollouts:
        table.add_row(_began(rollout), name_of(rollout.target_group), _causes(rollout) or "-")
    return table


def _began(rollout: Rollout) -> str:
    return iso(rollout.from_s)[:19].replace("T", " ")


def _row(rollout: Rollout) -> dict[str, str | int | float]:
    lags_s = [lag.lag_s for lag in rollout.lags]
    return {
        "from": iso(rollout.from_s),
        "until": iso(rollout.until_s),
        "target_group": rollout.target_group,
        "targets": len(rollout.lags),
        "new_targets": rollout.new_targets,
        "requests": sum(rollout.outcomes.get(name, 0) for name in POD_OUTCOMES),
        "failed": _failed_in([rollout]),
        **{name: rollout.outcomes.get(name, 0) for name in POD_OUTCOMES},
        "lag_p50_s": round(median(lags_s), 3),
        "lag_max_s": round(max(lags_s), 3),
    }


def _causes(rollout: Rollout) -> str:
    found = {name: rollout.outcomes.get(name, 0) for name in POD_OUTCOMES if name not in ("ok", "application_5xx")}
    return ", ".join(f"{name} {n:,}" for name, n in sorted(found.items(), key=lambda one: -one[1]) if n)


def _targets(observation: Observation) -> Table | None:
    lags = sorted((lag for rollout in observation.rollouts for lag in rollout.lags), key=lambda lag: -lag.lag_s)
    if not lags:
        return None
    title = (
        f"The slowest of {count(len(lags), 'target')}, and where the time went, s" if len(lags) > 1 else "The target"
    )
    headings = ("target", "deletion\nto call", "call", "DeregisterTargets to the last request\nby ALB node", "lag")
    table = _table(title, headings, words=1)
    for lag in lags[:MOST_SHOWN]:
        table.add_row(
            lag.target,
            number(lag.begun_s - lag.deleted_s),
            number(lag.deregistered_s - lag.begun_s),
            _by_node(lag),
            number(lag.lag_s),
        )
    return table


def _by_node(lag: TargetLag) -> str:
    return (
        ", ".join(f"{node or 'unknown'} {number(at_s - lag.deregistered_s)}" for node, at_s in lag.last_s.items())
        or "-"
    )


def _clients(observation: Observation) -> Table | None:
    if not observation.clients:
        return None
    table = _table("AWS API calls by client of the account", ("client", "calls", "throttled"), words=1)
    for client in observation.clients[:MOST_SHOWN]:
        table.add_row(client.name, f"{client.calls:,}", f"{client.throttled:,}")
    others = observation.clients[MOST_SHOWN:]
    if others:
        calls, throttled = sum(client.calls for client in others), sum(client.throttled for client in others)
        table.add_row(f"{len(others)} others", f"{calls:,}", f"{throttled:,}")
    return table


def _table(title: str, headings: tuple[str, ...], *, words: int = 0) -> Table:
    """Return an empty table whose first `words` columns are words and not numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        left = (
            place < words or heading in ("from (UTC)", "target group", "by cause") or heading.startswith("Deregister")
        )
        whole = heading in ("from (UTC)", "target group")
        table.add_column(heading, justify="left" if left else "right", overflow="fold", no_wrap=whole)
    return table


def _csv(observation: Observation) -> str:
    rows = [_row(rollout) for rollout in observation.rollouts]
    columns = ["from", "until", "target_group", "targets", "new_targets", "requests", "failed", *POD_OUTCOMES]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, "lag_p50_s", "lag_max_s"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _blank(value) for key, value in row.items()} for row in rows)
    return text.getvalue().rstrip("\n")


def _blank(value: str | float) -> str | float:
    return "" if isinstance(value, float) and math.isnan(value) else value
