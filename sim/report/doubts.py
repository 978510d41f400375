"""What to bear in mind of a user's records: what was not read, what is missing, and what does not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.records.clocks import clock_doubts
from sim.records.observation import iso
from sim.records.rollouts import names_no_pod
from sim.records.silence import silence
from sim.report.wording import count, listed, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.records.observation import Observation

MOST_SHOWN = 15
"""How many files, targets or clients are named. The rest is counted."""


def doubts_of(observation: Observation) -> Iterator[str]:
    """Yield a sentence for everything that was not read, is missing, or does not fit together."""
    files = observation.records.files
    known = files[files["kind"] != "none"]
    n_not_read = int(known["lines_not_read"].sum())
    if n_not_read:
        worst = known.sort_values("lines_not_read", kind="stable")["path"].iloc[-1]
        yield f"{count(n_not_read, 'line')} could not be read, most of them in {worst}."
    for file in files[files["note"] != ""].itertuples():
        yield f"{file.path}: {file.note}."
    strange = files.loc[files["lines_read"] == 0, "path"].tolist()
    if strange:
        yield f"{count(len(strange), 'file')} held no records: {_some(strange)}."
    if observation.missing_files:
        missing = [f"{one.node} until {iso(one.until_s)}" for one in observation.missing_files]
        yield f"{count(len(missing), 'access log file')} may be missing or late: {_some(missing)}."
    yield from _on_targets(observation)
    if observation.outcomes["other"]:
        yield f"{count(observation.outcomes['other'], 'line')} fit no rule of outcomes, and are in none of them."
    yield from _on_clocks(observation)


def _on_targets(observation: Observation) -> Iterator[str]:
    if any(rollout.new_targets == 0 for rollout in observation.rollouts):
        yield "Where no new target came, it was a scale-in or a drain, or RegisterTargets is not in the records."
    if observation.silent:
        yield silence(list(observation.silent))
    if names_no_pod(observation.records):
        yield (
            "The access log's targets are no pods that are known. With target type instance they are worker nodes: "
            "pods leave without DeregisterTargets, so that no rollout, no lag and no cause of a reset can be told."
        )


def _on_clocks(observation: Observation) -> Iterator[str]:
    clocks = observation.clocks
    if clocks.n_silent_before:
        yield (
            f"{clocks.n_silent_before:,} of {count(clocks.n_left, 'target')} had no request after DeregisterTargets at "
            f"any ALB node, the last one {seconds(clocks.silent_before_s)} before it in the median. Little traffic, "
            "failed health checks or clocks that differ make that."
        )
    if observation.rollouts:
        yield from clock_doubts(clocks)


def _some(names: list[str]) -> str:
    shown = names[:MOST_SHOWN]
    return listed(shown) if len(shown) == len(names) else f"{', '.join(shown)} and {len(names) - len(shown):,} more"
