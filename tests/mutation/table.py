"""Write the tables of docs/mutation-testing.md from what `sample.py` kept: `python tests/mutation/table.py DIRECTORY`.

Mutants that compute the same as the program were judged one at a time: `equivalent.csv` has each with the reason, and
the sample has others instead.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mutants import ROOT, equivalent, mutant, sample, without_place

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "mutation-testing.md"
BEGIN, END = "<!-- sample -->", "<!-- end of sample -->"
WATCHERS = {"tests": "the quick tests", "verify": "`albsim verify`"}


def kept(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last trial of each mutant, and of several the one that was noticed."""
    told: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        trial = json.loads(line)
        if not told.get(trial["what"], {}).get("noticed"):
            told[trial["what"]] = trial
    return told


def tables(directory: Path, n: int, seed: int) -> list[str]:
    left_out: list[str] = []
    sources = {place[0]: (ROOT / place[0]).read_text(encoding="utf-8") for place in sample(n, seed, left_out)}
    names = [without_place(mutant(sources[place[0]], place).what) for place in sample(n, seed)]
    lines = ["| who | tried | noticed | of all |", "|---|--:|--:|--:|"]
    survivors = {}
    for who, words in WATCHERS.items():
        trials = {without_place(what): trial for what, trial in kept(directory / f"{who}.jsonl").items()}
        tried = [name for name in names if name in trials]
        survivors[who] = [name for name in tried if not trials[name]["noticed"]]
        noticed = len(tried) - len(survivors[who])
        lines.append(f"| {words} | {len(tried)} | {noticed} | {noticed / len(tried):.1%} |")
    lines += ["", "What the quick tests do not notice:", "", *_listed(survivors["tests"])]
    lines += ["", "What `verify` does not notice, by module:", "", "| module | mutants |", "|---|--:|"]
    modules = Counter(name.split(":")[0] for name in survivors["verify"])
    lines += [f"| `{module}` | {count} |" for module, count in modules.most_common()]
    reasons = defaultdict(list)
    for name in left_out:
        reasons[equivalent()[name]].append(name)
    lines += ["", "Drawn and not tried, because they compute the same as the program, and why:", ""]
    for why, of_reason in reasons.items():
        lines += [f"- {why}", *(f"  {line}" for line in _listed(of_reason))]
    return lines


def _listed(names: list[str]) -> list[str]:
    return [f"- `{name.replace('`', '')}`" for name in sorted(names)] or ["Nothing."]


def main(directory: str, n: str = "300", seed: str = "12") -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    text = "\n".join([BEGIN, *tables(Path(directory), int(n), int(seed)), END])
    PAGE.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
