"""Write the tables of docs/mutation-testing.md from what `sample.py` kept: `python tests/mutation/table.py DIRECTORY`.

Mutants that compute the same as the program were judged one at a time: `equivalent.csv` has each with the reason.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "mutation-testing.md"
BEGIN, END = "<!-- sample -->", "<!-- end of sample -->"
WATCHERS = {"tests": "the quick tests", "verify": "`albsim verify`"}


def without_place(what: str) -> str:
    """Return a mutant's description without its line and column."""
    return re.sub(r":\d+:\d+:", ":", what)


def kept(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last trial of each mutant, and of several the one that was noticed."""
    told: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        trial = json.loads(line)
        if not told.get(trial["what"], {}).get("noticed"):
            told[trial["what"]] = trial
    return told


def equivalent() -> dict[str, str]:
    with (HERE / "equivalent.csv").open(encoding="utf-8", newline="") as file:
        return {row["mutant"]: row["why"] for row in csv.DictReader(file)}


def tables(directory: Path) -> list[str]:
    same = equivalent()
    lines = [
        "| who | tried | of these the same program | noticed | of the others |",
        "|---|--:|--:|--:|--:|",
    ]
    survivors = {}
    for who, words in WATCHERS.items():
        trials = kept(directory / f"{who}.jsonl")
        others = {name: trial for name, trial in trials.items() if without_place(name) not in same}
        noticed = sum(bool(trial["noticed"]) for trial in others.values())
        alike, share = len(trials) - len(others), noticed / len(others)
        lines.append(f"| {words} | {len(trials)} | {alike} | {noticed} | {share:.0%} |")
        survivors[who] = [without_place(name) for name, trial in others.items() if not trial["noticed"]]
    lines += ["", "What the quick tests do not notice:", "", *_listed(survivors["tests"])]
    lines += ["", "What `verify` does not notice, by module:", "", "| module | mutants |", "|---|--:|"]
    modules = Counter(name.split(":")[0] for name in survivors["verify"])
    lines += [f"| `{module}` | {count} |" for module, count in modules.most_common()]
    reasons = defaultdict(list)
    tried = {without_place(name) for who in WATCHERS for name in kept(directory / f"{who}.jsonl")}
    for name, why in same.items():
        if name in tried:
            reasons[why].append(name)
    lines += ["", "The same program, and why:", ""]
    for why, names in reasons.items():
        lines += [f"- {why}", *(f"  {line}" for line in _listed(names))]
    return lines


def _listed(names: list[str]) -> list[str]:
    return [f"- `{name.replace('`', '')}`" for name in sorted(names)] or ["Nothing."]


def main(directory: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    text = "\n".join([BEGIN, *tables(Path(directory)), END])
    PAGE.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
